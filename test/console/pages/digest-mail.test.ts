import { afterAll, beforeAll, expect, test } from 'vitest';
import { addDays, dayOf } from '../../../services/shared/days.ts';
import { type TestConsole, testConsole } from '../setup.ts';

let c: TestConsole;
beforeAll(async () => {
  c = await testConsole();
  await c.t.db.query(
    `insert into ruawatch.domains (domain, state, how, since) select unnest(array['example.com', 'example.net']), 'own', 'added', now()`,
  );
  await c.finding('authentication_regression', 'example.com');
  await c.finding('unauthorized_source', 'example.net', '<script>alert(1)</script>');
  await c.t.db.query('update ruawatch.findings set opened_at = now(), changed_at = now()');
});
afterAll(() => c.close());

test('the preview is the mail that is sent, about the domains of whoever looks', async () => {
  const [root, guest] = [await c.person('admin', null), await c.person('viewer', ['example.com'])];
  const all = await root.get('/digest/mail');
  const to = addDays(dayOf(new Date()), -2);
  expect(all.body).toContain(`[ruawatch] Week to ${to}:`);
  expect(all.body).toContain('2 to act on');
  expect(all.body).toContain('example.net');
  const theirs = await guest.get('/digest/mail');
  expect(theirs.body).toContain('1 to act on');
  expect(theirs.body).not.toContain('example.net');
});

test('its HTML runs nothing, belongs to no origin, and may have its own style', async () => {
  const root = await c.person('admin', null);
  const mail = await root.get('/digest/mail.html');
  expect(mail.body).toMatch(/^<!DOCTYPE html>/);
  expect(mail.body).not.toContain('<script');
  const policy = String(mail.headers['content-security-policy']);
  expect(policy).toMatch(/^default-src 'none'; style-src 'unsafe-inline'; .*sandbox/);
  expect(policy).not.toMatch(/allow-scripts|allow-same-origin|script-src/);
  expect(mail.headers['cache-control']).toBe('no-store');
});
