import { expect, test } from 'vitest';
import { domainDaysOf } from '../../services/analyzer/domain-windows.ts';
import { examineSources, examineTogether } from '../../services/analyzer/examine-sources.ts';
import { TESTED_KINDS } from '../../services/analyzer/rules/index.ts';
import { levelOf, onceLevelOf } from '../../services/analyzer/statistics/budget.ts';
import { Attendance } from '../../services/analyzer/statistics/habit.ts';
import type { KeyUse } from '../../services/store/analysis/senders.ts';
import type { KnownFinding } from '../../services/store/findings/findings.ts';
import type { NetworkFacts } from '../../services/store/sources/identities.ts';
import { CATALOGUE, domainData, listEntry } from './domain-data.ts';
import { ago, DOMAIN, onFile, REPORTERS, row, span, TODAY } from './rows.ts';

const NET = '192.0.2.0/24';
const SERVICE = CATALOGUE.senders.get('bulk-service')!;
const BUDGET = { perMonth: 1, kinds: TESTED_KINDS };
const good = (source: string, from = 41, to = 3) => span(from, to, 'dkim', 40, REPORTERS, { source });
const bad = (source: string, from = 2, to = 0) => span(from, to, 'foreignSpf', 40, REPORTERS, { source });
const facts = (source: string, extra: Partial<NetworkFacts> = {}): NetworkFacts => ({
  source,
  messages: 100,
  passed: 100,
  answered: 0,
  organization: null,
  organization_addresses: 0,
  name: null,
  asn: null,
  owner: null,
  country: null,
  ...extra,
});
const use = (source: string, key: string, last: number, extra: Partial<KeyUse> = {}): KeyUse => ({
  source,
  key: `${key}._domainkey.${DOMAIN}`,
  passed: 100,
  recent: 100,
  first_day: ago(40),
  last_day: ago(last),
  ...extra,
});
const finding = (kind: string, subject: string, extra: Partial<KnownFinding> = {}): KnownFinding =>
  onFile(
    {
      kind,
      subject,
      severity: 'high',
      confidence: 1,
      first_day: ago(9),
      last_day: ago(5),
      evidence: { facts: null } as unknown as KnownFinding['evidence'],
    },
    { summary: '', ...extra },
  );

/** An incident on file, of senders whose mail failed for four days. */
function incident(sources: readonly string[], extra: Partial<KnownFinding> = {}): KnownFinding {
  const broken = sources.map((source) => ({
    source,
    mechanism: 'dkim' as const,
    since: ago(17),
    last_good_day: ago(18),
    last_day: ago(14),
    messages: 480,
    of: 480,
    per_day: 120,
    delivered: 480,
    quarantined: 0,
    rejected: 0,
    reporters: [...REPORTERS],
    confidence: 0.9,
  }));
  const evidence = { facts: null, broken } as unknown as KnownFinding['evidence'];
  return finding('authentication_regression', 'dkim', { evidence, ...extra });
}

test('a source is classified and named by its mail, else by what it sent before, else not at all', () => {
  const rows = span(5, 0, 'both', 20, REPORTERS, { source: 'service.example' });
  const past = [row(ago(60), 'both', 30, { source: 'gone.example' }), row(ago(61), 'both', 30, { source: 'gone.example' })];
  const data = domainData(rows, {
    sources: ['service.example', 'gone.example', 'nothing.example', NET],
    past,
    facts: [facts(NET, { asn: 64500, owner: 'Hoster', country: 'DE' })],
  });
  const { classes, identities } = examineSources(data);
  expect(classes).toEqual([
    {
      source: 'service.example',
      class: 'authorized',
      confidence: expect.any(Number),
      why: '360 of 360 messages on 6 days by 3 reporters pass DMARC, by DKIM (360) and SPF (360). SPF passes for service.example, a domain of The bulk.',
      failing_since: null,
    },
    {
      source: 'gone.example',
      class: 'authorized',
      confidence: expect.any(Number),
      why: '60 of 60 messages on 2 days by 1 reporter pass DMARC, by DKIM (60) and SPF (60). SPF passes for gone.example.',
      failing_since: null,
    },
    {
      source: 'nothing.example',
      class: 'unknown',
      confidence: 0,
      why: 'No trusted report in this window covers this source.',
      failing_since: null,
    },
    {
      source: NET,
      class: 'unknown',
      confidence: 0,
      why: 'No trusted report in this window covers this source.',
      failing_since: null,
    },
  ]);
  expect(identities.map(({ source, name, asn, country }) => ({ source, name, asn, country }))).toEqual([
    { source: 'service.example', name: 'The bulk', asn: null, country: null },
    { source: 'gone.example', name: 'gone.example', asn: null, country: null },
    { source: NET, name: 'Hoster', asn: 64500, country: 'DE' },
  ]);
  const one = examineSources(domainData([], { sources: ['gone.example'], past: past.slice(0, 1) }));
  expect(one).toMatchObject({
    classes: [{ why: expect.stringMatching(/30 messages on 1 day by 1 reporter.* SPF passes for gone.example\.$/) }],
    identities: [{ source: 'gone.example' }],
  });
  expect(examineSources(domainData([], { sources: ['gone.example'] }))).toMatchObject({
    classes: [{ class: 'unknown' }],
    identities: [],
  });
});

test('the window of a source holds what was loaded of it', () => {
  const rows = span(5, 0, 'both', 20, REPORTERS, { source: 'service.example' });
  const heard = finding('new_source', 'service.example');
  const data = domainData(rows, {
    known: [heard, finding('volume_surge', 'service.example', { heard: false })],
    policyDays: [{ day: ago(0), reporter: 'google.com', policy: 'p=reject', reports: 1 }],
  });
  const shared = {
    domain: DOMAIN,
    from: ago(41),
    today: TODAY,
    domainDays: domainDaysOf(data.reporterDays, true),
    reporterDays: data.reporterDays,
    attendance: new Attendance(data.reporterDays),
    level: levelOf(BUDGET, 3),
    onceLevel: onceLevelOf(BUDGET, 2),
    policy: 'p=reject; sp=reject; np=reject; pct=100; t=n; adkim=r; aspf=r',
    known: [heard],
  };
  const plain = {
    ...shared,
    source: 'service.example',
    rows,
    firstSeen: null,
    borrowed: null,
    keys: null,
    relayed: 0,
    mixed: false,
    scatter: null,
    uses: false,
    sender: SERVICE,
    listed: null,
    own: false,
    ownByName: false,
    admittedBy: null,
    outgrown: null,
    host: null,
    owner: null,
    past: [],
    broken: false,
  };
  expect(examineSources(data).windowOf('service.example')).toStrictEqual(plain);
  expect(examineSources(data).windowOf('other.example')).toStrictEqual({
    ...plain,
    source: 'other.example',
    rows: [],
    sender: null,
  });

  const looked = {
    firstSeen: ago(90),
    borrowed: 0.5,
    keys: { own: 0.2, another: 0.8 },
    relayed: 7,
    scatter: { networks: 3, most: 9, shared: 0 },
    outgrown: SERVICE,
  };
  const of = <T>(value: T) => new Map([[NET, value]]);
  const more = domainData(rows, {
    ...data,
    firstSeen: of(looked.firstSeen),
    borrowed: of(looked.borrowed),
    keys: of(looked.keys) as never,
    relayed: of(looked.relayed),
    mixed: new Set([NET]),
    scatter: of(looked.scatter),
    outgrown: of(SERVICE),
    facts: [
      facts(NET, {
        answered: 2,
        organization: DOMAIN,
        organization_addresses: 2,
        name: `mail.${DOMAIN}`,
        admitted_by: `ip4:${NET}`,
        asn: 64500,
      }),
    ],
  });
  expect(examineSources(more).windowOf(NET)).toStrictEqual({
    ...plain,
    ...looked,
    source: NET,
    rows: [],
    mixed: true,
    sender: null,
    own: true,
    ownByName: true,
    admittedBy: `ip4:${NET}`,
    host: `mail.${DOMAIN}`,
    owner: 'AS64500',
  });
});

test('what a person said of a service is said of the aligned mail of its networks alone', () => {
  const ofService = listEntry('bulk-service', 'approved', { is_service: true });
  const named = facts(NET, {
    answered: 1,
    organization: 'service.example',
    organization_addresses: 1,
    name: 'a.service.example',
  });
  const listed = (rows: ReturnType<typeof row>[], source = NET) =>
    examineSources(domainData(rows, { sources: [source], senderList: [ofService], facts: [named] })).windowOf(source).listed;
  expect(listed([row(ago(0), 'both', 80, { source: NET }), row(ago(0), 'unauthenticated', 20, { source: NET })])).toBe(ofService);
  expect(listed([row(ago(0), 'both', 1, { source: NET })])).toBe(ofService);
  expect(listed([row(ago(0), 'both', 79, { source: NET }), row(ago(0), 'unauthenticated', 21, { source: NET })])).toBeNull();
  expect(listed([])).toBeNull();
  expect(listed([row(ago(0), 'foreign', 9)], 'service.example')).toBe(ofService);
  expect(listed([], 'service.example')).toBe(ofService);
  expect(listed([], 'other.example')).toBeNull();
});

test('of a denied source the keys and terms of late are named, and a network that carries its mail alone', () => {
  const denied = listEntry('service.example', 'denied');
  const ofNet = listEntry(NET, 'denied');
  const published = {
    records: [
      {
        name: DOMAIN,
        type: 'TXT',
        purpose: 'spf' as const,
        value: `v=spf1 include:_spf.service.example ip4:${NET} -all`,
        first_seen: new Date(0),
        gone_at: null,
      },
    ],
    questions: [],
    servers: [],
  };
  const uses = [
    use('service.example', 's1', 6),
    use('service.example', 's2', 7),
    use('198.51.100.0/24', 's1', 0, { passed: 10, first_day: ago(5) }),
  ];
  const mail = { sources: new Set(['service.example', NET]), uses, published, spfMail: [] };
  const sources = ['service.example', NET, '198.51.100.0/24', '203.0.113.0/24', 'free.example'];
  const given = domainData(span(5, 0, 'both', 20, REPORTERS, { source: 'service.example' }), {
    sources,
    senderList: [denied, ofNet],
    denied: mail,
  });
  const found = (data: typeof given) =>
    Object.fromEntries(
      sources.map((source) => {
        const { listed, denied: how, carries } = examineSources(data).windowOf(source);
        return [source, { ...(listed && { listed }), ...(how && { how }), ...(carries !== undefined && { carries }) }];
      }),
    );
  const keys = [{ name: `s1._domainkey.${DOMAIN}`, messages: 100, others: [] }];
  const whole = {
    'service.example': { listed: denied, how: { keys, terms: ['include:_spf.service.example'] } },
    [NET]: { listed: ofNet, how: { keys: [], terms: [`ip4:${NET}`] } },
    '198.51.100.0/24': { carries: 'service.example' },
    '203.0.113.0/24': {},
    'free.example': {},
  };
  expect(found(given)).toEqual(whole);
  expect(Object.keys(examineSources(given).windowOf('free.example')).filter((key) => /denied|carries/.test(key))).toEqual([]);
  const own = { ...given, facts: [facts('198.51.100.0/24', { admitted_by: 'ip4:198.51.100.0/24' })] };
  expect(found(own)).toEqual({ ...whole, '198.51.100.0/24': {} });
  expect(found({ ...given, senderList: [listEntry('service.example', 'approved')] })['service.example']).not.toHaveProperty(
    'how',
  );
  expect(found({ ...given, denied: null })).toEqual({
    'service.example': { listed: denied },
    [NET]: { listed: ofNet },
    '198.51.100.0/24': {},
    '203.0.113.0/24': {},
    'free.example': {},
  });
  // It is made once.
  const { windowOf } = examineSources(given);
  expect(windowOf(NET).denied).toBe(windowOf(NET).denied);
});

test('who broke is known before the rules are asked, by what it is a part of', () => {
  const rows = [
    ...good('service.example'),
    ...bad('service.example'),
    ...good('a.example'),
    ...bad('a.example'),
    ...good('b.example', 41, 0),
  ];
  const { senders, windowOf, classes } = examineSources(domainData(rows));
  expect(senders.failing.map(({ source }) => source)).toEqual(['service.example', 'a.example']);
  expect(senders.part('service.example')).toMatchObject({ since: ago(2), sender: 'bulk-service' });
  expect(senders.part('a.example')).not.toHaveProperty('sender');
  expect(['service.example', 'a.example', 'b.example'].map((source) => windowOf(source).broken)).toEqual([true, true, false]);
  expect(classes.map((one) => one.class)).toEqual(['authorized', 'authorized', 'authorized']);
  // One that lost a mechanism and goes on by the other is not broken.
  const weak = [
    ...span(41, 3, 'both', 40, REPORTERS, { source: 'w.example' }),
    ...span(2, 0, 'spf', 40, REPORTERS, { source: 'w.example', dkim_broken: 40 }),
  ];
  const weakened = examineSources(domainData(weak));
  expect(weakened.senders.part('w.example')).toMatchObject({ survives_on: 'spf' });
  expect(weakened.windowOf('w.example').broken).toBe(false);
});

test('a sender that the work does not name is over by its silence, unless its work waits', () => {
  const known = [incident(['a.example', 'b.example', 'c.example'], { waiting: ['b.example'] })];
  const data = domainData(good('c.example', 41, 18).concat(bad('c.example', 17, 0)), { known });
  const { senders } = examineSources(data);
  expect(senders.sources.sort()).toEqual(['b.example', 'c.example']);
  expect(senders.failing.map(({ source }) => source)).toEqual(['c.example']);
});

test('sources of one sender are judged together only where they were loaded', () => {
  const nets = Array.from({ length: 6 }, (_, n) => `198.51.${n}.0/24`);
  const rows = nets.flatMap((source) => [
    ...span(41, 3, 'dkim', 2, REPORTERS.slice(0, 1), { source }),
    ...span(2, 0, 'foreignSpf', 2, REPORTERS.slice(0, 1), { source }),
  ]);
  const data = domainData(rows);
  const alone = examineSources(data);
  examineTogether(data, alone);
  expect(alone.senders.failing).toEqual([]);
  const together = (tests: number) => {
    const with_ = { ...data, units: { read: [{ key: 'shop', sources: nets, rows }], tests } };
    const examined = examineSources(with_);
    examineTogether(with_, examined);
    return examined.senders.failing.map(({ source, sender }) => [source, sender]);
  };
  expect(together(1)).toEqual(nets.map((source) => [source, 'shop']));
  // Each of the many senders that are judged is one more test.
  expect(together(1e60)).toEqual([]);
});
