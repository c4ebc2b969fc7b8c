import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { knownRecords, postureWatch } from '../../services/analyzer/posture.ts';
import { bimiReady } from '../../services/analyzer/rules/bimi_ready.ts';
import { policyReady } from '../../services/analyzer/rules/policy_ready.ts';
import type { ReadinessWindow } from '../../services/analyzer/rules/window.ts';
import { runPolicyStatus } from '../../services/cli/commands/policy.ts';
import type { SenderMonth } from '../../services/dns/posture/month.ts';
import { postureOf } from '../../services/dns/posture/posture.ts';
import { reportedRecords, type SeenRecords } from '../../services/dns/posture/records.ts';
import { putOwn } from '../../services/store/domains/domains.ts';
import type { DatedMonth } from '../../services/store/domains/report-month.ts';
import { type FakeServer, soa, startFake } from '../helpers/dns.ts';
import { type Fixture, fixture } from './fixture.ts';
import { ago, DOMAIN, policyDays, REPORTERS, span, TODAY } from './rows.ts';

const NONE = `v=DMARC1; p=none; rua=mailto:dmarc@${DOMAIN}`;

/** Any state of records, and any month of reports. */
const state = fc.constantFrom('valid', 'invalid', 'missing', 'unknown');
const records = fc.record({
  domain: fc.constant(DOMAIN),
  spf: state,
  closed: fc.boolean(),
  dkim: state,
  dmarc: state,
  policy: fc.option(
    fc.record({
      policy: fc.constantFrom('none', 'quarantine', 'reject'),
      at: fc.constantFrom(DOMAIN, 'com'),
      text: fc.constant(NONE),
      testing: fc.boolean(),
      sp: fc.constantFrom(null, 'none', 'reject'),
    }),
  ),
  mx: fc.constantFrom('hosts', 'null', 'address', 'none', 'unknown'),
  mta_sts: state,
  tls_rpt: state,
  bimi: fc.oneof(state, fc.constant('declined' as const)),
  faults: fc.subarray([
    { code: 'spf_syntax', severity: 'error' as const, message: 'It is wrong.', publish: null },
    { code: 'dmarc_no_rua', severity: 'warning' as const, message: 'No reports.', publish: null },
  ]),
}) as fc.Arbitrary<SeenRecords>;
const sender = fc
  .record({
    source: fc.constantFrom('a.example', 'b.example', '192.0.2.0/24'),
    class: fc.constantFrom('authorized', 'misaligned', 'forwarded', 'unauthorized', 'unknown'),
    messages: fc.constantFrom(1, 50, 199, 200, 5_000),
    passing: fc.constantFrom(0, 0.5, 0.985, 0.995, 1),
    signed: fc.constantFrom(0, 0.5, 0.96, 1),
  })
  .map(({ passing, signed, ...one }) => {
    const passed = Math.floor(one.messages * passing);
    return { ...one, passed, dkim_aligned: Math.floor(passed * signed), spf_aligned: passed } as SenderMonth;
  });
const month = fc.record({
  from: fc.constant(ago(29)),
  to: fc.constant(TODAY),
  days: fc.constantFrom(1, 19, 20, 30),
  reporters: fc.constantFrom(1, 2, 3, 4),
  senders: fc.array(sender, { maxLength: 4 }),
  first: fc.constantFrom(ago(29), ago(10)),
  newest: fc.constantFrom(TODAY, ago(9)),
  reporter_names: fc.constant(REPORTERS),
  policies: fc.constantFrom([], [{ p: 'none', reports: 90 }], [{ p: 'quarantine', reports: 90 }]),
  joining: fc.constantFrom(0, 9, 10),
  against: fc.constantFrom([], [{ kind: 'alignment_failure', name: 'A sender that is not aligned' }]),
  incidents: fc.constantFrom([], [{ finding_key: 4, summary: 'DKIM fails at a.example' }]),
  denied: fc.subarray([
    { finding_key: 7, source: 'denied.example', messages: 900, passes: false, keys: [], terms: [] },
    { finding_key: 8, source: '192.0.2.0/24', messages: 40, passes: true, keys: [], terms: ['ip4:192.0.2.0/24'] },
  ]),
  contested: fc.constantFrom([], [{ kind: 'subdomain_abuse', name: 'Forged mail under subdomains' }]),
  silent: fc.constantFrom([], [{ reporter: 'GMX', share: 0.11 }]),
  held: fc.boolean(),
}) as fc.Arbitrary<DatedMonth>;

/** Half of what is drawn, since hardly any of the rest is ready for anything. */
const correct = (seen: SeenRecords): SeenRecords => ({ ...seen, spf: 'valid', closed: false, dmarc: 'valid', faults: [] });
const full = (of: DatedMonth): DatedMonth => ({
  ...of,
  ...{ days: 30, reporters: 4, first: ago(29), newest: TODAY, policies: [], joining: 0, against: [], contested: [] },
});

test('the findings say what the posture says, whatever is drawn; and nothing is ready while something holds it back', () => {
  let ready = 0;
  fc.assert(
    fc.property(fc.oneof(records, records.map(correct)), fc.oneof(fc.option(month), month.map(full)), (seen, reports) => {
      const posture = postureOf(seen, reports, null);
      const window = {
        domain: DOMAIN,
        today: TODAY,
        known: [],
        standpoint: { posture, records: seen, month: reports },
      } as unknown as ReadinessWindow;
      const found = policyReady.find(window);
      expect(found.map(({ evidence }) => evidence.facts)).toEqual(
        posture.ready_for === null ? [] : [expect.objectContaining({ next: posture.ready_for })],
      );
      const ends = posture.next.action === 'end_testing';
      expect(ends || posture.next.action.startsWith('enforce_')).toBe(posture.ready_for !== null);
      if (posture.ready_for !== null) {
        ready++;
        expect(posture.blocked_by).toEqual([]);
        expect(seen.spf).not.toBe('missing');
        // A trial (t=y) ends at the policy that was tried.
        expect(seen.policy!.policy).toBe(ends ? posture.ready_for : posture.ready_for === 'quarantine' ? 'none' : 'quarantine');
      }
      expect(bimiReady.find(window).length > 0).toBe(posture.bimi_ready);
      if (posture.bimi_ready) expect(seen.policy!.policy).not.toBe('none');
    }),
    { numRuns: 3_000, seed: 14 },
  );
  expect(ready).toBeGreaterThan(0);
});

test('what DNS says counts, and where it says nothing, what the reports found', () => {
  const seen = { ...reportedRecords(DOMAIN, null), spf: 'valid' as const };
  expect(knownRecords(DOMAIN, null, 'p=quarantine; sp=none')).toMatchObject({
    dmarc: 'valid',
    spf: 'unknown',
    policy: { policy: 'quarantine', sp: 'none' },
  });
  expect(knownRecords(DOMAIN, seen, 'p=none')).toMatchObject({ spf: 'valid', policy: { policy: 'none' } });
  expect(knownRecords(DOMAIN, { ...seen, dmarc: 'missing' }, 'p=none').policy).toBeNull();
});

describe('the view', () => {
  let f: Fixture;
  let server: FakeServer | null = null;
  beforeEach(async () => {
    f = await fixture();
  });
  afterEach(async () => {
    await server?.stop();
    server = null;
    await f.close();
  });
  const view = async () => (await f.t.db.query('select * from dmarc.posture where domain = $1', [DOMAIN])).rows[0];
  const kinds = async () => (await f.findings()).filter(({ state: is }) => is === 'open').map(({ kind }) => kind);
  const policies = (p: string) =>
    f.putPolicies(REPORTERS.flatMap((reporter) => policyDays(reporter, Array(33).fill(`p=${p}; adkim=r; aspf=r`))));
  /** As the watcher stores it. */
  const store = (seen: Partial<SeenRecords>) =>
    f.t.db.query(
      `insert into ruawatch.dns_checks (domain, checked_at, findings, records) values ($1, now(), '[]', $2)
       on conflict (domain) do update set records = excluded.records`,
      [
        DOMAIN,
        JSON.stringify({ ...reportedRecords(DOMAIN, { p: 'none', sp: null, t: null, text: 'p=none' }), spf: 'valid', ...seen }),
      ],
    );

  test('says what policy status says, and the finding with them', async () => {
    server = await startFake(({ name, sent, type }) => {
      const text = (data: string) => ({ answers: [{ name: sent, type: 'TXT' as const, ttl: 60, data }] });
      if (type === 'TXT' && name === `_dmarc.${DOMAIN}`) return text(NONE);
      if (type === 'TXT' && name === DOMAIN) return text('v=spf1 ip4:192.0.2.0/24 -all');
      if (type === 'A') return { answers: [{ name: sent, type: 'A' as const, ttl: 60, data: '192.0.2.1' }] };
      return { authorities: [soa('com', 60)] };
    });
    await f.put(span(31, 0, 'both', 900, REPORTERS, { source: '192.0.2.0/24' }));
    await policies('none');
    await store({});
    await f.analyze();
    expect(await kinds()).toEqual(['policy_ready']);
    const lines: string[] = [];
    await putOwn(f.t.db, [DOMAIN], 'added', { now: new Date(), ignored: true });
    const now = new Date(`${TODAY}T20:00:00Z`);
    await runPolicyStatus(f.context.config, [DOMAIN], { json: true, resolver: [`127.0.0.1:${server.port}`], now }, (line) =>
      lines.push(line),
    );
    const [status] = JSON.parse(lines.join('\n'));
    const row = await view();
    expect(row).toMatchObject({ stage: 'none', next_step: 'enforce_quarantine', spf: 'valid', dmarc: 'none', blocked_by: [] });
    expect({ stage: row.stage, next: row.next_step, advice: row.advice, blocked_by: row.blocked_by }).toEqual({
      stage: status.stage,
      next: status.next.action,
      advice: status.next.sentence,
      blocked_by: status.blocked_by,
    });
  });

  test('SPF that is gone from DNS takes the finding back, in the same analysis', async () => {
    await f.put(span(31, 0, 'both', 900, REPORTERS, { source: '192.0.2.0/24' }));
    await policies('none');
    await store({});
    await f.analyze();
    expect(await kinds()).toEqual(['policy_ready']);
    const { since } = await view();
    await store({ spf: 'missing' });
    await f.t.db.query("insert into ruawatch.analysis_work (domain, source) values ($1, '')", [DOMAIN]);
    f.setNow(new Date(Date.parse(`${TODAY}T00:00:00Z`) + 40 * 3_600_000));
    await f.analyze();
    expect(await kinds()).toEqual([]);
    expect(await view()).toMatchObject({ stage: 'none', next_step: 'publish_spf', since });
  });

  test('p=reject is held back while mail rests on SPF alone', async () => {
    await f.put(span(31, 0, 'spf', 900, REPORTERS, { source: '192.0.2.0/24' }));
    await f.put(span(31, 0, 'both', 900, REPORTERS, { source: '203.0.113.0/24' }));
    await policies('quarantine');
    await f.analyze();
    expect(await kinds()).toEqual([]);
    expect(await view()).toMatchObject({ stage: 'quarantine', next_step: 'sign_with_dkim', checked_at: null });
  });

  test('a logo is said to be possible when nothing but its record is missing, and no more when it is there', async () => {
    await f.put(span(31, 0, 'both', 900, REPORTERS, { source: '192.0.2.0/24' }));
    await policies('reject');
    const policy = { policy: 'reject' as const, at: DOMAIN, text: 'v=DMARC1; p=reject', testing: false, sp: null };
    await store({ policy, bimi: 'missing' });
    await f.analyze();
    expect(await kinds()).toEqual(['bimi_ready']);
    expect(await view()).toMatchObject({ bimi: 'ready' });
    await store({ policy, bimi: 'valid' });
    await f.t.db.query("insert into ruawatch.analysis_work (domain, source) values ($1, '')", [DOMAIN]);
    await f.analyze();
    expect(await kinds()).toEqual([]);
    expect(await view()).toMatchObject({ bimi: 'valid', stage: 'bimi' });
  });

  test('is written for a domain on which nobody reports, by the clock', async () => {
    await f.t.db.query("update ruawatch.domains set state = 'own' where domain = 'com'");
    await putOwn(f.t.db, [DOMAIN], 'added', { now: new Date(), ignored: true });
    await f.t.db.query('delete from ruawatch.analysis_work');
    await postureWatch(f.context).look();
    await f.analyze();
    expect(await view()).toMatchObject({ stage: 'unknown', next_step: 'gather_reports' });
  });
});
