import { afterEach, beforeEach, expect, test } from 'vitest';
import { transaction } from '../../../services/shared/runtime/db.ts';
import { loadNetworkFacts } from '../../../services/store/sources/identities.ts';
import { type Fixture, fixture } from '../fixture.ts';
import { DOMAIN, REPORTERS, span } from '../rows.ts';

const NET = '203.0.113.0/24';

let f: Fixture;
beforeEach(async () => {
  f = await fixture();
});
afterEach(() => f.close());

async function publish(...records: [name: string, type: string, purpose: string, value: string][]): Promise<void> {
  for (const [name, type, purpose, value] of records)
    await f.t.db.query(
      `insert into ruawatch.dns_records (domain, name, type, purpose, value, servers, first_seen, last_seen) values ($1, $2, $3, $4, $5, '{resolver}', now(), now())`,
      [DOMAIN, name, type, purpose, value],
    );
}
async function seen(...addresses: string[]): Promise<void> {
  for (const address of addresses)
    await f.t.db.query(
      `insert into ruawatch.addresses (address, first_seen, last_seen, next_at) values ($1, current_date, current_date, now())
       on conflict do nothing`,
      [address],
    );
}
const forged = () =>
  f.put([
    ...span(30, 0, 'both', 200, REPORTERS, { source: '192.0.2.0/24' }),
    ...span(2, 0, 'unauthenticated', 900, REPORTERS, { source: NET }),
  ]);
const kinds = async () => (await f.findings()).map(({ kind, subject }) => `${kind} ${subject}`);
const classOf = async () =>
  (await f.t.db.query('select class, name, why from ruawatch.sources where domain = $1 and source = $2', [DOMAIN, NET])).rows[0];

test('a network that the SPF record admits is set up wrongly, and forges nothing', async () => {
  await publish([DOMAIN, 'TXT', 'spf', `v=spf1 ip4:${NET} -all`]);
  await forged();
  await f.analyze();
  expect(await kinds()).toEqual([`alignment_failure ${NET}`]);
  const [finding] = await f.findings();
  expect(JSON.stringify(finding!.evidence)).toContain(`the SPF record of ${DOMAIN} allows its addresses (ip4:${NET})`);
  expect(JSON.stringify(finding!.evidence)).not.toContain('add its addresses to the SPF record');
  expect(await classOf()).toMatchObject({
    class: 'misaligned',
    name: `own servers (${DOMAIN})`,
    why: expect.stringContaining(`(ip4:${NET})`),
  });
});

test('so is one of which all addresses that were seen are hosts of its mx, and one with another address is not', async () => {
  await publish(
    [DOMAIN, 'TXT', 'spf', 'v=spf1 mx -all'],
    [DOMAIN, 'MX', 'mx', '10 mx.hoster.example'],
    ['mx.hoster.example', 'A', 'spf_address', '203.0.113.25'],
  );
  await seen('203.0.113.25');
  await forged();
  await f.analyze();
  expect(await kinds()).toEqual([`alignment_failure ${NET}`]);
  await seen('203.0.113.66');
  const facts = () =>
    transaction(f.t.db, (tx) => loadNetworkFacts(tx, DOMAIN, [NET], [{ network: '203.0.113.25/32', term: 'mx' }]));
  expect(await facts()).toMatchObject([{ admitted_by: null }]);
});

test.each([
  [
    'an include admits it',
    [
      [DOMAIN, 'TXT', 'spf', 'v=spf1 include:inc.example -all'],
      ['inc.example', 'TXT', 'spf_include', `v=spf1 ip4:${NET} -all`],
    ],
  ],
  ['everybody is admitted', [[DOMAIN, 'TXT', 'spf', 'v=spf1 ip4:0.0.0.0/0 -all']]],
  [
    'there are two records',
    [
      [DOMAIN, 'TXT', 'spf', `v=spf1 ip4:${NET} -all`],
      [DOMAIN, 'TXT', 'spf', 'v=spf1 -all'],
    ],
  ],
  ['it admits a part and the addresses were not seen', [[DOMAIN, 'TXT', 'spf', 'v=spf1 ip4:203.0.113.25 -all']]],
  ['nothing is known of DNS', []],
] as [string, [string, string, string, string][]][])('it is a forger when %s', async (_, records) => {
  await publish(...records);
  await forged();
  await f.analyze();
  expect(await kinds()).toEqual([`unauthorized_source ${DOMAIN}`]);
});

test('a record that is gone admits nobody', async () => {
  await publish([DOMAIN, 'TXT', 'spf', `v=spf1 ip4:${NET} -all`]);
  await f.t.db.query('update ruawatch.dns_records set gone_at = now()');
  await forged();
  await f.analyze();
  expect(await kinds()).toEqual([`unauthorized_source ${DOMAIN}`]);
});
