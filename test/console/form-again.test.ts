import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type TestConsole, type TestPerson, testConsole } from './setup.ts';

let c: TestConsole;
let operator: TestPerson;
let key: number;
beforeAll(async () => {
  c = await testConsole();
  key = await c.finding('unauthorized_source', 'example.com');
  operator = await c.person('operator', ['example.com']);
});
afterAll(() => c.close());

describe('a form that cannot be done', () => {
  test('comes back as it was filled in, with what is wrong beside the field, and can be sent again', async () => {
    const here = `/findings/${key}`;
    const answer = await operator.post(`${here}/snooze`, { why: '  ', days: '30' }, { from: here });
    expect(answer.statusCode).toBe(400);
    expect(answer.body).toContain('<option value="30" selected>');
    expect(answer.body).toMatch(
      /name="why"[^>]* value=" {2}" aria-invalid="true"[^>]*><\/label><p class="problem-line" id="problem" role="alert">Give a reason\.<\/p>/,
    );
    // The notice of what was done before is not said again.
    expect(answer.body).not.toContain('class="notice" role="status"');
    const [, place] = /name="place" value="([^"]+)"/.exec(answer.body)!;
    expect(place).toBe(here);
    // The page stands at the address that the form was sent to, from where the browser comes next.
    const again = await operator.post(`${here}/snooze`, { why: '', days: '90', place: place! }, { from: `${here}/snooze` });
    expect(again.body).toContain('<option value="90" selected>');
    const done = await operator.post(`${here}/snooze`, { why: 'later', days: '7', place: place! }, { from: `${here}/snooze` });
    expect(done.statusCode).toBe(303);
  });

  test('keeps the reason where somebody else was faster', async () => {
    const here = `/findings/${key}`;
    await operator.post(`${here}/resolve`, { why: 'repaired' });
    const answer = await operator.post(`${here}/acknowledge`, { why: 'I am <at> it' }, { from: here });
    expect(answer.statusCode).toBe(409);
    expect(answer.body).toContain('is resolved already');
    expect(answer.body).toContain('You wrote: I am &lt;at&gt; it');
    await operator.post(`${here}/reopen`, { why: 'not yet' });
  });

  test('shows no page that the person may not see, and none elsewhere', async () => {
    const of = (from: string) => operator.post(`/findings/${key}/snooze`, { why: '' }, { from });
    for (const from of ['/people', '/health', '/domains/other.example', '/nowhere', '/assets/console.css'])
      expect((await of(from)).body, from).toContain('Code: wrong_parameter');
    const elsewhere = { origin: 'http://localhost:9808', referer: 'https://evil.example/findings' };
    const sent = await operator.raw({
      method: 'POST',
      url: `/findings/${key}/snooze`,
      payload: new URLSearchParams({ why: '', form: await formOf(operator) }).toString(),
      headers: { ...elsewhere, 'content-type': 'application/x-www-form-urlencoded' },
    });
    expect(sent.body).toContain('Code: wrong_parameter');
  });

  test('of a page that it asks for anew comes back too', async () => {
    await c.t.db.query(
      "insert into ruawatch.domains (domain, state, how, since) values ('example.com', 'own', 'added', now()) on conflict do nothing",
    );
    const answer = await operator.get('/domains/example.com?from=yesterday&to=2026-10-05');
    expect(answer.statusCode).toBe(400);
    expect(answer.body).toMatch(/name="from"[^>]* value="yesterday" aria-invalid/);
    expect(answer.body).toContain('Must be a day such as 2026-11-28.');
    expect(answer.body).toMatch(/name="to"[^>]* value="2026-10-05"/);
    const reversed = await operator.get('/domains/example.com?from=2026-10-05&to=2026-10-01');
    expect(reversed.body).toContain('The range ends before it begins.');
    expect(reversed.body).toMatch(/name="from"[^>]* value="2026-10-05"/);
    // What no form of the page has is a problem of its own.
    expect((await operator.get('/domains/example.com?days=x')).body).toContain('Code: wrong_parameter');
  });
});

const formOf = async (person: TestPerson) => /name="form" value="([^"]+)"/.exec((await person.get('/account')).body)![1]!;
