import { afterEach, beforeEach, expect, test } from 'vitest';
import { watchChanges } from '../../services/applier/watch.ts';
import { evaluateSpf } from '../../services/dns/spf/evaluate.ts';
import { parseMessages } from '../../services/parser/parse-messages.ts';
import { receive, reportMail, reportXml, trusting } from '../helpers/report.ts';
import { startUpdatableKnot, type UpdateServer, updatable } from '../helpers/update-servers.ts';
import { type ClusterFixture, clusterFixture, DAY, DOMAIN, guardOf, KEY, MINUTE } from './setup.ts';

let knot: UpdateServer;
let f: ClusterFixture;
beforeEach(async () => {
  if (!updatable.knot) return;
  knot = await startUpdatableKnot({
    zone: DOMAIN,
    records: ['@ TXT "v=spf1 ip4:192.0.2.1 -all"', '_dmarc TXT "v=DMARC1; p=reject; rua=mailto:dmarc@example.com"'],
    keys: [KEY],
  });
  f = await clusterFixture(knot.server);
  f.guard(guardOf('{ from: nodes }'));
});
afterEach(async () => {
  if (!updatable.knot) return;
  await f.close();
  await knot.stop();
});

/** What SPF says of mail from an address, as receivers ask. */
const spfOf = async (ip: string) => (await evaluateSpf({ ip, helo: DOMAIN, mailFrom: `postmaster@${DOMAIN}` }, f.dns)).result;

/** A receiver evaluates SPF of a day's mail as DNS is now, and reports what it found. */
async function report(...addresses: string[]): Promise<void> {
  const now = f.context.clock.now();
  const begin = Math.floor(now.getTime() / DAY) * 86_400;
  const rows = await Promise.all(
    addresses.map(async (ip) => {
      const spf = (await spfOf(ip)) === 'pass' ? ('pass' as const) : ('fail' as const);
      const auth_spf: [string, string] = [DOMAIN, spf];
      return {
        ip,
        count: 50,
        dkim: 'fail' as const,
        spf,
        disposition: spf === 'pass' ? 'none' : 'reject',
        auth_dkim: null,
        auth_spf,
      };
    }),
  );
  const xml = reportXml({ id: `r${begin}-${addresses.join('-')}`, domain: DOMAIN, begin, rows });
  const keys = await receive(f.t, [reportMail(xml, { unique: `m${begin}${addresses.join('-')}` })], now);
  await parseMessages(f.t.db, keys, { trust: trusting('off'), privacy: { keep_personal_data: false } });
}
const shares = async () =>
  (
    await f.t.db.query<{ address: string; passed: number }>(
      `select host(source_ip) as address, sum(count) filter (where spf_aligned)::int as passed from dmarc.records group by 1 order by 1`,
    )
  ).rows;

test.skipIf(!updatable.knot)(
  'addresses change, a rule approves the request, Knot has it, and reports pass; what left goes when nobody sends from it',
  async () => {
    f.addresses({ out: ['192.0.2.1'] });
    await f.later(MINUTE);
    await f.later(5 * MINUTE);
    expect(await f.requests()).toEqual([]);

    // A node is replaced: the new one is admitted before the old one goes.
    f.addresses({ out: ['192.0.2.2'] });
    await f.later(MINUTE);
    expect(await spfOf('192.0.2.2')).toBe('fail');
    await f.later(3 * MINUTE);
    expect((await f.requests()).map(({ state, rule }) => [state, rule.rule])).toEqual([['approved', 'egress']]);
    await f.apply();
    expect((await f.requests()).map(({ state }) => state)).toEqual(['active']);
    expect([await spfOf('192.0.2.1'), await spfOf('192.0.2.2'), await spfOf('192.0.2.3')]).toEqual(['pass', 'pass', 'fail']);
    await report('192.0.2.1', '192.0.2.2');
    expect(await shares()).toEqual([
      { address: '192.0.2.1', passed: 50 },
      { address: '192.0.2.2', passed: 50 },
    ]);
    const signal = new AbortController().signal;
    const { now } = f.context.clock;
    await watchChanges({ db: f.t.db, log: f.context.log, targets: [], at: now, now, signal });
    expect((await f.requests()).map(({ state }) => state)).toEqual(['active']);

    // Its queue still sends for days: it stays for as long as reports show mail from it.
    for (let day = 1; day <= 4; day++) {
      await f.later(DAY);
      await report('192.0.2.1', '192.0.2.2');
    }
    await f.later(2 * DAY);
    expect((await f.record()).problems).toMatchObject([{ code: 'sending', addresses: ['192.0.2.1'] }]);
    expect((await f.requests()).length).toBe(1);
    await f.later(4 * DAY);
    const [removal] = await f.requests();
    expect(removal).toMatchObject({ state: 'approved', summary: 'Let SPF of example.com admit 192.0.2.1 no longer.' });
    await f.apply();
    expect([await f.spf(), await spfOf('192.0.2.1'), await spfOf('192.0.2.2')]).toEqual([
      'v=spf1 ip4:192.0.2.2 -all',
      'fail',
      'pass',
    ]);
  },
  60_000,
);

test.skipIf(!updatable.knot)('a request says which addresses reports show that no egress has', async () => {
  f.addresses({ out: ['192.0.2.1'] });
  await f.later(MINUTE);
  await report('192.0.2.1', '198.51.100.77');
  await f.t.db.query(
    `insert into ruawatch.sources (domain, source, first_seen, last_seen, messages, passed, class)
     select distinct 'example.com', source, begin_at, begin_at, 50, 50, 'authorized' from ruawatch.records
     on conflict (domain, source) do update set class = 'authorized'`,
  );
  await f.t.db.query("update ruawatch.records set dkim_aligned = true where source_ip = '198.51.100.77'");
  f.addresses({ out: ['192.0.2.1', '192.0.2.2'] });
  await f.later(MINUTE);
  await f.later(3 * MINUTE);
  const [request] = await f.requests();
  expect(JSON.parse(request!.plan).why).toEqual([
    'Mail of production/shop leaves by 192.0.2.2.',
    'Reports of the last week show 50 messages from 198.51.100.77, which no egress has; SPF does not admit it.',
  ]);
});
