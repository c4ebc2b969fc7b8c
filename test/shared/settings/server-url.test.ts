import fc from 'fast-check';
import { expect, test } from 'vitest';
import { loadConfig } from '../../../services/shared/settings/config.ts';
import { isAmbiguous, isPercentEncoded, readServerUrl } from '../../../services/shared/settings/server-url.ts';

const config = (env: Record<string, string>) => loadConfig(env, '/nowhere');
const SETTINGS: [string, string][] = [
  ['IMAP_URL', 'imaps'],
  ['IMAP_URL', 'imap'],
  ['SMTP_URL', 'smtp'],
  ['SMTP_URL', 'smtps'],
  ['DATABASE_URL', 'postgres'],
  ['DATABASE_URL', 'postgresql'],
  ['QUEUE_DATABASE_URL', 'postgres'],
  ['REDIS_URL', 'redis'],
  ['REDIS_URL', 'rediss'],
];
const PASSWORDS = [
  'p@Hunter2/word',
  'p@Hunter2',
  'Hunter2/word',
  'Hunter2?word',
  'Hunter2#word',
  'Hunter2%word',
  'p\\Hunter2',
  'p Hunter2',
  'p@@Hunter2',
  '/Hunter2',
  '@Hunter2:1',
  'p@Hunter2?x=y@z',
];

test.each([
  ['smtp://u:p@h/x', 'smtp://u:p@h/x'],
  [' SMTPS://h', 'smtps://h'],
  ['smtp://u@v:p@h', 'smtp://u%40v:p@h'],
  ['smtp://u:a:b@h', 'smtp://u:a%3Ab@h'],
  ['http://h', 'unreadable'],
  ['no URL', 'unreadable'],
  ['', 'unreadable'],
  ['smtp:u:p@h', 'encode'],
  ['smtp://u:p@q@h', 'encode'],
  ['smtp://:@q@h', 'encode'],
  ['smtp://u/v@h', 'encode'],
  ['smtp://u:p@h#x', 'encode'],
  ['smtp://h:port', 'encode'],
])('%s is read as %s', (text, read) => {
  expect(String(readServerUrl(text, ['smtp', 'smtps']))).toBe(read);
});

test('what may end elsewhere than at the last "@" is ambiguous', () => {
  expect(['h/x', '/x', 'u@h', 'u:p@h', '/p@h', ':p@q@h', 'u@v@h', 'u:@q@h', 'h#', 'u v@h'].map(isAmbiguous)).toEqual([
    false,
    false,
    false,
    false,
    true,
    true,
    false,
    true,
    true,
    true,
  ]);
});

test('every "%" begins an escaped octet of UTF-8', () => {
  expect(['a', 'a%40', 'a%', 'a%ff'].map(isPercentEncoded)).toEqual([true, true, false, false]);
});

test.each(SETTINGS)('%s=%s://…: an unescaped password is refused with a hint, and never shown', (key, scheme) => {
  for (const password of PASSWORDS) {
    for (const user of ['rua', 'rua@x', 'rua%40x']) {
      for (const rest of ['host', 'host:993/INBOX', 'host/db']) {
        const url = `${scheme}://${user}:${password}@${rest}`;
        let said = '';
        try {
          config({ [key]: url });
        } catch (error) {
          said = (error as Error).message;
        }
        expect(said, url).toMatch(new RegExp(`^${key} has .*(percent-encoded|must be written %25)`));
        expect(said, url).not.toContain('Hunter2');
      }
    }
  }
});

test.each(SETTINGS)('%s=%s://…: what begins like a URL and does not parse has the hint', (key, scheme) => {
  for (const rest of [
    '//u:p@host:port/x',
    '//u:p@[::1/x',
    'u:p@host',
    '//u:p@ho st/',
    '//rua:Hunter2',
    '//a b',
    '//u:%aaHunter2@host/x',
  ])
    expect(() => config({ [key]: `${scheme}:${rest}` }), rest).toThrow(/percent-encoded|must be written %25/);
});

test('a user that is an address, and escaped passwords, are taken', () => {
  const { mailboxes } = config({ IMAP_URL: 'imaps://rua@example.com:p%40Hunter2%2Fword@mail.example/INBOX' });
  expect(mailboxes).toMatchObject([{ user: 'rua@example.com', password: 'p@Hunter2/word', host: 'mail.example' }]);
  expect(config({ IMAP_URL: 'imaps://u:a:b;c@mail.example' }).mailboxes).toMatchObject([{ password: 'a:b;c' }]);
});

test.each(SETTINGS)(
  '%s=%s://…: any password is either read exactly or refused unseen, and no piece of it is the host',
  (key, scheme) => {
    const odd = [...'abZ09@@:/?#[]%&=+;,!$\'"()*\\|^`{}<>~ \t\n\r._-', '\u00a0', '\u200b', '＠', '／', 'é', '漢'];
    const around = fc.array(fc.constantFrom(...odd), { maxLength: 8 }).map((parts) => parts.join(''));
    const others = { DATABASE_URL: 'postgres://h/d', ALERT_FROM: 'a@b.example', ALERT_TO: 'c@d.example' };
    fc.assert(
      fc.property(around, around, (before, after) => {
        const password = `${before}Hunter2${after}`;
        let read: { host: string; password: string };
        try {
          const found = config({ ...others, [key]: `${scheme}://rua:${password}@mail.example/x` });
          const urls = { SMTP_URL: found.smtpUrl, DATABASE_URL: found.databaseUrl, REDIS_URL: found.redisUrl };
          const text = { ...urls, QUEUE_DATABASE_URL: found.queueDatabaseUrl }[key];
          const url = new URL((text ?? 'http://none').replace(/^\w+:/, 'http:'));
          const mailbox = found.mailboxes[0];
          read = mailbox
            ? { host: mailbox.host, password: mailbox.password! }
            : { host: url.hostname, password: decodeURIComponent(url.password) };
        } catch (error) {
          expect((error as Error).message).toMatch(/percent-encoded|must be written %25/);
          expect((error as Error).message).not.toContain('Hunter2');
          return;
        }
        expect(read.host).toBe('mail.example');
        // "%41" is an A, whether it was meant so or not.
        if (!/%[0-9a-f]{2}/i.test(password)) expect(read.password).toBe(password);
      }),
      { numRuns: 300 },
    );
  },
);
