import { afterEach, beforeEach, expect, test } from 'vitest';
import { runClusterConfirm, runClusterStatus } from '../../../services/cli/commands/cluster.ts';
import { keepEgressRecord } from '../../../services/store/cluster/records.ts';
import { keepObserved, takeEnvironment } from '../../../services/store/cluster/ways.ts';
import { listAudit } from '../../../services/store/requests/audit.ts';
import { syncGroups } from '../../../services/store/requests/groups.ts';
import { openRequest } from '../../../services/store/requests/open.ts';
import { type Fixture, fixture } from '../../analyzer/fixture.ts';
import { GROUPS, planOf, rulesOf } from '../../requests/sample.ts';

let f: Fixture;
let lines: string[];
beforeEach(async () => {
  f = await fixture();
  lines = [];
});
afterEach(() => f.close());
const terminal = () => ({ out: (line: string) => void lines.push(line), now: new Date('2026-11-27T09:00:00Z') });

test('shows what is known, and takes the word of a person that what is gone is gone', async () => {
  await runClusterStatus(f.context.config, {}, terminal());
  expect(lines.splice(0)).toEqual([expect.stringMatching(/^No addresses were observed yet/)]);
  const now = new Date('2026-11-27T08:00:00Z');
  await takeEnvironment(f.t.db, 'production', 'me', 60);
  const given = { environment: 'production', egress: 'nodes', owner: 'me', now };
  const after = () => [
    { address: '192.0.2.1', since: now, gone_at: null },
    { address: '192.0.2.2', since: now, gone_at: now },
  ];
  await keepObserved(f.t.db, { ...given, unknown: null, after });
  await keepObserved(f.t.db, { ...given, unknown: 'It is \u001baway.', after });
  const problems = [{ code: 'loss', message: '1 of 2 are gone.', addresses: [] }];
  await keepEgressRecord(f.t.db, { name: 'example.com', domain: 'example.com', waits: null, problems, now });
  await runClusterStatus(f.context.config, {}, terminal());
  expect(lines.splice(0)).toEqual([
    'production/nodes: 192.0.2.1',
    expect.stringMatching(/^ {2}Not known now, last at 2026-11-27 08:00 UTC: It is \S+away\.$/),
    '  Gone: 192.0.2.2 (2026-11-27 08:00 UTC)',
    'SPF of example.com: it does not follow.',
    '  1 of 2 are gone.',
  ]);
  await runClusterStatus(f.context.config, { json: true }, terminal());
  expect(JSON.parse(lines.splice(0).join(''))).toMatchObject({ ways: [{ egress: 'nodes' }], records: [{ name: 'example.com' }] });
  const word = { why: 'The pool was halved.', by: 'Ada' };
  await runClusterConfirm(f.context.config, 'production/nodes', word, terminal());
  expect(lines.splice(0)).toEqual(['What is gone from production/nodes by now may be removed from SPF.']);
  const { rows } = await f.t.db.query('select distinct confirmed_at from dmarc.egress_addresses');
  expect(rows).toEqual([{ confirmed_at: new Date('2026-11-27T09:00:00Z') }]);
  const [row] = await listAudit(f.t.db, { limit: 1 });
  expect(JSON.parse(row!.body)).toMatchObject({ actor: 'Ada', verb: 'cluster.confirm', object: 'production/nodes' });
  for (const [egress, code] of [
    ['nodes', 'usage'],
    ['/nodes', 'usage'],
    ['staging/nodes', 'no_egress'],
  ] as const)
    await expect(runClusterConfirm(f.context.config, egress, word, terminal())).rejects.toMatchObject({ code });
});

test('says of each record what it waits for, and which request is about it', async () => {
  const now = new Date('2026-11-27T08:00:00Z');
  await takeEnvironment(f.t.db, 'production', 'me', 60);
  const way = { environment: 'production', owner: 'me', now, after: () => [] };
  await keepObserved(f.t.db, { ...way, egress: 'gateway', unknown: null });
  await keepObserved(f.t.db, { ...way, egress: 'nodes', unknown: 'Nobody answers.' });
  const record = { domain: 'example.com', waits: null, problems: [], now };
  await keepEgressRecord(f.t.db, { ...record, name: 'a.example.com' });
  await keepEgressRecord(f.t.db, { ...record, name: 'b.example.com', waits: 'the pool is settling.' });
  await keepEgressRecord(f.t.db, { ...record, name: 'c.example.com' });
  await syncGroups(f.t.db, { groups: GROUPS, deputies: [] });
  const rules = rulesOf({ name: 'one', stages: [{ group: 'mail' }] });
  const asker = { plan: planOf(), requester: 'zoe@example.com', requester_kind: 'person', why: 'wanted' } as const;
  const key = await openRequest(f.t.db, rules, asker);
  await f.t.db.query("update ruawatch.egress_records set request_key = $1 where name = 'c.example.com'", [key]);
  await runClusterStatus(f.context.config, {}, terminal());
  expect(lines.splice(0)).toEqual([
    'production/gateway: no address',
    'production/nodes: no address',
    expect.stringMatching(/^ {2}Not known now.*: Nobody answers\.$/),
    'SPF of a.example.com: no change is needed.',
    'SPF of b.example.com: the pool is settling.',
    `SPF of c.example.com: no change is needed. Request ${key} is pending.`,
  ]);
});
