import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { accessOf, accessSchema } from '../../../services/shared/settings/access.ts';
import { mayLend } from '../../../services/shared/settings/access-email.ts';

/** What is wrong with an `access:` section. */
function mistakesOf(yaml: string): string[] {
  const read = accessSchema.safeParse(parse(yaml));
  if (!read.success) return read.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  const mistakes: string[] = [];
  accessOf(read.data, { mail: [] }, '/etc/ruawatch', mistakes);
  return mistakes;
}

const file = 'passwd_file: lent, senders_file: senders, postmap: [postmap, hash:senders]';
test.each([
  [`email: [{ name: a, addresses: ["@example.com"], ${file} }]`],
  ['email: [{ name: a, addresses: [shop@example.com], url: postgres://u:p@db.example.com/mail, doveadm: [doveadm] }]'],
  ['email: [{ name: a, addresses: [shop@example.com], command: [bin/lend] }]'],
  [
    'dns_provider: [{ name: a, zones: [example.com], aws: { hosted_zones: { example.com: Z1 }, role_arn: "arn:aws:iam::123456789012:role/x" } }]',
  ],
  ['dns_provider: [{ name: a, zones: [example.com], command: [lend] }]'],
  ['console: { roles: [operator], for: [mail] }'],
])('%s works', (yaml) => {
  expect(mistakesOf(yaml)).toEqual([]);
});

test.each([
  ['email: [{ name: a, addresses: [shop@example.com] }]', /either passwd_file, or url_file/],
  [`email: [{ name: a, addresses: [shop@example.com], command: [x], ${file} }]`, /either passwd_file, or url_file/],
  ['email: [{ name: a, addresses: [shop@example.com], passwd_file: lent }]', /could send as anybody/],
  ['email: [{ name: a, addresses: [shop@example.com], url_file: x, senders_file: y, postmap: [z] }]', /which is of passwd_file/],
  ['email: [{ name: a, addresses: [example.com], command: [x] }]', /an address in lower case, or @example.com/],
  ['email: [{ name: a, addresses: [], command: [x] }]', /addresses/],
  ['email: [{ name: a, addresses: ["@example.com"], url: "mysql://x" }]', /access\.email\[0\]: url/],
  [
    'email: [{ name: a, addresses: ["@example.com"], command: [x] }, { name: a, addresses: ["@example.com"], command: [x] }]',
    /two targets are named "a"/,
  ],
  ['dns_provider: [{ name: a, zones: [example.com] }]', /either aws, or command/],
  ['dns_provider: [{ name: a, zones: [example.com], aws: { hosted_zones: {} } }]', /has no zone example.com/],
  [
    'dns_provider: [{ name: a, zones: [example.com], aws: { hosted_zones: { example.com: Z1 }, withdraw: true } }]',
    /set aws.user/,
  ],
  ['console: { roles: [root] }', /console.roles.0/],
  ['console: { roles: [viewer], for: [others] }', /"others", which is not in approvals.groups/],
  ['database: [{ name: a, groups: [x], url_file: y, services: ["ci@example.com"] }]', /name of a service principal/],
])('%s is refused', (yaml, sentence) => {
  expect(mistakesOf(yaml).join('\n')).toMatch(sentence);
});

test('programs with a slash are found from where the settings are, secrets are read when they are needed', () => {
  const read = accessSchema.parse(
    parse(`email: [{ name: a, addresses: ["@example.com"], command: [bin/lend, x] }, { name: b, addresses: ["@example.com"], url_file: /nowhere }]
dns_provider: [{ name: c, zones: [example.com], command: [lend] }]`),
  );
  const { mail, providers } = accessOf(read, {}, '/etc/ruawatch', []);
  expect(mail[0]!.accounts).toEqual({ by: 'command', command: ['/etc/ruawatch/bin/lend', 'x'] });
  expect(providers[0]!.command).toEqual(['lend']);
  const { accounts } = mail[1]!;
  expect(() => (accounts.by === 'sql' ? accounts.url() : '')).toThrow(/\/nowhere/);
});

test('an address is lent as itself or by its domain, and by no other', () => {
  const server = { addresses: ['shop@example.com', '@news.example.com'] };
  for (const from of ['shop@example.com', 'a@news.example.com']) expect(mayLend(server, from), from).toBe(true);
  for (const from of [
    'boss@example.com',
    'a@evilnews.example.com',
    'a@x.news.example.com',
    'a@example.com',
    'shop@example.com.evil.example',
  ])
    expect(mayLend(server, from), from).toBe(false);
});

test.each([
  [0.9, false],
  [1, true],
  [55, true],
  [55.1, false],
])('grants may be unwatched for one to 55 minutes: %d', (minutes, valid) => {
  expect(accessSchema.safeParse({ unwatched_minutes: minutes }).success).toBe(valid);
});

test('without settings nothing is lent, and all grants end after a quarter of an hour unwatched', () => {
  expect(accessSchema.parse(undefined)).toEqual({
    unwatched_minutes: 15,
    database: [],
    dns: [],
    email: [],
    dns_provider: [],
    console: null,
  });
});
