import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { composeMails } from '../../../services/alerter/mail/compose.ts';
import { openPart, settledPart } from '../../../services/analyzer/rules/broken_senders.ts';
import { runSendersPut } from '../../../services/cli/commands/senders.ts';
import type { SourceDay } from '../../../services/store/analysis/window-reads.ts';
import type { KnownFinding } from '../../../services/store/findings/findings.ts';
import { acknowledge, close } from '../../../services/store/findings/operator-actions.ts';
import { draws } from '../../helpers/full.ts';
import { type Fixture, fixture } from '../fixture.ts';
import { ago, DOMAIN, REPORTERS, span } from '../rows.ts';
import { expectLives } from './invented-lives.ts';

const OWN = { source: '192.0.2.0/24' };
const SERVICES = ['a', 'b', 'c', 'd', 'e'].map((name) => `${name}.example`);
const ordinary = (from: number, to: number) => span(from, to, 'both', 500, REPORTERS, OWN);
const good = (source: string, from: number, to: number, n = 40) => span(from, to, 'dkim', n, REPORTERS, { source });
const bad = (source: string, from: number, to: number, n = 40) => span(from, to, 'foreignSpf', n, REPORTERS, { source });
const ADA = { by: 'Ada', why: 'ticket 7' };

let f: Fixture;
beforeEach(async () => {
  f = await fixture();
});
afterEach(() => f.close());

async function mails(): Promise<string[]> {
  const settings = { from: 'alerts@example.net', alertTo: ['ada@example.com'], alerts: f.context.config.alerts };
  await composeMails(f.t.db, settings, f.context.clock.now(), f.context.log);
  const { rows } = await f.t.db.query<{ subject: string }>('select subject from ruawatch.outbox order by outbox_key');
  return rows.map(({ subject }) => subject);
}
const senders = (evidence: Record<string, unknown>) =>
  (evidence.broken as { source: string }[]).map(({ source }) => source).sort();
const morningAfter = (day: number) => f.setNow(new Date(`${ago(day - 1)}T08:00:00Z`));

test('a key that breaks at five senders is one finding that lists them, and one mail', async () => {
  await f.put([...ordinary(41, 0), ...SERVICES.flatMap((source, i) => [...good(source, 41, 3), ...bad(source, 2, 0, 40 + i)])]);
  await f.analyze();
  const findings = await f.findings();
  expect(findings.map((x) => [x.kind, x.subject])).toEqual([['authentication_regression', 'dkim']]);
  const { evidence } = findings[0]!;
  expect(senders(evidence)).toEqual(SERVICES);
  expect(evidence).toMatchObject({ senders: 5, messages: 9 * (40 + 41 + 42 + 43 + 44), since: ago(2), mechanism: 'dkim' });
  expect(evidence.who).toEqual(
    SERVICES.map((source, i) => ({ source, messages: 9 * (40 + i), delivered: 9 * (40 + i) })).reverse(),
  );
  expect(evidence.what).toContain('so one cause is likely: e.example, d.example and 3 more');
  expect((evidence.advice as string[])[0]).toContain('a zone that lost its _domainkey records');
  expect(await mails()).toEqual([expect.stringMatching(/\] \w+ fails? at 5 senders of .*\(high\)$/)]);
  const { rows } = await f.t.db.query(evidence.query);
  expect(rows).toEqual([]);
});

test('who breaks later is a change, who is mended leaves it open, and it is over when all are', async () => {
  await f.put([
    ...ordinary(41, 6),
    ...SERVICES.flatMap((source) => good(source, 41, 6)).filter((r) => r.source < 'c' || r.day < ago(6)),
  ]);
  await f.put([...bad('c.example', 6, 6), ...bad('d.example', 6, 6), ...bad('e.example', 6, 6)]);
  morningAfter(6);
  await f.analyze();
  expect(await f.findings()).toMatchObject([{ subject: 'dkim', revision: 1, evidence: { senders: 3 } }]);
  await mails();

  await f.put([...ordinary(5, 5), ...SERVICES.flatMap((source) => bad(source, 5, 5))]);
  morningAfter(5);
  expect((await f.analyze()).events).toMatchObject([{ event: 'changed', notify: true }]);
  expect(await f.findings()).toMatchObject([{ subject: 'dkim', revision: 2, evidence: { senders: 5, since: ago(6) } }]);
  await mails();

  await f.put([...ordinary(4, 3), ...SERVICES.flatMap((s) => (s < 'd' ? good(s, 4, 3) : bad(s, 4, 3)))]);
  morningAfter(3);
  expect((await f.analyze()).events).toEqual([]);
  const [open] = await f.findings();
  expect(open).toMatchObject({ state: 'open', revision: 2, evidence: { senders: 2 } });
  expect(senders(open!.evidence)).toEqual(['d.example', 'e.example']);
  expect(open!.evidence.mended).toMatchObject(['a.example', 'b.example', 'c.example'].map((source) => ({ source, day: ago(3) })));

  await f.put([...ordinary(2, 1), ...SERVICES.flatMap((source) => good(source, 2, 1))]);
  morningAfter(1);
  expect((await f.analyze()).events).toMatchObject([{ event: 'resolved', notify: true }]);
  expect(await mails()).toEqual([
    expect.stringMatching(/^\[ruawatch\] DKIM fails at 3 senders of example\.com/),
    expect.stringMatching(/^\[ruawatch\] Changed: /),
    expect.stringMatching(/^\[ruawatch\] Resolved: /),
  ]);
});

/** Records of a report, as the parser stores them, of mail that fails with these signatures. */
async function records(signatures: Record<string, { selector: string; domain?: string; result?: string }>): Promise<void> {
  await f.t.db.query(
    `insert into ruawatch.reports (report_key, message_key, part, identity, content_hash, org_name, reporter, report_id, domain, begin_at,
            end_at, errors, records, messages, salvaged, problems, received_at, trust)
     values (1, 1, 0, 'i', 'c', 'google.com', 'google.com', '1', $1, $2::date + interval '1 hour', $2::date + interval '25 hours', '[]', 3, 52,
             false, '[]', now(), 'ok')`,
    [DOMAIN, ago(1)],
  );
  for (const [n, [source, { selector, domain = DOMAIN, result = 'fail' }]] of Object.entries(signatures).entries()) {
    const auth = {
      dkim: [
        { domain, selector, result },
        { domain: source, selector: 'theirs', result: 'pass' },
      ],
      spf: [{ domain: `bounce.${DOMAIN}`, scope: 'mfrom', result: 'fail' }],
    };
    await f.t.db.query(
      `insert into ruawatch.records (report_key, n, begin_at, source_ip, count, disposition, auth, dkim_aligned, spf_aligned, forwarded, source)
       values (1, $1, $2::date + interval '1 hour', '203.0.113.1', 10, 'none', $3, false, false, false, $4)`,
      [n, ago(1), auth, source],
    );
  }
}

test.each([
  ['one key', (_: string) => 's1', `They share the key s1._domainkey.${DOMAIN}, which does not verify`],
  [
    'a key each',
    (source: string) => source.slice(0, 1),
    `a._domainkey.${DOMAIN}, b._domainkey.${DOMAIN} and 3 more, which do not verify`,
  ],
])('the advice names what broke: %s', async (_, selectorOf, said) => {
  await f.put([...ordinary(41, 0), ...SERVICES.flatMap((source) => [...good(source, 41, 3), ...bad(source, 2, 0)])]);
  await records(Object.fromEntries(SERVICES.map((source) => [source, { selector: selectorOf(source) }])));
  await f.analyze();
  const [finding] = await f.findings();
  const broken = finding!.evidence.broken as { source: string; names: string[] }[];
  expect(broken.map(({ source, names }) => [source, names])).toEqual(
    SERVICES.map((source) => [source, [`${selectorOf(source)}._domainkey.${DOMAIN}`]]),
  );
  expect((finding!.evidence.advice as string[])[0]).toContain(said);
});

test('the advice on one sender names its key, and neither a key of somebody else nor one that verifies', async () => {
  await f.put([...ordinary(41, 0), ...good('a.example', 41, 3), ...bad('a.example', 2, 0)]);
  await records({ 'a.example': { selector: 's1', domain: `mail.${DOMAIN}` } });
  await f.t.db.query(`update ruawatch.records set auth = jsonb_set(auth, '{dkim}', auth -> 'dkim' || $1::jsonb)`, [
    JSON.stringify([
      { domain: 'a.example', selector: 'x', result: 'fail' },
      { domain: DOMAIN, selector: 'good', result: 'pass' },
    ]),
  ]);
  await f.analyze();
  const [finding] = await f.findings();
  expect((finding!.evidence.advice as string[])[0]).toMatch(
    /^It signs with the key s1\._domainkey\.mail\.example\.com, which does not verify/,
  );
});

test('a key that verifies nowhere is named also where SPF hides it, from records of passing mail and the rollup of keys', async () => {
  const TENANT = { source: '198.51.100.0/24' };
  await f.put([
    ...span(41, 3, 'both', 100, REPORTERS, TENANT),
    ...span(2, 0, 'spf', 100, REPORTERS, { ...TENANT, dkim_broken: 100 }),
    ...[...good('forwarder.example', 41, 3), ...bad('forwarder.example', 2, 0)],
  ]);
  await records({ [TENANT.source]: { selector: 'selector1' }, 'forwarder.example': { selector: 'selector1' } });
  await f.t.db.query('update ruawatch.records set spf_aligned = true where source = $1', [TENANT.source]);
  await f.t.db.query(
    `insert into ruawatch.selector_days (domain, source, signing_domain, selector, day, reporter, trust, messages, passed)
     select $1, s, $1, 'selector1', d::date, 'google.com', 'ok', 100, case when d < $3::date then 100 else 0 end
       from unnest($2::text[]) s, generate_series($3::date - 10, $3::date + 2, interval '1 day') d`,
    [DOMAIN, [TENANT.source, 'forwarder.example'], ago(2)],
  );
  await f.analyze();
  const findings = await f.findings();
  expect(findings.map((x) => [x.kind, x.subject, senders(x.evidence)])).toEqual([
    ['authentication_regression', 'dkim', [TENANT.source, 'forwarder.example']],
  ]);
  expect(await mails()).toEqual([expect.stringContaining(`DKIM key selector1 fails at all senders of ${DOMAIN}`)]);
  expect(findings[0]!.evidence.what).toContain('survives on SPF alone');
});

test('an SPF record that broke is named', async () => {
  const spf = (source: string, from: number, to: number) => span(from, to, 'spf', 40, REPORTERS, { source });
  const fails = (source: string) => span(2, 0, 'foreignDkim', 40, REPORTERS, { source });
  await f.put([...ordinary(41, 0), ...['a.example', 'b.example'].flatMap((s) => [...spf(s, 41, 3), ...fails(s)])]);
  await records({ 'a.example': { selector: 's1' }, 'b.example': { selector: 's1' } });
  await f.analyze();
  const [finding] = await f.findings();
  expect(finding).toMatchObject({ subject: 'spf', evidence: { senders: 2 } });
  expect((finding!.evidence.advice as string[])[0]).toContain(`the SPF record of bounce.${DOMAIN} around`);
});

test('DKIM and SPF are two causes; a sender without both is counted to DKIM', async () => {
  const spf = (from: number, to: number) => span(from, to, 'spf', 40, REPORTERS, { source: 'b.example' });
  const both = (from: number, to: number) => span(from, to, 'both', 40, REPORTERS, { source: '198.51.100.0/24' });
  await f.put([
    ...[...ordinary(41, 0), ...good('a.example', 41, 3), ...bad('a.example', 2, 0), ...spf(41, 3)],
    ...span(2, 0, 'foreignDkim', 40, REPORTERS, { source: 'b.example' }),
    ...[...both(41, 3), ...span(2, 0, 'unauthenticated', 40, REPORTERS, { source: '198.51.100.0/24' })],
  ]);
  await f.analyze();
  expect((await f.findings()).map((x) => [x.subject, senders(x.evidence), x.evidence.mechanism]).sort()).toEqual([
    ['dkim', ['198.51.100.0/24', 'a.example'], 'both'],
    ['spf', ['b.example'], 'spf'],
  ]);
});

test('senders that broke weeks apart are told so', async () => {
  const [a, b] = [SERVICES[0]!, SERVICES[1]!];
  await f.put([...ordinary(41, 0), ...good(a, 41, 21), ...bad(a, 20, 0), ...good(b, 41, 3), ...bad(b, 2, 0)]);
  await f.analyze();
  const [finding] = await f.findings();
  expect(finding!.evidence.what).toContain(`between ${ago(20)} and ${ago(2)}, each on its own day: ${a} and ${b}`);
});

test('a sender whose mail waits is not said to be silent, and one that no report names for weeks is', async () => {
  await f.put([
    ...ordinary(41, 10),
    ...good('a.example', 41, 13),
    ...bad('a.example', 12, 10),
    ...good('b.example', 41, 13),
    ...bad('b.example', 12, 10),
  ]);
  morningAfter(10);
  await f.analyze();
  await f.put([...ordinary(9, -4), ...bad('b.example', 9, -4)]);
  f.setNow(new Date(`${ago(-5)}T08:00:00Z`));
  expect((await f.analyze()).events).toEqual([]);
  const [finding] = await f.findings();
  expect(senders(finding!.evidence)).toEqual(['b.example']);
  expect(finding!.evidence.mended).toMatchObject([{ source: 'a.example', why: expect.stringContaining('no failing mail') }]);
});

test('an acknowledged incident is told again when another sender breaks', async () => {
  await f.put([...ordinary(41, 3), ...good('a.example', 41, 5), ...bad('a.example', 4, 3), ...good('b.example', 41, 3)]);
  morningAfter(3);
  await f.analyze();
  await acknowledge(f.t.db, (await f.findings())[0]!.finding_key, ADA, f.context.clock.now());
  await f.put([...ordinary(2, 1), ...bad('a.example', 2, 1), ...bad('b.example', 2, 1)]);
  morningAfter(1);
  expect((await f.analyze()).events).toMatchObject([{ event: 'changed', notify: true }]);
});

test('one that a person resolved does not come back on the same evidence, and another sender is a finding of its own', async () => {
  await f.put([...ordinary(41, 3), ...good('a.example', 41, 5), ...bad('a.example', 4, 3), ...good('b.example', 41, 3)]);
  morningAfter(3);
  await f.analyze();
  const key = (await f.findings())[0]!.finding_key;
  await close(f.t.db, key, ADA, f.context.clock.now());
  await f.put(bad('a.example', 3, 3, 5).map((r) => ({ ...r, reporter: `late.${r.reporter}` })));
  expect((await f.analyze()).events).toEqual([]);
  await f.put([...ordinary(2, 1), ...good('a.example', 2, 1), ...bad('b.example', 2, 1)]);
  morningAfter(1);
  const { events } = await f.analyze();
  expect(events).toMatchObject([{ event: 'opened' }]);
  expect(events[0]!.finding_key).not.toBe(key);
});

test('a sender that is denied leaves the incident of the others', async () => {
  await f.put([...ordinary(41, 0), ...['a.example', 'b.example'].flatMap((s) => [...good(s, 41, 3), ...bad(s, 2, 0)])]);
  await f.analyze();
  await runSendersPut(f.context.config, { verdict: 'denied', domain: DOMAIN, source: 'a.example' }, ADA, {
    out: () => undefined,
    now: f.context.clock.now(),
  });
  await f.analyze();
  const [finding] = await f.findings();
  expect(finding).toMatchObject({ state: 'open', revision: 1, evidence: { senders: 1 } });
  expect(finding!.evidence.mended).toMatchObject([{ source: 'a.example', why: expect.stringContaining('denies') }]);
});

describe('the order in which reports come', () => {
  const world: SourceDay[][] = [
    [...ordinary(41, 21), ...SERVICES.flatMap((s) => good(s, 41, 21))],
    [...ordinary(20, 3), ...SERVICES.flatMap((s) => good(s, 20, 3))],
    ...SERVICES.map((source) => bad(source, 2, 0)),
    ordinary(2, 0),
  ];

  test('and the number of analyses in between say nothing of what stands in the end', async () => {
    const seen: unknown[] = [];
    await fc.assert(
      fc.asyncProperty(
        fc.shuffledSubarray([...world.keys()].slice(2), { minLength: world.length - 2 }),
        fc.array(fc.boolean(), { minLength: world.length, maxLength: world.length }),
        async (order, judged) => {
          const g = await fixture();
          try {
            for (const [i, wave] of [0, 1, ...order].entries()) {
              await g.put(world[wave]!);
              if (judged[i] || i === world.length - 1) await g.analyze();
            }
            const { rows } = await g.t.db.query(
              'select kind, subject, state, severity, confidence, first_day, last_day, summary, evidence from ruawatch.findings',
            );
            seen.push(rows);
            expect(rows).toHaveLength(1);
            expect(rows).toEqual(seen[0]);
            const { rows: told } = await g.t.db.query(
              "select distinct e.event from ruawatch.finding_events e where e.event <> 'changed' order by 1",
            );
            expect(told).toEqual([{ event: 'opened' }]);
          } finally {
            await g.close();
          }
        },
      ),
      { numRuns: draws(8, 4) },
    );
  });
});

test('what it says of invented senders is as it was', () => expectLives('broken_senders'));

test('what is on file of a source is what an open incident says of it, and its last day of what is settled', () => {
  const part = (source: string, messages: number) => ({ source, messages });
  const file = (given: object, evidence: object) => ({ kind: 'authentication_regression', state: 'open', evidence, ...given });
  const known = [
    file({ kind: 'new_source' }, { broken: [part('a', 1)], mended: [{ source: 'a', day: ago(1) }] }),
    file({ state: 'resolved', last_day: ago(9) }, { broken: [part('a', 2), part('b', 3)], resolved_day: ago(8) }),
    file({ state: 'resolved', last_day: ago(7) }, { broken: [part('b', 4)] }),
    file(
      {},
      {
        mended: [
          { source: 'c', day: ago(5) },
          { source: 'b', day: ago(9) },
        ],
      },
    ),
    file({}, { broken: [part('a', 5), part('c', 6)] }),
    file({}, { broken: [part('a', 7)] }),
  ] as unknown as KnownFinding[];
  const sources = ['a', 'b', 'c', 'd'];
  expect(sources.map((source) => openPart(known, source))).toEqual([part('a', 5), null, part('c', 6), null]);
  expect(sources.map((source) => settledPart(known, source))).toEqual([ago(8), ago(7), ago(5), '']);
});
