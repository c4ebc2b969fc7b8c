import { afterAll, beforeAll, expect, test } from 'vitest';
import { composeSignIns, renderSignIn } from '../../../services/alerter/mail/sign-ins.ts';
import { installation } from '../../../services/store/alerts/outbox.ts';
import { addPerson } from '../../../services/store/console/people.ts';
import { endOwnSession, listSessions, type SignIn, signIn } from '../../../services/store/console/sign-ins.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';

const NOW = new Date('2026-11-27T08:00:00Z');
const SETTINGS = { from: 'ruawatch@example.com', console: 'https://ruawatch.example.com' };
let t: TestDatabase;
let ada: number;
let ben: number;
beforeAll(async () => {
  t = await testDatabase();
  ada = await addPerson(t.db, { name: 'ada', email: 'ada@example.com', role: 'viewer', domains: null }, 'test', NOW);
  ben = await addPerson(t.db, { name: 'ben', role: 'viewer', domains: null }, 'test', NOW);
});
afterAll(() => t.drop());

const from = (more: Partial<SignIn> = {}) =>
  signIn(t.db, { person_key: ada, name: 'ada', how: 'password', address: '192.0.2.7', agent: 'Firefox', ...more }, NOW);
const made = () => composeSignIns(t.db, SETTINGS, NOW);

test('a sign-in is mailed once for each browser and network, to its person', async () => {
  await from();
  expect(await made()).toBe(1);
  expect(await made()).toBe(0);
  await from({ address: '192.0.2.200' });
  expect(await made()).toBe(0);
  await from({ agent: 'Chromium' });
  await from({ address: '198.51.100.1' });
  await from({ address: '2001:db8::1' });
  await from({ address: '2001:db8::2' });
  expect(await made()).toBe(3);
  await from({ person_key: ben, name: 'ben' });
  expect(await made()).toBe(0);
  const { rows } = await t.db.query<{ raw: Buffer }>(
    `select recipients, kind, raw, finding_key, message_id, urgent, subject, created_at
       from ruawatch.outbox order by outbox_key`,
  );
  const own = await installation(t.db);
  expect(rows.map(({ raw: _, ...row }) => row)).toEqual(
    [1, 2, 3, 4].map((key) => ({
      recipients: ['ada@example.com'],
      kind: 'sign_in',
      finding_key: null,
      message_id: `<sign-in-${key}.${own}@example.com>`,
      urgent: true,
      subject: '[ruawatch] New sign-in to the console',
      created_at: NOW,
    })),
  );
  expect(rows[0]!.raw.toString()).toContain('From: 192.0.2.7');
  // Nothing for the mail program to set off as urgent: it is news to few.
  expect(rows[0]!.raw.toString()).not.toMatch(/^(importance|x-priority|priority):/im);
});

test('without mail, nobody is told, and nothing waits', async () => {
  await from({ agent: 'Safari' });
  expect(await composeSignIns(t.db, { ...SETTINGS, from: null }, NOW)).toBe(0);
  expect(await made()).toBe(0);
});

test('what a browser calls itself is text', () => {
  const { text, html } = renderSignIn(
    { name: 'ada', at: NOW, how: 'password', address: null, agent: '<script>\u202ealert(1)\r\nBcc: x@evil.example' },
    null,
  );
  expect(html).not.toContain('<script>');
  expect(text).toContain('\\u202e');
  const long = renderSignIn({ name: 'ada', at: NOW, how: 'password', address: null, agent: 'a'.repeat(201) }, null);
  expect(long.text).toContain(`Browser: ${'a'.repeat(200)}\n`);
  expect(text).not.toContain('\r\nBcc');
});

test.each<[string, Parameters<typeof renderSignIn>[0], string | null, string]>([
  [
    'with all that is known',
    { name: 'ada', at: NOW, how: 'password', address: '192.0.2.7', agent: 'Firefox' },
    'https://ruawatch.example.com',
    `Somebody signed in as ada with the password, from a browser or network that you had not used before.

When: 2026-11-27 08:00 UTC

From: 192.0.2.7

Browser: Firefox

If that was you, nothing is to be done.

If not, sign in at https://ruawatch.example.com/account, choose "Sign out everywhere", and ask an admin for a new password: ruawatch people link ada.
`,
  ],
  [
    'with nothing',
    { name: 'ben', at: NOW, how: 'odd', address: null, agent: null },
    null,
    `Somebody signed in as ben odd, from a browser or network that you had not used before.

When: 2026-11-27 08:00 UTC

From: an unknown address

Browser: it does not say

If that was you, nothing is to be done.

If not, sign in, choose "Sign out everywhere", and ask an admin for a new password: ruawatch people link ben.
`,
  ],
])('the whole mail, %s', (_, one, console, text) => {
  const mail = renderSignIn(one, console);
  expect(mail.text).toBe(text);
  expect(mail.subject).toMatch(/New sign-in to the console$/);
  for (const line of text.trimEnd().split('\n\n')) expect(mail.html).toContain(`<p>${line.replaceAll('"', '&quot;')}</p>`);
});

test('people see their own sessions and end them, and nobody else does', async () => {
  const sessions = await listSessions(t.db, ada, NOW);
  expect(sessions.length).toBeGreaterThan(4);
  const { session_key } = sessions[0]!;
  expect(await endOwnSession(t.db, ben, session_key)).toBe(false);
  expect(await endOwnSession(t.db, ada, session_key)).toBe(true);
  expect(await listSessions(t.db, ada, NOW)).toHaveLength(sessions.length - 1);
});
