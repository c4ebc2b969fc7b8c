import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { runAccessRequest } from '../../../services/cli/commands/access.ts';
import { openCredential } from '../../../services/requests/grants/tsig-credential.ts';
import { approvalsSchema } from '../../../services/requests/rules.ts';
import { grantOf } from '../../../services/store/grants/grants.ts';
import { syncGroups } from '../../../services/store/requests/groups.ts';
import { type Fixture, fixture } from '../../analyzer/fixture.ts';
import { GROUPS } from '../../requests/sample.ts';

let f: Fixture;
let folder: string;
let lines: string[];
const ADA = GROUPS.mail[0]!;
const KEY = 'k'.repeat(44);
beforeEach(async () => {
  f = await fixture();
  folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-access-dns-'));
  lines = [];
  const { config } = f.context;
  writeFileSync(path.join(folder, 'key'), KEY);
  config.gateway.keyFile = path.join(folder, 'key');
  config.approvals = approvalsSchema.parse({ groups: GROUPS, rules: [{ name: 'all', stages: [{ group: 'mail' }] }] });
  config.access = {
    unwatchedMs: 900_000,
    mail: [],
    providers: [],
    console: null,
    databases: [],
    dns: [{ name: 'primary', for: [], services: [], longestSeconds: 7200, risk: 'low' }],
  };
  const server = { address: '127.0.0.1', port: 53 };
  const key = { name: 'ruawatch', algorithm: 'hmac-sha256' as const };
  config.dnsTargets = [{ kind: 'rfc2136', name: 'primary', zones: ['example.com'], server, key, secret: () => Buffer.alloc(32) }];
  await syncGroups(f.t.db, config.approvals);
});
afterEach(async () => {
  rmSync(folder, { recursive: true, force: true });
  await f.close();
});
const ask = (options: object) =>
  runAccessRequest(
    f.context.config,
    'access.dns',
    { by: ADA, why: 'a certificate', for: '2h', ...options },
    {
      out: (line) => void lines.push(line),
    },
  );

test('a key is asked for: its secret is printed once, and what is stored is encrypted', async () => {
  await ask({ name: ['_acme-challenge.Example.com'], uses: '2', doneWhen: '_acme-challenge.example.com TXT a b' });
  const grant = await grantOf(f.t.db, 1);
  expect(grant).toMatchObject({
    kind: 'access.dns',
    domain: 'example.com',
    server: 'primary',
    uses: 2,
    scope: {
      use: 'key',
      zone: 'example.com',
      names: ['_acme-challenge.example.com'],
      types: ['TXT'],
      operations: ['add', 'delete'],
      task: { name: '_acme-challenge.example.com', type: 'TXT', value: 'a b' },
    },
  });
  const printed = lines.join('\n');
  expect(printed).toContain(`TSIG key ${grant.name}, algorithm hmac-sha256`);
  const secret = openCredential(grant.credential!, Buffer.from(KEY)).toString('base64');
  expect(printed).toContain(secret);
  expect(grant.credential).not.toContain(secret);
  expect(() => openCredential(grant.credential!, Buffer.from('x'.repeat(44)))).toThrow('another gateway.key_file');
});

test('requests in a scope need no key', async () => {
  f.context.config.gateway.keyFile = null;
  await ask({ name: ['.app.example.com'], type: ['cname'], only: 'add', requests: true });
  expect(await grantOf(f.t.db, 1)).toMatchObject({
    credential: null,
    scope: { use: 'requests', types: ['CNAME'], operations: ['add'] },
  });
  await expect(ask({ name: ['a.example.com'] })).rejects.toThrow('gateway.key_file is not set');
});

test.each([
  ['no name', {}, '--name'],
  ['a name of nobody', { name: ['a.example.net'] }, 'dns.servers'],
  ['names of two zones', { name: ['a.example.com', 'a.example.net'] }, 'not in the zone'],
  ['a type that is never lent', { name: ['a.example.com'], type: ['NS'] }, 'types'],
  ['half a task', { name: ['a.example.com'], doneWhen: 'a.example.com TXT' }, 'NAME TXT value'],
  ['too long', { name: ['a.example.com'], for: '1d' }, 'at most'],
])('%s is refused', async (_, options, says) => {
  await expect(ask(options)).rejects.toThrow(says);
});
