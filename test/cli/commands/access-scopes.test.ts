import { afterEach, beforeEach, expect, test } from 'vitest';
import { runAccessRequest, runAccessSecret, runAccessSetup } from '../../../services/cli/commands/access.ts';
import { newSealingKey, seal } from '../../../services/requests/grants/sealed.ts';
import { approvalsSchema } from '../../../services/requests/rules.ts';
import { addPerson } from '../../../services/store/console/people.ts';
import { grantsIn } from '../../../services/store/grants/grants.ts';
import { syncGroups } from '../../../services/store/requests/groups.ts';
import { loadRequest } from '../../../services/store/requests/requests.ts';
import { type Fixture, fixture } from '../../analyzer/fixture.ts';
import { makeActive } from '../../helpers/grants.ts';
import { GROUPS } from '../../requests/sample.ts';

let f: Fixture;
let lines: string[];
const out = (line: string) => {
  lines.push(line);
};
const text = () => lines.join('\n');
const [ADA] = GROUPS.mail as [string];
const common = { for: [], services: ['ci'], longestSeconds: 86_400, risk: 'low' as const };
beforeEach(async () => {
  f = await fixture();
  lines = [];
  const { config } = f.context;
  config.approvals = approvalsSchema.parse({ groups: GROUPS, rules: [{ name: 'all', stages: [{ group: 'mail' }] }] });
  const aws = {
    hostedZones: { 'example.com': 'Z1' },
    roleArn: 'arn:aws:iam::123456789012:role/x',
    user: null,
    withdraw: false,
    profile: null,
    region: 'us-east-1',
    stsEndpoint: 'http://127.0.0.1:1/',
    iamEndpoint: 'http://127.0.0.1:1/',
  };
  config.access = {
    unwatchedMs: 900_000,
    dns: [],
    databases: [],
    mail: [
      {
        ...common,
        name: 'submission',
        addresses: ['@example.com'],
        accounts: { by: 'sql', url: () => 'postgres://mailer:x@db.example.com/mail' },
        doveadm: null,
      },
    ],
    providers: [{ ...common, name: 'aws', zones: ['example.com', 'sub.example.com'], aws, command: null }],
    console: { ...common, name: 'console', roles: ['viewer', 'operator'] },
  };
  await syncGroups(f.t.db, config.approvals);
});
afterEach(() => f.close());
const ask = (kind: string, options: object = {}) =>
  runAccessRequest(f.context.config, kind, { by: ADA, why: 'to look', for: '2h', ...options }, { out });

test('an account for sending: its password is shown once, and what is kept of it is a salted hash', async () => {
  expect(await ask('email', { from: 'Shop@Example.com' })).toBe(0);
  expect(text()).toContain('Lend ada@example.com an account of submission that sends as shop@example.com for 2 hours.');
  const secret = /Password, shown this once: (\S{32})$/.exec(text())![1]!;
  const [grant] = await grantsIn(f.t.db, ['asked']);
  expect(grant).toMatchObject({
    domain: 'example.com',
    scope: { from: 'shop@example.com' },
    credential: expect.stringMatching(/^\{SSHA512\}/),
  });
  expect(JSON.stringify((await f.t.db.query('select * from ruawatch.grants')).rows)).not.toContain(secret);
});

test('credentials of a provider are opened with the key that was shown, while they are lent', async () => {
  expect(await ask('dns-provider', { name: ['_acme-challenge.sub.example.com'] })).toBe(0);
  const key = /Key, shown this once: (\S+)$/.exec(text())![1]!;
  const [grant] = await grantsIn(f.t.db, ['asked']);
  expect(grant).toMatchObject({ domain: 'sub.example.com', scope: { zone: 'sub.example.com', types: ['TXT'] } });
  const open = (with_key: string) => runAccessSecret(f.context.config, String(grant!.grant_key), with_key, { out });
  await expect(open(key)).rejects.toMatchObject({ code: 'no_secret' });
  await makeActive(f.t.db, grant!);
  await f.t.db.query('update ruawatch.grants set sealed = $1', [seal(grant!.credential!, 'AWS_ACCESS_KEY_ID=x')]);
  lines = [];
  await expect(open(newSealingKey().secret)).rejects.toMatchObject({ code: 'wrong_key' });
  await open(`${key}\n`);
  expect(lines).toEqual(['AWS_ACCESS_KEY_ID=x']);
  await f.t.db.query("update ruawatch.grants set ends_at = now() - interval '1 second'");
  await expect(open(key)).rejects.toMatchObject({ code: 'no_secret' });
});

test('a role of the console: more than a domain or an admin is high risk, and no secret is shown', async () => {
  await addPerson(f.t.db, { name: 'zoe', role: 'viewer', domains: ['example.com'] }, 'test', new Date());
  expect(await ask('access.console', { by: 'zoe', role: 'operator', domain: ['Example.com'] })).toBe(0);
  expect(text()).toContain('Lend zoe the role operator of the console for example.com for 2 hours.');
  expect(text()).not.toContain('shown this once');
  await ask('console', { role: 'viewer', allDomains: true });
  expect(JSON.parse((await loadRequest(f.t.db, 2)).plan)).toMatchObject({ risk: 'high', domain: '*' });
});

test.each([
  ['email', {}, /--from/],
  ['email', { from: 'shop@example.net' }, /No server .* lends shop@example.net/],
  ['email', { from: 'shop"@example.com' }, /from must be a mail address/],
  ['email', { from: 'a@example.com', uses: '1' }, /leave out --uses/],
  ['email', { from: 'a@example.com', for: '2d' }, /lends for/],
  ['dns-provider', {}, /Say which names/],
  ['dns-provider', { name: ['example.net'] }, /access.dns_provider/],
  ['dns-provider', { name: ['a.example.com', 'b.example.net'] }, /not in the zone/],
  ['dns-provider', { name: ['a.example.com'], type: ['NS'] }, /types/],
  ['dns-provider', { name: ['a.example.com'], for: '5m' }, /does not take them back/],
  ['console', { role: 'admin', allDomains: true }, /--role viewer, --role operator/],
  ['console', { role: 'viewer' }, /Say for which domains/],
  ['console', { role: 'viewer', domain: ['nonsense'] }, /not a domain/],
  ['console', { role: 'viewer', allDomains: true, service: 'ci' }, /does not sign in/],
  ['tokens', {}, /no kind of right/],
])('%s with %j is refused', async (kind, options, sentence) => {
  await expect(ask(kind, options)).rejects.toThrow(sentence);
  expect(await grantsIn(f.t.db, ['asked'])).toEqual([]);
});

test('setup prints the tables of mail accounts', () => {
  expect(() => runAccessSetup(f.context.config, 'submission', {}, out)).toThrow(/--reader/);
  runAccessSetup(f.context.config, 'submission', { reader: 'dovecot' }, out);
  expect(text()).toContain('grant select on ruawatch_mail.current_accounts to "dovecot";');
});
