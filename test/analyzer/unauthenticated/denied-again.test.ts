import { afterEach, beforeEach, expect, test } from 'vitest';
import { type TestConsole, type TestPerson, testConsole } from '../../console/setup.ts';
import { type Fixture, fixture } from '../fixture.ts';
import { ago, DOMAIN, REPORTERS, span } from '../rows.ts';

const NETWORKS = ['198.18.1.0/24', '198.18.2.0/24'];
const SENDER = 'networks';
const WHY = 'nobody here knows them';

let f: Fixture;
let c: TestConsole;
let ada: TestPerson;
beforeEach(async () => {
  f = await fixture();
  await f.t.db.query("insert into ruawatch.domains (domain, state, how, since) values ($1, 'own', 'added', now())", [DOMAIN]);
  c = await testConsole({ database: f.t, now: f.context.clock.now });
  ada = await c.person('admin', null);
});
// The console's end drops the database as well.
afterEach(async () => {
  await f.context.queues.close();
  await c.close();
});

const forged = (from: number, to: number) =>
  NETWORKS.flatMap((source) => span(from, to, 'unauthenticated', 20, REPORTERS, { source, rejected: 20 }));
const own = (from: number, to: number) => span(from, to, 'both', 200, REPORTERS, { source: '192.0.2.0/24' });
const policies = (from: number, to: number) =>
  f.putPolicies(
    REPORTERS.flatMap((reporter) =>
      Array.from({ length: from - to + 1 }, (_, n) => ({ day: ago(from - n), reporter, policy: 'p=reject', reports: 1 })),
    ),
  );
const finding = async () => (await f.findings()).find(({ kind }) => kind === 'unauthorized_source')!;

/** Decides about all networks together, as the page of a sender that they are grouped as has it done. */
async function decideAll(more: Record<string, string>) {
  await f.t.db.query('update ruawatch.sources set grouped_as = $1 where source = any($2)', [SENDER, NETWORKS]);
  expect((await ada.post(`/domains/${DOMAIN}/decide`, { sender: SENDER, source: '*', ...more })).statusCode).toBe(303);
  await f.analyze();
}

/** What people and programs are told of the findings of the domain that are open. */
async function told(key: number) {
  const { items } = (await ada.api('GET', '/api/v1/findings?state=open')).json() as { items: { finding_key: number }[] };
  const api = (await ada.api('GET', `/api/v1/findings/${key}`)).json() as { state: string; phase: string };
  // The timeline of a domain keeps what is over.
  const linked = async (path: string) => (await ada.get(path)).body.split('id="timeline"')[0]!.includes(`/findings/${key}"`);
  return {
    overview: await linked('/'),
    domain: await linked(`/domains/${DOMAIN}`),
    list: await linked('/findings'),
    open: items.map(({ finding_key }) => finding_key),
    state: api.state,
    phase: api.phase,
    denied: (await ada.get(`/findings/${key}`)).body.includes(WHY),
  };
}

test('what a denial of all networks ended opens again with its key when the denial is taken back', async () => {
  await f.put([...own(40, 0), ...forged(4, 0)]);
  await policies(20, 0);
  await f.analyze();
  const { finding_key, severity } = await finding();
  const shown = { overview: true, domain: true, list: true, open: [finding_key], denied: false };
  expect(await told(finding_key)).toEqual({ ...shown, state: 'open', phase: 'open' });

  await decideAll({ decision: 'deny', why: WHY });
  expect(await finding()).toMatchObject({
    finding_key,
    state: 'resolved',
    evidence: { ended: { reason: 'denied_kept_out', p: 'reject' }, advice: [] },
  });
  const over = { overview: false, domain: false, list: false, open: [], denied: true };
  expect(await told(finding_key)).toEqual({ ...over, state: 'resolved', phase: 'resolved' });

  await decideAll({ decision: 'end', why: 'they may be a new service' });
  const again = await finding();
  expect(again).toMatchObject({
    finding_key,
    state: 'open',
    severity,
    first_day: ago(4),
    evidence: { decided: { reason: 'denied_kept_out' } },
  });
  expect(again.evidence).not.toHaveProperty('ended');
  expect(again.evidence.advice).not.toEqual([]);
  expect(await told(finding_key)).toEqual({ ...shown, state: 'open', phase: 'reopened' });
  expect((await f.events()).filter((one) => one.finding_key === finding_key).map(({ event, notify }) => [event, notify])).toEqual(
    [
      ['opened', true],
      ['resolved', true],
      ['reopened', true],
    ],
  );
});
