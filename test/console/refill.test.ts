import { describe, expect, test } from 'vitest';
import { html, path } from '../../services/console/html.ts';
import { refilled, type Sent } from '../../services/console/refill.ts';

const address = '/things?q=a';
const sent = (fields: Record<string, string[]>, more: Partial<Sent> = {}): Sent => ({
  action: '/do',
  fields,
  field: null,
  sentence: 'That is wrong.',
  ...more,
});
const filled = (page: Parameters<typeof refilled>[0], given: Sent, only = false) =>
  String(refilled(page, given, { address, only }));

const page = html`<h1>Things</h1>
<form><input name="q" value="a"></form>
<details class="act"><summary>Do</summary><form method="post" action="${path`/do`}"><input type="hidden" name="form" value="fresh"><input type="hidden" name="of" value="1"><label>Why<input name="why" required></label></form></details>
<details class="act"><summary>Do</summary><form method="post" action="${path`/do`}"><input type="hidden" name="form" value="fresh"><input type="hidden" name="of" value="2">
<label for="why">Why</label><input id="why" name="why" value="as it was">
<select name="days"><option value="1">one</option><option value="7" selected>seven</option></select>
<label class="check"><input type="checkbox" name="all" value="yes" checked> all</label>
<textarea name="text"></textarea><input type="password" name="password"></form></details>`;

describe('a form that came back', () => {
  test('has what was typed and chosen, is unfolded, and says where it stands', () => {
    const text = filled(
      page,
      sent({ of: ['2'], why: ['because "x" <y>'], days: ['1'], text: ['many & words'], password: ['secret'] }),
    );
    expect(
      text
        .split('<details')
        .slice(1)
        .map((one) => one.startsWith(' class="act" open>')),
    ).toEqual([false, true]);
    expect(text).toContain('<input id="why" name="why" value="because &quot;x&quot; &lt;y&gt;">');
    expect(text).toContain('<option value="1" selected>one</option><option value="7">seven</option>');
    expect(text).toContain('<input type="checkbox" name="all" value="yes"> all');
    expect(text).toContain('<textarea name="text">many &amp; words</textarea>');
    expect(text).not.toContain('secret');
    expect(text).toContain('<input type="hidden" name="place" value="/things?q=a">');
    // The field that guards forms is the one of the page, not the one that was sent.
    expect(text).toContain('name="form" value="fresh"');
    expect(text).toContain('<label>Why<input name="why" required></label>');
    expect(text).toMatch(/value="\/things\?q=a"><p class="problem-line" id="problem" role="alert">That is wrong.<\/p>/);
  });

  test('has what is wrong behind its field and label', () => {
    const inLabel = filled(page, sent({ of: ['1'], why: [' '] }, { field: 'why' }));
    expect(inLabel).toContain(
      '<label>Why<input name="why" required value=" " aria-invalid="true" aria-errormessage="problem" autofocus></label><p class="problem-line"',
    );
    const beside = filled(page, sent({ of: ['2'], days: ['3'] }, { field: 'days' }));
    expect(beside).toContain('</select><p class="problem-line"');
    expect(beside).toContain('<select name="days" aria-invalid="true"');
  });

  test('keeps what was written where the form is no longer on the page', () => {
    const text = filled(page, sent({ why: ['a <long> reason'] }, { action: '/gone' }));
    expect(text).toMatch(
      /^<p class="problem-line" id="problem" role="alert">That is wrong.<\/p><p class="problem-line">You wrote: a &lt;long&gt; reason<\/p><h1>/,
    );
  });

  test('is that of the page itself where it leads nowhere else', () => {
    const given = sent({ q: ['nonsense'] }, { action: '/things', field: 'q' });
    expect(filled(page, given, true)).toContain(
      '<form><input type="hidden" name="place" value="/things?q=a"><input name="q" value="nonsense" aria-invalid',
    );
    expect(refilled(page, { ...given, field: 'other' }, { address, only: true })).toBeNull();
  });
});
