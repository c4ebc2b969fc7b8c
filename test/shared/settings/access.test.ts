import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { accessOf, accessSchema } from '../../../services/shared/settings/access.ts';
import { mayLend } from '../../../services/shared/settings/access-email.ts';
import { tooShort } from '../../../services/shared/settings/access-provider.ts';

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
  [
    'email: [{ name: a, addresses: [shop@example.com], url: "postgres://u:p@h/d", url_file: x }]',
    /^email\.0: needs url_file, or url, not both$/,
  ],
  [
    'email: [{ name: a, addresses: [shop@example.com], command: [x], postmap: [z] }]',
    /^email\.0: senders_file and postmap belong together$/,
  ],
  ['database: [{ name: a, groups: [x] }]', /^database\.0: needs url_file, or url$/],
  ['database: [{ name: a, groups: [x], url: "postgres://u:p@h/d", url_file: y }]', /^database\.0: needs url_file, or url$/],
  ['database: [{ name: a, groups: [x], url: "mysql://x" }]', /^access\.database\[0\]: url /],
  [
    'dns: [{ name: a, longest_hours: 2, default_hours: 2.5 }]',
    /^access\.dns\[0\]: default_hours \(2\.5\) is more than longest_hours \(2\)\.$/,
  ],
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

test('everything is read, with paths from where the settings are', () => {
  const read = accessSchema.parse(
    parse(`unwatched_minutes: 2
dns: [{ name: d }, { name: e, names: [.example.com], for: [mail], services: [ci-1], longest_hours: 2, default_hours: 2, risk: high }]
email: [{ name: f, addresses: ["@example.com"], ${file}, doveadm: [doveadm, -v] }]
dns_provider:
  - { name: g, zones: [example.com], aws: { hosted_zones: { example.com: Z1 } } }
  - { name: h, zones: [example.com], names: ["*.example.com"], aws: { hosted_zones: { example.com: Z1 }, role_arn: "arn:aws:iam::123456789012:role/x", user: u, withdraw: true, profile: p, region: eu-west-1, sts_endpoint: "http://sts/", iam_endpoint: "http://iam/" } }
  - { name: i, zones: [example.com], command: [bin/lend, x] }
database:
  - { name: j, groups: [reader], url: "postgres://u:p@db.example.com/d" }
  - { name: k, groups: [reader], url: "postgres://u:p@db.example.com/d", connections: 7, log_folder: log }
console: { roles: [viewer], longest_hours: 1, default_hours: 0.5 }`),
  );
  const mistakes: string[] = [];
  const access = accessOf(read, { mail: [] }, '/etc/ruawatch', mistakes);
  const usual = { for: [], services: [], longestSeconds: 86_400, defaultSeconds: null, risk: 'medium' };
  const aws = { hostedZones: { 'example.com': 'Z1' }, roleArn: null, user: null, withdraw: false, profile: null };
  const url = expect.any(Function);
  expect([access, mistakes]).toEqual([
    {
      unwatchedMs: 120_000,
      dns: [
        { name: 'd', ...usual, names: null },
        {
          ...{ name: 'e', for: ['mail'], services: ['ci-1'], longestSeconds: 7_200, defaultSeconds: 7_200, risk: 'high' },
          names: ['.example.com'],
        },
      ],
      mail: [
        {
          ...{ name: 'f', ...usual, addresses: ['@example.com'], doveadm: ['doveadm', '-v'] },
          accounts: {
            by: 'file',
            file: '/etc/ruawatch/lent',
            senders: '/etc/ruawatch/senders',
            postmap: ['postmap', 'hash:senders'],
          },
        },
      ],
      providers: [
        {
          ...{ name: 'g', ...usual, names: null, zones: ['example.com'], command: null },
          aws: {
            ...{ ...aws, region: 'us-east-1', stsEndpoint: 'https://sts.us-east-1.amazonaws.com/' },
            iamEndpoint: 'https://iam.amazonaws.com/',
          },
        },
        {
          ...{ name: 'h', ...usual, names: ['*.example.com'], zones: ['example.com'], command: null },
          aws: {
            ...{ ...aws, roleArn: 'arn:aws:iam::123456789012:role/x', user: 'u', withdraw: true, profile: 'p' },
            ...{ region: 'eu-west-1', stsEndpoint: 'http://sts/', iamEndpoint: 'http://iam/' },
          },
        },
        {
          ...{ name: 'i', ...usual, names: null, zones: ['example.com'], aws: null },
          command: ['/etc/ruawatch/bin/lend', 'x'],
        },
      ],
      databases: [
        { name: 'j', ...usual, groups: ['reader'], connections: 5, logFolder: null, url },
        { name: 'k', ...usual, groups: ['reader'], connections: 7, logFolder: '/etc/ruawatch/log', url },
      ],
      console: {
        ...{ name: 'console', ...usual, longestSeconds: 3_600, defaultSeconds: 1_800 },
        roles: ['viewer'],
      },
    },
    [],
  ]);
  expect(access.databases[0]!.url()).toBe('postgres://u:p@db.example.com/d');
});

test('a URL is read and checked when it is needed', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-access-'));
  try {
    writeFileSync(path.join(folder, 'good'), 'postgres://u:p@db.example.com/d\n');
    writeFileSync(path.join(folder, 'wrong'), 'postgres://u:p@db.example.com/d?sslmode=sometimes\n');
    const read = accessSchema.parse(
      parse(`database: [{ name: a, groups: [x], url_file: good }, { name: b, groups: [x], url_file: wrong }]
email: [{ name: c, addresses: ["@example.com"], url_file: good }, { name: d, addresses: ["@example.com"], url_file: wrong }]`),
    );
    const { databases, mail } = accessOf(read, {}, folder, []);
    const urls = [
      ...databases.map(({ url }) => url),
      ...mail.map(({ accounts }) => (accounts.by === 'sql' ? accounts.url : null)!),
    ];
    expect(urls.filter((_, at) => at % 2 === 0).map((url) => url())).toEqual(Array(2).fill('postgres://u:p@db.example.com/d'));
    for (const url of urls.filter((_, at) => at % 2 === 1)) expect(url).toThrow(/sslmode/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('AWS makes credentials for a quarter of an hour at least, unless the service takes them back', () => {
  const [aws] = accessOf(
    accessSchema.parse({ dns_provider: [{ name: 'a', zones: ['e.example'], aws: { hosted_zones: { 'e.example': 'Z1' } } }] }),
    {},
    '/',
    [],
  ).providers.map((one) => one.aws!);
  expect([
    tooShort({ aws: null }, 1),
    tooShort({ aws: { ...aws!, withdraw: true } }, 1),
    tooShort({ aws: aws! }, 900),
    tooShort({ aws: aws! }, 899),
  ]).toEqual([
    null,
    null,
    null,
    'AWS makes credentials for 15 minutes at least, and does not take them back: ask for that, or let the service withdraw them (aws.withdraw).',
  ]);
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
    'xshop@example.com',
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
