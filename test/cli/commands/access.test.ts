import { afterEach, beforeEach, expect, test } from 'vitest';
import { runAccessEnd, runAccessList, runAccessRequest } from '../../../services/cli/commands/access.ts';
import { approvalsSchema } from '../../../services/requests/rules.ts';
import { addService } from '../../../services/store/console/service-principals.ts';
import { grantsIn } from '../../../services/store/grants/grants.ts';
import { checkTargets } from '../../../services/store/grants/targets.ts';
import { decide } from '../../../services/store/requests/decide.ts';
import { syncGroups } from '../../../services/store/requests/groups.ts';
import { loadRequest } from '../../../services/store/requests/requests.ts';
import { type Fixture, fixture } from '../../analyzer/fixture.ts';
import { GROUPS } from '../../requests/sample.ts';

let f: Fixture;
let lines: string[];
const out = (line: string) => {
  lines.push(line);
};
const text = () => lines.join('\n');
const [ADA, BEN] = GROUPS.mail as [string, string];
beforeEach(async () => {
  f = await fixture();
  lines = [];
  f.context.config.approvals = approvalsSchema.parse({ groups: GROUPS, rules: [{ name: 'all', stages: [{ group: 'mail' }] }] });
  f.context.config.access = {
    unwatchedMs: 900_000,
    mail: [],
    providers: [],
    console: null,
    dns: [],
    databases: [
      {
        name: 'main',
        groups: ['readers'],
        for: ['mail'],
        services: ['ci'],
        longestSeconds: 7200,
        risk: 'low',
        connections: 2,
        logFolder: null,
        url: () => '',
      },
    ],
  };
  await syncGroups(f.t.db, f.context.config.approvals);
});
afterEach(() => f.close());

const ask = (options: object = {}) =>
  runAccessRequest(
    f.context.config,
    'access.database',
    { by: ADA, why: 'to look', for: '2h', group: 'readers', ...options },
    { out },
  );

test('what is asked for is decided by others, and its secret is nowhere but on the terminal', async () => {
  expect(await ask()).toBe(0);
  expect(text()).toContain('Lend ada@example.com the rights of the role readers in the database main for 2 hours.');
  const secret = /shown this once: (\S{32})$/.exec(text())![1]!;
  const [grant] = await grantsIn(f.t.db, ['asked']);
  for (const table of ['grants', 'requests', 'request_events', 'audit'])
    expect(JSON.stringify((await f.t.db.query(`select * from ruawatch.${table}`)).rows)).not.toContain(secret);
  const given = { decision: 'approve' as const, why: 'fine', via: 'test', digest: (await loadRequest(f.t.db, 1)).digest };
  await expect(decide(f.t.db, 1, { ...given, person: ADA })).rejects.toMatchObject({ code: 'requester' });
  expect(await decide(f.t.db, 1, { ...given, person: BEN })).toBe('approved');
  lines = [];
  await runAccessList(f.context.config, {}, out);
  expect(text()).toContain(grant!.name);
  expect(text()).toContain('after 2 hours');
});

test.each([
  [{ for: '3h' }, /lends for 2 hours at most/],
  [{ for: '2 hours' }, /Say for how long/],
  [{ group: 'writers' }, /--group readers/],
  [{ server: 'other' }, /--server main/],
  [{ by: 'dora@example.com' }, /people of mail may/],
  [{ by: 'eve@elsewhere.example' }, /people of mail may/],
  [{ uses: '1' }, /leave out --uses/],
])('%j is refused with what to do', async (options, sentence) => {
  await expect(ask(options)).rejects.toThrow(sentence);
  expect(await grantsIn(f.t.db, ['asked'])).toEqual([]);
});

test('all end at once: what was asked for is withdrawn, what its target has not confirmed is said', async () => {
  await ask();
  await ask();
  await f.t.db.query(
    "update ruawatch.grants set state = 'active', applied_at = now(), ends_at = now() + '1 hour' where grant_key = 1",
  );
  await f.t.db.query("update ruawatch.requests set state = 'active' where request_key = 1");
  lines = [];
  expect(await runAccessEnd(f.context.config, undefined, { all: true, why: 'a leak', by: ADA }, { out })).toBe(1);
  expect(text()).toBe(
    'Ended: 2.\nGrant 1 counts for nothing any more, and its target has not confirmed: no applier has tried yet; is "ruawatch start" running?',
  );
  await expect(checkTargets(f.t.db, f.context.config.access)).resolves.toBeUndefined();
  await expect(
    checkTargets(f.t.db, { unwatchedMs: 1, databases: [], dns: [], mail: [], providers: [], console: null }),
  ).rejects.toThrow(/no longer have main, which still lends/);
});

test('a service principal that the target names asks, and neither it nor its owner decides', async () => {
  await expect(ask({ service: 'ci' })).rejects.toThrow(/it is no service principal, has ended/);
  await expect(ask({ service: 'other' })).rejects.toThrow(/names no such service principal/);
  const until = new Date(Date.now() + 86_400_000);
  await addService(f.t.db, { name: 'ci', owner: ADA, role: 'viewer', domains: null, ends_at: until }, 'test', new Date());
  expect(await ask({ service: 'CI' })).toBe(0);
  const [grant] = await grantsIn(f.t.db, ['asked']);
  expect(grant).toMatchObject({ holder: 'ci', holder_kind: 'service', groups: [] });
  const { digest, why, requester_kind } = await loadRequest(f.t.db, 1);
  expect({ why, requester_kind }).toEqual({ why: `to look (asked by ${ADA})`, requester_kind: 'service' });
  const given = { decision: 'approve' as const, why: 'fine', via: 'test', digest };
  await expect(decide(f.t.db, 1, { ...given, person: ADA })).rejects.toMatchObject({ code: 'requester' });
  expect(await decide(f.t.db, 1, { ...given, person: BEN })).toBe('approved');
});
