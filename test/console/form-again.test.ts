import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findPerson } from '../../services/store/console/people.ts';
import { beginSession } from '../../services/store/console/sessions.ts';
import { browserProgram, openBrowser, openWindow } from './browser.ts';
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

const suite = browserProgram === null ? describe.skip : describe;
const phone = 'a form in the window of a phone, without script,';
suite(browserProgram === null ? `${phone} (SKIPPED: needs chromium)` : phone, () => {
  test('comes back with what is wrong in view, and the focus in its field', async () => {
    await c.app.listen({ host: '127.0.0.1', port: 0 });
    const base = `http://localhost:${(c.app.server.address() as AddressInfo).port}`;
    const session = await beginSession(
      c.t.db,
      (await findPerson(c.t.db, operator.name))!.person_key,
      { address: '127.0.0.1', agent: null },
      c.context.clock.now(),
    );
    const browser = await openBrowser();
    const { context, page, complaints } = await openWindow(browser, { width: 360, dark: false, base, script: false });
    try {
      await context.addCookies([{ name: 'ruawatch', value: session, url: base }]);
      await page.setViewportSize({ width: 360, height: 640 });
      await page.goto(`/findings/${key}`);
      const form = page.locator(`form[action="/findings/${key}/resolve"]`);
      await page.locator('details', { has: form }).locator('summary').click();
      await form.locator('input[name="why"]').fill('   ');
      await form.locator('button').click();
      const problem = page.locator('#problem');
      await problem.waitFor();
      await form.locator('input[name="why"]:focus').waitFor();
      const { y, height } = (await problem.boundingBox())!;
      expect([y >= 0, y + height <= 640]).toEqual([true, true]);
      expect(complaints).toEqual([]);
    } finally {
      await context.close();
      await browser.close();
    }
  });
});

const formOf = async (person: TestPerson) => /name="form" value="([^"]+)"/.exec((await person.get('/account')).body)![1]!;
