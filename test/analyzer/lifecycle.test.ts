import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { composeMails } from '../../services/alerter/mail/compose.ts';
import { materialChange, reconcile } from '../../services/analyzer/lifecycle.ts';
import { alignmentFailure } from '../../services/analyzer/rules/alignment_failure.ts';
import { policyChange } from '../../services/analyzer/rules/policy_change.ts';
import { readEvidence } from '../../services/findings/evidence.ts';
import type { News } from '../../services/findings/news.ts';
import type { SourceDay } from '../../services/store/analysis/window-reads.ts';
import { snooze } from '../../services/store/findings/operator-actions.ts';
import { type Fixture, fixture } from './fixture.ts';
import { expectLives } from './invented-changes.ts';
import { ago, DOMAIN, domainWindow, onFile, policyDays, REPORTERS, row, sourceWindow, span } from './rows.ts';

let f: Fixture;
beforeEach(async () => {
  f = await fixture();
});
afterEach(() => f.close());

const BOTNET = Array.from({ length: 12 }, (_, n) => ({ source: `198.18.${n}.0/24` }));
const OWN = { source: '192.0.2.0/24' };
const botnet = (from: number, to: number, n: number) =>
  BOTNET.flatMap((source) => span(from, to, 'unauthenticated', n, REPORTERS, source));
/** The domain's ordinary mail, which makes its report days. */
const ordinary = (from: number, to: number) => span(from, to, 'both', 100, REPORTERS, OWN);

test('a finding opens once with its classes and an alert, and judging again changes nothing', async () => {
  await f.put([...ordinary(41, 0), ...botnet(4, 0, 3), ...span(11, 0, 'foreign', 100)]);
  const first = await f.analyze();
  expect(first).toMatchObject({ outcome: 'done', sources: 14 });
  const opened = await f.findings();
  expect(opened.map((o) => [o.kind, o.subject, o.state])).toEqual([
    ['alignment_failure', 'service.example', 'open'],
    ['unauthorized_source', DOMAIN, 'open'],
  ]);
  expect(opened[1]).toMatchObject({ first_day: ago(4), last_day: ago(0), evidence: { messages: 540, of: 3540, senders: 12 } });
  expect((await f.events()).map((e) => [e.event, e.revision, e.notify])).toEqual([
    ['opened', 1, true],
    ['opened', 1, true],
  ]);
  const { rows: classes } = await f.t.db.query('select class, count(*) as n from ruawatch.sources group by class order by class');
  expect(classes).toEqual([
    { class: 'authorized', n: 1 },
    { class: 'misaligned', n: 1 },
    { class: 'unauthorized', n: 12 },
  ]);
  const counts = await f.context.queues.counts();
  expect(counts.alert.waiting! + counts.alert.delayed!).toBe(1);

  expect((await f.analyze()).outcome).toBe('idle');
  f.setNow(new Date(f.context.clock.now().getTime() + 3_600_000));
  await f.t.db.query('insert into ruawatch.analysis_work (domain, source) select domain, source from ruawatch.sources');
  expect(await f.analyze()).toMatchObject({ outcome: 'done', events: [] });
  expect(await f.findings()).toEqual(opened);
});

test('two analyzers at once open it once', async () => {
  await f.put([...ordinary(10, 0), ...botnet(4, 0, 3)]);
  const outcomes = await Promise.all(Array.from({ length: 6 }, () => f.analyze()));
  expect(outcomes.filter((o) => o.outcome === 'done')).toHaveLength(1);
  expect(await f.findings()).toHaveLength(1);
  expect(await f.events()).toHaveLength(1);
});

test('more of the same refreshes the evidence in silence; what makes it graver is told', async () => {
  await f.put([...ordinary(10, 2), ...botnet(4, 2, 3)]);
  await f.analyze();
  await f.put([...ordinary(1, 1), ...botnet(1, 1, 3)]);
  await f.analyze();
  expect(await f.findings()).toMatchObject([{ revision: 1, last_day: ago(1), evidence: { messages: 432 } }]);
  expect(await f.events()).toHaveLength(1);
  const delivered = { delivered: 60, failed_delivered: 60, rejected: 0 };
  await f.put([
    ...ordinary(0, 0),
    ...BOTNET.flatMap((source) => span(0, 0, 'unauthenticated', 60, REPORTERS, { ...source, ...delivered })),
  ]);
  await f.analyze();
  expect(await f.findings()).toMatchObject([{ revision: 2, first_day: ago(4), evidence: { messages: 2160, since: ago(0) } }]);
  expect((await f.events()).map((e) => [e.event, e.revision])).toEqual([
    ['opened', 1],
    ['changed', 2],
  ]);
});

test('it resolves after enough report days, stays so on a late report, and is reopened by what is new', async () => {
  await f.put([...ordinary(41, 20), ...botnet(24, 20, 30)]);
  f.setNow(new Date(`${ago(19)}T08:00:00Z`));
  await f.analyze();
  await f.put(ordinary(19, 14));
  await f.analyze();
  expect(await f.findings()).toMatchObject([{ state: 'open' }]);
  await f.put(ordinary(13, 13));
  f.setNow(new Date(`${ago(12)}T08:00:00Z`));
  await f.analyze();
  expect(await f.findings()).toMatchObject([{ state: 'resolved', evidence: { resolved_day: ago(13) } }]);

  await f.put(span(16, 16, 'unauthenticated', 50, ['late.example'], BOTNET[0]));
  await f.analyze();
  expect(await f.findings()).toHaveLength(1);

  await f.put([...ordinary(12, 10), ...botnet(11, 10, 30)]);
  f.setNow(new Date(`${ago(9)}T08:00:00Z`));
  await f.analyze();
  expect(await f.findings()).toMatchObject([{ state: 'open', first_day: ago(11), revision: 2 }]);
  expect((await f.events()).map((e) => [e.event, e.notify])).toEqual([
    ['opened', true],
    ['resolved', true],
    ['reopened', true],
  ]);
});

test('a regression takes the place of other findings, and resolves when the source passes again', async () => {
  await f.put([...ordinary(41, 2), ...span(41, 9, 'dkim', 100), ...span(8, 2, 'foreignSpf', 100)]);
  await f.analyze();
  expect((await f.findings()).map((x) => x.kind)).toEqual(['authentication_regression']);
  // The network of a sender without any other name: its failing mail authenticates as nobody.
  await f.put([...span(41, 9, 'dkim', 100, REPORTERS, BOTNET[1]), ...span(8, 2, 'unauthenticated', 100, REPORTERS, BOTNET[1])]);
  await f.analyze();
  const broken = async () =>
    (await f.findings()).map((x) => [x.kind, x.state, (x.evidence.broken as { source: string }[]).map((one) => one.source)]);
  expect(await broken()).toEqual([['authentication_regression', 'open', [BOTNET[1]!.source, 'service.example']]]);

  await f.put([...ordinary(1, 0), ...span(1, 0, 'dkim', 100)]);
  await f.analyze();
  expect(await broken()).toEqual([['authentication_regression', 'open', [BOTNET[1]!.source]]]);
});

test("last year's mail is recorded quietly, and told once it turns out to go on", async () => {
  f.setNow(new Date('2027-05-01T08:00:00Z'));
  await f.put([...ordinary(30, 1), ...botnet(4, 1, 30)]);
  const { events } = await f.analyze();
  expect(events).toMatchObject([{ event: 'opened', notify: false }]);
  const counts = await f.context.queues.counts();
  expect(counts.alert.waiting! + counts.alert.delayed!).toBe(0);

  f.setNow(new Date(`${ago(0)}T23:00:00Z`));
  await f.put([...ordinary(0, 0), ...botnet(0, 0, 30)]);
  expect((await f.analyze()).events).toMatchObject([{ event: 'opened', notify: true }]);
});

test('at a first start what is over by then is recorded in silence, and what stands is told', async () => {
  // A botnet of four days that ended three days ago: no rule can say that it is over.
  await f.put([...ordinary(41, 0), ...botnet(6, 3, 3), ...span(11, 0, 'foreign', 100)]);
  await f.analyze();
  expect((await f.events()).map(({ kind, notify }) => [kind, notify])).toEqual([
    ['alignment_failure', true],
    ['unauthorized_source', false],
  ]);
  // It goes on: it is told as if nobody had looked before.
  await f.put([...span(-1, -1, 'both', 100, REPORTERS, OWN), ...botnet(-1, -1, 3)]);
  f.setNow(new Date(`${ago(-2)}T08:00:00Z`));
  await f.analyze();
  expect((await f.events()).filter(({ notify }) => notify).map(({ kind, event }) => `${kind} ${event}`)).toEqual([
    'alignment_failure opened',
    'unauthorized_source opened',
  ]);
});

test('what is found when the names have come, hours after the first analysis, stood there too; later it did not', async () => {
  f.context.config.analyzer.wait_for_names_hours = 6;
  const standing = async () => {
    const { rows } = await f.t.db.query<{ kind: string; notify: boolean; standing: boolean }>(
      'select kind, notify, standing from ruawatch.finding_events join ruawatch.findings using (finding_key) order by event_key',
    );
    return rows.map((one) => `${one.kind} ${one.notify ? 'mailed' : 'silent'}${one.standing ? ' standing' : ''}`);
  };
  await f.put(ordinary(41, 0));
  await f.analyze();
  // More is known of it an hour later: of a botnet that is over, and of a service that is not set up.
  f.setNow(new Date(`${ago(-1)}T09:00:00Z`));
  await f.put([...botnet(6, 3, 3), ...span(11, 0, 'foreign', 100)]);
  await f.analyze();
  expect(await standing()).toEqual(['alignment_failure mailed standing', 'unauthorized_source silent standing']);
  f.setNow(new Date(`${ago(-1)}T20:00:00Z`));
  await f.put(span(11, 0, 'foreign', 100, REPORTERS, { source: 'other.example', signing_domain: 'other.example' }));
  await f.analyze();
  expect((await standing()).at(-1)).toBe('alignment_failure mailed');
});

test.each([
  ['the first time it comes back', 0, 0, 1],
  ['the second time, at once', 1, 0, 0],
  ['the second time, when it stays', 1, 4, 1],
])('a policy that goes back and forth is told again %s', (_, reopened, stood, told) => {
  const policies = ['p=reject', 'p=reject', 'p=none', ...Array.from({ length: stood + 1 }, () => 'p=none')];
  const weakened = domainWindow(span(20, 0, 'both', 100), {
    policyDays: REPORTERS.flatMap((reporter) => policyDays(reporter, policies)),
  });
  const [candidate] = policyChange.find(weakened);
  const evidence = { ...candidate!.evidence, resolved_day: ago(9) };
  const before = onFile(candidate!, { state: 'resolved', heard: true, reopened, evidence, last_day: ago(12) });
  const moment = { now: new Date(`${ago(-1)}T08:00:00Z`), today: ago(0), quietAfterDays: 14 };
  expect(reconcile([candidate!], [before], () => null, moment).reopened).toHaveLength(told);
});

test.each([
  ['evidence', { reason: 'no_such_mail', days: 7 }, undefined],
  ['a decision about the source', { reason: 'listed' }, { reason: 'listed' }],
] as const)('what %s had ended comes back, and says so of a decision', (_, ended, decided) => {
  const policies = REPORTERS.flatMap((reporter) => policyDays(reporter, ['p=reject', 'p=reject', 'p=none', 'p=none']));
  const [candidate] = policyChange.find(domainWindow(span(20, 0, 'both', 100), { policyDays: policies }));
  const evidence = { ...candidate!.evidence, resolved_day: ago(9), ended };
  const before = onFile(candidate!, { state: 'resolved', evidence, last_day: ago(12) });
  const moment = { now: new Date(`${ago(-1)}T08:00:00Z`), today: ago(0), quietAfterDays: 14 };
  const { reopened } = reconcile([candidate!], [before], () => null, moment);
  expect(reopened.map((one) => one.evidence.decided)).toEqual([decided]);
});

test('a policy that was weakened opens a finding, its return resolves it, a strengthening is recorded only', async () => {
  const seen = (policies: string[], newest: number) => REPORTERS.flatMap((reporter) => policyDays(reporter, policies, newest));
  await f.put(ordinary(20, 0), { work: false });
  await f.putPolicies(seen(['p=none', 'p=none', 'p=reject', 'p=reject'], 8));
  await f.analyze();
  expect(await f.findings()).toMatchObject([{ kind: 'policy_change', severity: 'info', state: 'resolved' }]);
  await f.putPolicies(seen(['p=none', 'p=none'], 6));
  await f.analyze();
  await f.putPolicies(seen(['p=reject', 'p=reject'], 4));
  await f.analyze();
  await f.putPolicies(seen(['p=reject'], 3));
  await f.analyze();
  expect((await f.findings()).map((x) => [x.severity, x.state])).toEqual([
    ['info', 'resolved'],
    ['high', 'resolved'],
  ]);
  expect((await f.events()).map((e) => [e.event, e.notify])).toEqual([
    ['opened', false],
    ['opened', true],
    ['resolved', true],
  ]);
});

test('a policy that goes on going back and forth stays told twice, whatever was recorded between', async () => {
  await f.put(ordinary(30, 0), { work: false });
  const published = async (policy: string, from: number, to: number) => {
    const days = Array.from({ length: from - to + 1 }, () => policy);
    await f.putPolicies(REPORTERS.flatMap((reporter) => policyDays(reporter, days, to)));
    f.setNow(new Date(`${ago(to - 1)}T08:00:00Z`));
    await f.analyze();
  };
  await published('p=quarantine', 30, 26);
  let day = 25;
  for (let episode = 0; episode < 5; episode++) {
    await published('p=none', day, day - 1);
    await published('p=quarantine', day - 2, day - 4);
    day -= 5;
  }
  expect((await f.events()).filter(({ notify }) => notify).map(({ event }) => event)).toEqual([
    'opened',
    'resolved',
    'reopened',
    'resolved',
  ]);
});

test('the query of every kind of finding runs on the real schema and is safe with any name', async () => {
  const odd = { source: "o'brien\\.example" };
  await f.put([
    ...ordinary(41, 0),
    ...botnet(3, 0, 10),
    ...span(11, 0, 'foreign', 100, REPORTERS, odd),
    ...span(41, 9, 'dkim', 100),
    ...span(8, 0, 'foreignSpf', 100),
  ]);
  await f.putPolicies(REPORTERS.flatMap((reporter) => policyDays(reporter, ['p=reject', 'p=reject', 'p=none', 'p=none'])));
  // The records of one day of the botnet, as the parser stores them.
  await f.t.db.query(
    `insert into ruawatch.reports (report_key, message_key, part, identity, content_hash, org_name, reporter, report_id, domain, begin_at,
            end_at, errors, records, messages, salvaged, problems, received_at)
     values (1, 1, 0, 'i', 'c', 'google.com', 'google.com', '1', $1, $2::date + interval '1 hour', $2::date + interval '25 hours', '[]', 3, 52,
             false, '[]', now())`,
    [DOMAIN, ago(0)],
  );
  await f.t.db.query(
    `insert into ruawatch.records (report_key, n, begin_at, source_ip, count, disposition, auth, dkim_aligned, spf_aligned, forwarded, source,
            foreign_spf)
     values (1, 0, $2::date + interval '1 hour', '198.18.0.7', 10, 'reject', '{}', false, false, false, '198.18.0.0/24', null),
            (1, 1, $2::date + interval '1 hour', '192.0.2.1', 12, 'none', '{}', true, true, false, '192.0.2.0/24', null),
            (1, 2, $2::date + interval '1 hour', '203.0.113.1', 30, 'none', '{}', false, false, false, $1, 'o''brien')`,
    [odd.source, ago(0)],
  );
  await f.analyze();
  const findings = await f.findings();
  const shown: Record<string, number> = {};
  for (const { subject, kind, evidence } of findings) {
    const { rows } = await f.t.db.query(evidence.query);
    shown[`${kind} ${subject}`] = rows.reduce((n, r) => n + Number(r.messages ?? r.reports), 0);
  }
  expect(shown).toEqual({
    'unauthorized_source example.com': 10,
    "alignment_failure o'brien\\.example": 30,
    'authentication_regression dkim': 0,
    'policy_change example.com': 12,
  });
});

describe('of a sender that broke, another network is no news', () => {
  const parts = (...some: [source: string, sender?: string][]) =>
    some.map(([source, sender]) => ({ source, ...(sender && { sender }), messages: 10, of: 10, reporters: [] }));
  const told = (...some: [source: string, sender?: string][]) => ({
    severity: 'high' as const,
    evidence: readEvidence({
      v: 1,
      messages: 10,
      per_day: 10,
      who: [],
      broken: parts(...some),
      facts: { rule: 'authentication_regression', strict: [] },
    }),
  });
  test.each<[string, Parameters<typeof told>, Parameters<typeof told>, News | null]>([
    [
      'of the same sender',
      [['a', 'x']],
      [
        ['a', 'x'],
        ['b', 'x'],
      ],
      null,
    ],
    [
      'of the same sender, in evidence of an older version',
      [['a']],
      [
        ['a', 'x'],
        ['b', 'x'],
      ],
      null,
    ],
    ['of the same sender, when the first has recovered', [['a', 'x']], [['b', 'x']], null],
    [
      'of another sender',
      [['a', 'x']],
      [
        ['a', 'x'],
        ['b', 'y'],
      ],
      { what: 'senders', more: 1, first: 'b' },
    ],
    ['by itself', [['a', 'x']], [['a', 'x'], ['b']], { what: 'senders', more: 1, first: 'b' }],
    ['by itself, as the first', [['a']], [['a'], ['b']], { what: 'senders', more: 1, first: 'b' }],
  ])('%s', (_, old, next, news) => {
    expect(materialChange(told(...old), told(...next))).toEqual(news);
  });
});

describe('materialChange', () => {
  const one = (extra: object = {}, n = 100) => {
    const [finding] = alignmentFailure.find(sourceWindow(span(11, 0, 'foreign', n)));
    return { severity: finding!.severity, evidence: { ...finding!.evidence, ...extra } };
  };
  test('nothing new is nothing', () => {
    expect(materialChange(one(), one())).toBeNull();
    expect(materialChange(one(), one({}, 250))).toBeNull();
    expect(materialChange({ ...one(), severity: 'high' }, one())).toBeNull();
    expect(materialChange(one({ mechanism: 'both' }), one({ mechanism: 'spf' }))).toBeNull();
    expect(materialChange(one({ per_day: 1, messages: 5 }), one({ per_day: 9, messages: 45 }))).toBeNull();
  });
  test('more of the same is no news, however much', () => {
    expect(materialChange(one(), one({}, 3000))).toBeNull();
    expect(materialChange(one({ mechanism: 'both' }), one({ mechanism: 'both', per_day: 90_000, messages: 900_000 }))).toBeNull();
    // It grew while it went on; its numbers begin anew, and nobody acts differently.
    expect(materialChange(one({ last_day: ago(9) }), one({ again: ago(0) }), ago(1))).toBeNull();
  });
  test('worse is told', () => {
    const risen = { what: 'severity', from: 'low', to: 'medium' };
    expect(materialChange({ ...one({ per_day: 40 }), severity: 'low' }, one())).toEqual(risen);
    expect(materialChange(one({ mechanism: 'spf' }), one({ mechanism: 'both' }))).toEqual({ what: 'both_mechanisms' });
    expect(materialChange(one(), one({ again: ago(0) }), ago(8))).toEqual({ what: 'begun_again', day: ago(0) });
    const tags = (to: string) => ({ tags: [{ tag: 'p', from: 'reject', to, since: ago(3) }] });
    expect(materialChange(one(tags('quarantine')), one(tags('none')))).toEqual({ what: 'policy', tag: 'p', to: 'none' });
    expect(materialChange(one(tags('none')), one(tags('quarantine')))).toBeNull();
  });
  test('one step up by its days alone is no news, two are, and critical is', () => {
    const low = (extra: object = {}) => ({ ...one({ per_day: 20, messages: 60, ...extra }), severity: 'low' as const });
    const next = (extra: object = {}) => one({ per_day: 21, messages: 105, ...extra });
    expect(materialChange(low(), next())).toBeNull();
    const risen = { what: 'severity', from: 'low', to: 'medium', messages: [60, 105] };
    expect(materialChange(low(), { ...next(), severity: 'high' })).toEqual({ ...risen, to: 'high' });
    expect(materialChange({ ...low(), severity: 'medium' }, { ...next(), severity: 'high' })).toBeNull();
    expect(materialChange({ ...low(), severity: 'high' }, { ...next(), severity: 'critical' })).toMatchObject({ to: 'critical' });
    expect(materialChange(low(), next({ per_day: 100 }))).toEqual(risen);
    expect(materialChange(low(), next({ per_day: 40 }))).toBeNull();
    const forged = { facts: { rule: 'unauthorized_source', p: 'none' } };
    expect(materialChange(low(forged), next({ ...forged, per_day: 40 }))).toEqual(risen);
    expect(materialChange(low(), next({ rejected: 25 }))).toEqual({ ...risen, lost: [0, 25] });
    const facts = (scattered: boolean) => ({ facts: { ...one().evidence.facts, scattered } });
    expect(materialChange(low(facts(false)), next(facts(true)))).toEqual(risen);
    expect(materialChange(low(facts(true)), next(facts(true)))).toBeNull();
  });
  test('the fate of the mail is news when it turns: rightful mail that is lost, forged mail that is delivered', () => {
    const lost = (rejected: number, messages = 100) => one({ messages, delivered: messages - rejected, rejected });
    expect(materialChange(lost(10), lost(60))).toEqual({ what: 'fate', now: 'lost', share: 0.6 });
    expect(materialChange(lost(10), lost(40))).toBeNull();
    expect(materialChange(lost(30), lost(90))).toBeNull();
    expect(materialChange(lost(0, 20), lost(15, 20))).toBeNull();
    const forged = (delivered: number, messages = 100) =>
      one({ messages, delivered, rejected: messages - delivered, facts: { rule: 'unauthorized_source', p: 'reject' } });
    expect(materialChange(forged(5), forged(150, 200))).toEqual({ what: 'fate', now: 'delivered', share: 0.75 });
    expect(materialChange(forged(150, 200), forged(5))).toBeNull();
    // Graver by its number alone, and all of it kept out: nobody acts on that.
    expect(materialChange({ ...forged(0, 100), severity: 'low' }, forged(0, 5000))).toBeNull();
    expect(materialChange({ ...forged(0, 100), severity: 'low' }, forged(30, 5000))).toMatchObject({ what: 'severity' });
  });
  test('what may be an account in the hands of strangers is told again when it goes on', () => {
    const own = { id: 'google-workspace', kind: 'mailbox_provider' as const };
    const facts = {
      rule: 'volume_surge' as const,
      times: 30,
      days: 1,
      expected: 67,
      season: null,
      name: 'Google',
      own: false,
      service: own,
    };
    const sent = (messages: number) => one({ messages, delivered: messages, facts });
    expect(materialChange(sent(1980), sent(9014))).toEqual({ what: 'grown', from: 1980, to: 9014 });
    expect(materialChange(sent(1980), sent(4000))).toBeNull();
    expect(materialChange(sent(100), sent(400))).toBeNull();
    // A campaign that is larger than its owner's others.
    expect(materialChange({ ...sent(1980), severity: 'low' }, { ...sent(9014), severity: 'low' })).toBeNull();
  });
  test('what was told when it was small is told once more when it has come to ten times the damage, a week and more later', () => {
    const told = (messages: number, last_day: string, over: object = {}) =>
      ({ ...one({ messages, delivered: 0, rejected: messages, last_day, ...over }), severity: 'high' }) as const;
    const grown = { what: 'grown', from: 83, to: 2087 };
    expect(materialChange(told(83, ago(20)), told(2087, ago(0)))).toEqual(grown);
    expect(materialChange(told(83, ago(6)), told(2087, ago(0)))).toBeNull();
    expect(materialChange(told(300, ago(20)), told(2087, ago(0)))).toBeNull();
    expect(materialChange(told(20, ago(20)), told(400, ago(0)))).toBeNull();
    // What still arrives does not hurt yet.
    const harmless = { delivered: 2087, rejected: 0 };
    expect(materialChange(told(83, ago(20), { delivered: 83, rejected: 0 }), told(2087, ago(0), harmless))).toBeNull();
    const forged = { facts: { rule: 'unauthorized_source', p: 'none' } } as const;
    expect(materialChange(told(83, ago(20), forged), told(2087, ago(0), forged))).toBeNull();
    expect(
      materialChange(told(83, ago(20), { ...forged, delivered: 83 }), told(2087, ago(0), { ...forged, ...harmless })),
    ).toEqual(grown);
  });
});

test('a single row of a single report opens nothing', async () => {
  await f.put([...ordinary(20, 0), row(ago(0), 'unauthenticated', 60, BOTNET[0])]);
  await f.analyze();
  expect(await f.findings()).toEqual([]);
});

describe('a finding that comes back', () => {
  const plenty = (from: number, to: number) => span(from, to, 'both', 1000, REPORTERS, OWN);
  const spoofed = (from: number, to: number, n: number, source = '198.18.0.0/24') =>
    span(from, to, 'unauthenticated', n, REPORTERS, { source });
  const morningAfter = (day: number) => f.setNow(new Date(`${ago(day - 1)}T08:00:00Z`));
  const view = async (columns: string) => (await f.t.db.query(`select ${columns} from dmarc.findings order by finding_key`)).rows;

  test('what comes back within 30 days is reopened with its history; what comes later is a stranger', async () => {
    await f.put([...plenty(100, 95), ...spoofed(97, 95, 30)]);
    morningAfter(95);
    await f.analyze();
    const firstDay = ago(97);
    await f.put(plenty(94, 88));
    morningAfter(88);
    await f.analyze();
    expect(await view('state, phase')).toEqual([{ state: 'resolved', phase: 'resolved' }]);

    await f.put([...plenty(87, 70), ...spoofed(71, 70, 50, '198.18.9.0/24')]);
    morningAfter(70);
    expect((await f.analyze()).events).toMatchObject([{ event: 'reopened', notify: true }]);
    expect(await view('state, phase, reopened, revision, resolved_at, first_day::text')).toEqual([
      { state: 'open', phase: 'reopened', reopened: 1, revision: 2, resolved_at: null, first_day: ago(71) },
    ]);
    const { rows } = await f.t.db.query(
      "select event, evidence ->> 'since' as since from ruawatch.finding_events order by event_key",
    );
    expect(rows).toEqual([
      { event: 'opened', since: firstDay },
      { event: 'resolved', since: firstDay },
      { event: 'reopened', since: ago(71) },
    ]);

    await f.put(plenty(69, 63));
    morningAfter(63);
    await f.analyze();
    expect(await view('state')).toEqual([{ state: 'resolved' }]);
    // 33 days after the resolution.
    await f.put([...plenty(62, 29), ...spoofed(30, 29, 50)]);
    morningAfter(29);
    expect((await f.analyze()).events).toMatchObject([{ event: 'opened' }]);
    expect(await view('state, reopened')).toEqual([
      { state: 'resolved', reopened: 1 },
      { state: 'open', reopened: 0 },
    ]);
  });
});

describe('a finding that nobody was alerted about', () => {
  let fixtures: Fixture[];
  beforeEach(() => {
    fixtures = [];
  });
  afterEach(() => Promise.all(fixtures.map((f) => f.close())));

  const STRANGER = { source: '198.18.0.0/24' };
  const plenty = (from: number, to: number) => span(from, to, 'both', 1000, REPORTERS, OWN);
  const spoofed = (from: number, to: number, n = 30) => span(from, to, 'unauthenticated', n, REPORTERS, STRANGER);

  interface Wave {
    rows: SourceDay[];
    /** Days before TODAY that the clock shows; the morning after TODAY without it. */
    now?: number;
    act?: (f: Fixture) => Promise<void>;
  }

  /**
   * Brings the waves in, judging after each or only after the last, and tells what is on file, without its
   * keys.
   */
  async function run(waves: readonly Wave[], judged: 'each' | 'last'): Promise<unknown> {
    const f = await fixture();
    fixtures.push(f);
    for (const [i, { rows, now, act }] of waves.entries()) {
      await f.put(rows);
      if (judged === 'last' && i < waves.length - 1) continue;
      if (now !== undefined) f.setNow(new Date(`${ago(now)}T08:00:00Z`));
      await f.analyze();
      await act?.(f);
    }
    const settings = { from: 'alerts@example.net', alertTo: ['ada@example.com'], alerts: f.context.config.alerts };
    await composeMails(f.t.db, settings, f.context.clock.now(), f.context.log);
    const { rows: findings } = await f.t.db.query(
      `select f.domain, f.kind, f.subject, f.state, f.severity, f.confidence, f.opened_at, f.changed_at, f.resolved_at, f.first_day, f.last_day,
              f.summary, f.evidence, f.revision, f.reopened, f.reopened_at,
              (select jsonb_agg(jsonb_build_object('revision', e.revision, 'event', e.event, 'at', e.at, 'notify', e.notify, 'summary', e.summary,
                                                   'evidence', e.evidence) order by e.event_key)
                 from ruawatch.finding_events e where e.finding_key = f.finding_key) as events
         from ruawatch.findings f order by kind, subject, finding_key`,
    );
    const { rows: mails } = await f.t.db.query('select subject from ruawatch.outbox order by subject');
    return { findings, mails };
  }

  const LATE = { now: -1 };

  test.each<[string, Wave[]]>([
    [
      'still goes on',
      [
        { rows: [...plenty(41, 16), ...spoofed(18, 16)], ...LATE },
        { rows: [...plenty(15, 0), ...spoofed(15, 0)], ...LATE },
      ],
    ],
    [
      'was found again and again, and had grown',
      [
        { rows: [...plenty(41, 18), ...spoofed(20, 18)], ...LATE },
        { rows: [...plenty(17, 16), ...spoofed(17, 16, 300)], ...LATE },
        { rows: [...plenty(15, 0), ...spoofed(15, 0, 400)], ...LATE },
      ],
    ],
    [
      'was over for a while',
      [
        { rows: [...plenty(41, 30), ...spoofed(32, 30)], ...LATE },
        { rows: plenty(29, 20), ...LATE },
        { rows: [...plenty(19, 0), ...spoofed(3, 0)], ...LATE },
      ],
    ],
    [
      'is a regression whose days came late',
      [
        { rows: [...plenty(41, 16), ...span(41, 20, 'dkim', 100), ...span(18, 16, 'foreignSpf', 100)], ...LATE },
        { rows: [...plenty(15, 0), ...span(19, 19, 'foreignSpf', 100), ...span(15, 0, 'foreignSpf', 100)], ...LATE },
      ],
    ],
  ])('what was recorded in silence leaves no trace when it is told: it %s', async (_, waves) => {
    const once = (await run(waves, 'last')) as { findings: unknown[]; mails: { subject: string }[] };
    expect(once.findings.length).toBeGreaterThan(0);
    expect(once.mails.length).toBeGreaterThan(0);
    expect(await run(waves, 'each')).toEqual(once);
  });

  test('silence does not count: judged ten times, old history is revision 1 with one event', async () => {
    const f = await fixture();
    fixtures.push(f);
    f.setNow(new Date('2027-05-01T08:00:00Z'));
    for (let day = 14; day >= 5; day--) {
      await f.put([...plenty(day === 14 ? 41 : day, day), ...spoofed(day, day, 30 * 2 ** (14 - day))]);
      await f.analyze();
    }
    expect(await f.findings()).toMatchObject([{ revision: 1, first_day: ago(14), last_day: ago(5) }]);
    expect(await f.events()).toMatchObject([{ event: 'opened', revision: 1, notify: false }]);
  });

  test('what a person spoke of in the list of findings is known to somebody: it changes, and keeps its history', async () => {
    const f = await fixture();
    fixtures.push(f);
    await f.put([...plenty(41, 16), ...spoofed(18, 16)]);
    await f.analyze();
    const key = (await f.findings())[0]!.finding_key;
    const now = f.context.clock.now();
    await snooze(f.t.db, key, new Date(now.getTime() + 1e9), { by: 'Ada', why: 'later', now });
    await f.put([...plenty(15, 0), ...spoofed(15, 0)]);
    expect((await f.analyze()).events).toMatchObject([{ finding_key: key, event: 'changed' }]);
  });

  test('what is for information is recorded once, however often it is judged', async () => {
    const f = await fixture();
    fixtures.push(f);
    await f.put(plenty(20, 0), { work: false });
    await f.putPolicies(REPORTERS.flatMap((reporter) => policyDays(reporter, ['p=none', 'p=none', 'p=reject', 'p=reject'], 2)));
    await f.analyze();
    await f.put([...span(0, 0, 'both', 5, REPORTERS, { source: 'other.example' })]);
    await f.analyze();
    expect((await f.findings()).filter((x) => x.kind === 'policy_change')).toMatchObject([
      { severity: 'info', state: 'resolved' },
    ]);
  });
});

test.each(['news', 'changes'])('what becomes of invented findings is as it was (%s)', (name) => expectLives(name));
