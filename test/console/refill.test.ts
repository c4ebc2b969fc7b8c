import { describe, expect, test } from 'vitest';
import { actForm, askForm, checkbox, choice, fold, line, passwordLine } from '../../services/console/form.ts';
import { html, path, type Sent } from '../../services/console/html.ts';
import { refilled } from '../../services/console/refill.ts';

const address = '/things?q=a';
const sent = (fields: Record<string, string[]>, more: Partial<Sent> = {}): Sent => ({
  action: '/do',
  fields,
  field: null,
  sentence: 'That is wrong.',
  ...more,
});
const filled = (page: Parameters<typeof refilled>[0], given: Sent, only = false) =>
  String(refilled(page, given, { address, only, guard: 'fresh' }));

const reason = { label: 'Why', name: 'why' };
const page = html`<h1>Things</h1>
${askForm(line({ label: 'Search', name: 'q', value: 'a' }))}
${actForm({ word: 'Do', to: path`/do`, values: { of: 1 } }, line({ ...reason, required: true }))}
${fold(
  'rest',
  'More',
  actForm({ word: 'Do', to: path`/do`, values: { of: 2, left: null } }, [
    line({ ...reason, value: 'as it was', hint: 'a reason' }),
    choice({ label: 'Days', name: 'days' }, [[1, 'one'] as const, [7, 'seven'] as const], 7),
    checkbox({ label: 'all', name: 'all', checked: true }),
    line(passwordLine()),
  ]),
)}`;

describe('a form that came back', () => {
  test('has what was typed and chosen, is unfolded, and says where it stands', () => {
    const given = { of: ['2'], why: ['because "x" <y>'], days: ['1'], password: ['secret'] };
    const text = filled(page, sent(given));
    const folds = [...text.matchAll(/<details class="(\w+)"( open)?>/g)].map(([, as, open]) => [as, open !== undefined]);
    expect(folds).toEqual([
      ['act', false],
      ['rest', true],
      ['act', true],
    ]);
    expect(text).toContain('<input name="why" aria-describedby="why-hint" value="because &quot;x&quot; &lt;y&gt;">');
    expect(text).toContain('<option value="1" selected>one</option><option value="7">seven</option>');
    expect(text).toContain('<input type="checkbox" name="all" value="yes"> all');
    expect(text).not.toContain('secret');
    // What guards forms is of the page, not what was sent.
    expect(
      text.match(/<form action="\/do" method="post" class="stack"><input type="hidden" name="form" value="fresh">/g),
    ).toHaveLength(2);
    expect(text).toContain('<label>Why<input name="why" required></label>');
    // The browser goes to the sentence, where it goes to no field.
    expect(text).toMatch(
      /<input type="hidden" name="place" value="\/things\?q=a">\n<p class="problem-line" id="problem" role="alert" tabindex="-1" autofocus>That is wrong.<\/p>/,
    );
  });

  test('has what is wrong behind its field and label', () => {
    const first = filled(page, sent({ of: ['1'], why: [' '] }, { field: 'why' }));
    expect(first).toContain(
      '<label>Why<input name="why" required value=" " aria-invalid="true" aria-errormessage="problem" autofocus></label><p class="problem-line" id="problem" role="alert">',
    );
    expect(first.match(/autofocus/g)).toHaveLength(1);
    const second = filled(page, sent({ of: ['2'], why: ['x'] }, { field: 'why' }));
    expect(second).toMatch(/<\/label><p class="problem-line"[^>]*>That is wrong.<\/p><p class="hint" id="why-hint">/);
    const chosen = filled(page, sent({ of: ['2'], days: ['3'] }, { field: 'days' }));
    expect(chosen).toContain('<select name="days" aria-invalid="true"');
    expect(chosen).toContain('</select></label><p class="problem-line"');
    const password = filled(page, sent({ of: ['2'], password: ['secret'] }, { field: 'password' }));
    expect(password).toMatch(/<input name="password" type="password"[^>]* aria-invalid="true"/);
    expect(password).not.toContain('secret');
  });

  test('changes nothing of the page that is asked for', () => {
    const text = page.put({ guard: 'fresh', again: null });
    expect(text).not.toMatch(/ open>|aria-invalid|name="place"/);
    expect(text).toContain('<option value="7" selected>');
    expect(text).toContain('name="all" value="yes" checked>');
    expect(text).not.toContain('name="left"');
    // A form that asks changes nothing, and says nothing that only its reader knows.
    expect(text).toContain('<form>\n<label>Search');
  });

  test('keeps what was written where the form is no longer on the page', () => {
    const text = filled(page, sent({ why: ['a <long> reason'] }, { action: '/gone' }));
    expect(text).toMatch(
      /^<p class="problem-line" id="problem" role="alert" tabindex="-1" autofocus>That is wrong.<\/p><p class="problem-line">You wrote: a &lt;long&gt; reason<\/p><h1>/,
    );
  });

  test('says nothing of what was written where no reason is among it', () => {
    const said = '<p class="problem-line" id="problem" role="alert" tabindex="-1" autofocus>That is wrong.</p><h1>';
    for (const fields of [{}, { why: [] }, { why: [''] }, { other: ['x'] }])
      expect(filled(page, sent(fields, { action: '/gone' })).startsWith(said), JSON.stringify(fields)).toBe(true);
  });

  test('is that of the page itself where it leads nowhere else', () => {
    const given = sent({ q: ['nonsense'] }, { action: '/things', field: 'q' });
    expect(filled(page, given, true)).toContain('<input name="q" value="nonsense" aria-invalid="true"');
    expect(refilled(page, { ...given, field: 'other' }, { address, only: true, guard: 'fresh' })).toBeNull();
  });
});
