import { materialChange, reconcile } from '../../services/analyzer/lifecycle.ts';
import type { MailWindow } from '../../services/analyzer/mail-window.ts';
import { admittingTerms, affectedBy, ofUnpublished } from '../../services/analyzer/published/affected.ts';
import { joinCauses, withLookups } from '../../services/analyzer/published/causes.ts';
import { absentKeys, type Loss, lossesOf, lostSpf } from '../../services/analyzer/published/losses.ts';
import { dkimKeyMissing } from '../../services/analyzer/rules/dkim_key_missing.ts';
import { dnsBroken } from '../../services/analyzer/rules/dns_broken.ts';
import { dnsServer } from '../../services/analyzer/rules/dns_server.ts';
import { forgedReport } from '../../services/analyzer/rules/forged_report.ts';
import { unreadableReports } from '../../services/analyzer/rules/unreadable_reports.ts';
import type { ArrivalWindow, DnsWindow } from '../../services/analyzer/rules/window.ts';
import type { SenderData } from '../../services/analyzer/senders/units.ts';
import type { Evidence } from '../../services/findings/evidence.ts';
import type { Facts } from '../../services/findings/kinds/index.ts';
import type { SeenSource } from '../../services/store/analysis/senders.ts';
import type { StoredCheck } from '../../services/store/dns/checks.ts';
import type { KeyMail, Published, PublishedRecord } from '../../services/store/dns/published.ts';
import type { Candidate, KnownFinding } from '../../services/store/findings/findings.ts';
import { EVIDENCE, SAMPLES } from '../findings/kinds/samples.ts';
import { expectLines } from './expect-lines.ts';
import { Dice, inventedService } from './invented.ts';
import { SEEDS } from './invented-seeds.ts';
import { ago, DOMAIN, TODAY } from './rows.ts';

type Life = (seed: number) => unknown;

const SEVERITIES = ['info', 'low', 'medium', 'high', 'critical'] as const;
const CHANGED = [
  'unauthorized_source',
  'alignment_failure',
  'authentication_regression',
  'volume_surge',
  'policy_change',
  'reports_stopped',
  'new_source',
  'dns_broken',
] as const;

function inventedParts(dice: Dice): NonNullable<Evidence['broken']> {
  return Array.from({ length: dice.int(1, 3) }, (_, i) => ({
    ...EVIDENCE.broken![0]!,
    source: dice.of([`s${i}.example`, `s${i + 1}.example`]),
    mechanism: dice.of(['dkim', 'dkim', 'spf', 'both'] as const),
    since: ago(dice.of([2, 4, 5, 6, 7, 8, 12])),
    ...(dice.chance(0.3) && { sender: dice.of(['letters', 'shop']) }),
    ...(dice.chance(0.2) && { survives_on: 'spf' as const }),
    ...(dice.chance(0.3) && { error: dice.of(['permerror', 'permerror', 'temperror'] as const) }),
    ...(dice.chance(0.5) && {
      names: dice.of([['s1._domainkey.example.com'], ['s1._domainkey.example.com', 'example.com'], []]),
    }),
  }));
}

/** Evidence whose figures stand near the limits of what is news. */
function inventedEvidence(dice: Dice, rule: (typeof CHANGED)[number]): Evidence {
  const messages = dice.of([0, 10, 20, 40, 100, 300, 600, 1000, 5000]);
  const bad = Math.round(messages * dice.of([0, 0, 0.1, 0.24, 0.25, 0.5, 1]));
  const delivered = dice.chance(0.5) ? bad : messages - bad;
  const facts = { ...SAMPLES[rule], ...(rule === 'alignment_failure' && { small: dice.chance(0.5) }) } as Facts;
  const others = dice.of([0, 1, 3, 4, 5, 9, 14]);
  const silence = { others: [], others_in_all: others };
  return {
    ...EVIDENCE,
    broken: undefined,
    messages,
    of: messages + dice.of([0, 100]),
    share: dice.of([0.1, 0.5, 1]),
    per_day: dice.of([0, 5, 10, 20, 25, 50]),
    delivered,
    quarantined: dice.of([0, messages - delivered]),
    rejected: dice.chance(0.5) ? messages - delivered : 0,
    since: ago(dice.of([9, 9, 20])),
    last_day: ago(dice.of([0, 1, 6, 7, 8, 12])),
    ...(dice.chance(0.3) && { mechanism: dice.of(['spf', 'dkim', 'both'] as const) }),
    ...(dice.chance(0.3) && { again: ago(dice.of([0, 1, 3, 5])) }),
    ...(rule === 'authentication_regression' && { broken: inventedParts(dice) }),
    ...(rule === 'policy_change' && {
      tags: [{ tag: dice.of(['p', 'sp']), from: 'reject', to: dice.of(['none', 'quarantine']), since: ago(9) }],
    }),
    facts: rule === 'reports_stopped' ? ({ ...facts, silence: dice.chance(0.7) ? silence : null } as never) : facts,
  } as Evidence;
}

function inventedCandidate(dice: Dice, rule: (typeof CHANGED)[number]): Candidate {
  const evidence = inventedEvidence(dice, rule);
  return {
    kind: rule,
    subject: dice.of([DOMAIN, DOMAIN, 'dkim']),
    severity: dice.of(SEVERITIES),
    confidence: dice.of([0.5, 0.9]),
    first_day: ago(dice.of([1, 3, 4, 5, 9, 33])),
    last_day: evidence.last_day,
    evidence,
    ...(dice.chance(0.1) && { quiet: true as const }),
    ...(dice.chance(0.1) && { lasting: true as const }),
  };
}

function inventedKnown(dice: Dice, rule: (typeof CHANGED)[number]): KnownFinding {
  const candidate = inventedCandidate(dice, rule);
  const resolved = dice.chance(0.45);
  const ended = dice.of([{ reason: 'listed' as const }, { reason: 'no_such_mail' as const, days: 7 }]);
  const { severity, evidence } = inventedCandidate(dice, rule);
  return {
    ...candidate,
    evidence: {
      ...candidate.evidence,
      ...(resolved && { ended, ...(dice.chance(0.7) && { resolved_day: ago(dice.of([0, 5, 29, 34])) }) }),
    },
    finding_key: dice.int(1, 9),
    summary: 'What was said.',
    state: resolved ? 'resolved' : 'open',
    revision: 1,
    ...(dice.chance(0.4) && { reopened: dice.int(0, 2) }),
    told: dice.chance(0.7) ? { severity, evidence } : null,
    heard: dice.chance(0.75),
    acknowledged: dice.chance(0.1),
    snoozed: dice.chance(0.1),
    pending: false,
    waiting: [],
  };
}

/** Whether it is news for who was told of it before. */
const news: Life = (seed) => {
  const dice = new Dice(seed);
  const rule = dice.of(CHANGED);
  const [old, next] = [inventedCandidate(dice, rule), inventedCandidate(dice, dice.chance(0.9) ? rule : dice.of(CHANGED))];
  return { rule, news: materialChange(old, next, ...(dice.chance(0.3) ? [ago(dice.of([1, 8, 12]))] : [])) };
};

/** What becomes of what is found and of what is on file, without the evidence that stays as it is. */
const changes: Life = (seed) => {
  const dice = new Dice(seed);
  const rule = dice.of(CHANGED);
  const candidates = dice.chance(0.85) ? [inventedCandidate(dice, rule)] : [];
  const known = Array.from({ length: dice.of([0, 1, 1, 1, 2]) }, () => inventedKnown(dice, rule));
  const over = dice.of([null, { reason: 'listed' as const }]);
  const moment = {
    now: new Date(`${ago(dice.of([0, 0, -1, -6, -30]))}T08:00:00Z`),
    today: ago(dice.of([0, 0, 0, 1])),
    quietAfterDays: dice.of([7, 14]),
    ...(dice.chance(0.2) && { first: dice.chance(0.7) }),
  };
  return reconcile(candidates, known, () => over, moment);
};

const at = (hours: number) => new Date(Date.parse(`${TODAY}T12:00:00Z`) - hours * 3_600_000);

/** What changed in DNS, and what mail did near that. */
const causes: Life = (seed) => {
  const dice = new Dice(seed);
  const rules = ['dns_broken', 'dkim_key_missing', 'dns_drift', 'spf_limit'] as const;
  const found = (kind: string, facts: Facts, subject: string): Candidate => ({
    kind,
    subject,
    severity: dice.of(SEVERITIES),
    confidence: 0.9,
    first_day: ago(dice.of([1, 3, 4, 5, 6, 7, 8])),
    last_day: ago(dice.of([0, 1, 3])),
    evidence: {
      ...EVIDENCE,
      broken: undefined,
      messages: 340,
      since: ago(5),
      facts,
      ...(kind === 'authentication_regression' && !dice.chance(0.1) && { broken: inventedParts(dice) }),
    } as Evidence,
    ...(dice.chance(0.1) && { quiet: true as const }),
  });
  const change = () => {
    const rule = dice.of(rules);
    const loss = dice.of([
      'spf_terms',
      'spf_several',
      'spf_gone',
      'key_gone',
      'key_absent',
      'key_unpublished',
      'dmarc_gone',
      'dmarc_weaker',
    ]);
    const name = loss.startsWith('key') ? 's1._domainkey.example.com' : DOMAIN;
    const part = dice.of(['spf', 'dkim', 'dmarc']);
    const of = { loss, name, part, domain: DOMAIN, at: `${ago(5)} 14:02`, seen: dice.of([null, { messages: 5, since: ago(9) }]) };
    const one = found(rule, { ...SAMPLES[rule], ...of, rule } as Facts, loss.startsWith('dmarc') ? `_dmarc.${DOMAIN}` : DOMAIN);
    return dice.chance(0.3) ? { ...one, evidence: { ...one.evidence, resolved_day: ago(dice.of([0, 3, 4, 6])) } } : one;
  };
  const effect = () => {
    const kind = dice.of([
      'authentication_regression',
      'authentication_regression',
      'policy_change',
      'reports_stopped',
      'record_invalid',
    ] as const);
    const codes = dice.of([['spf_several'], ['spf_several', 'spf_syntax'], ['spf_syntax']]);
    const more = {
      name: dice.of([DOMAIN, DOMAIN, 'other.example']),
      problems: codes.map((code) => ({ code, message: '', text: null, publish: null })),
    };
    return found(kind, { ...SAMPLES[kind], ...(kind === 'record_invalid' && more) } as Facts, dice.of([DOMAIN, DOMAIN, 'dkim']));
  };
  const [changed, effects] = [
    [change(), ...(dice.chance(0.2) ? [change()] : [])],
    [effect(), ...(dice.chance(0.3) ? [effect()] : [])],
  ];
  const file = (one: Candidate): KnownFinding => ({
    ...one,
    finding_key: 1,
    summary: '',
    state: dice.of(['open', 'open', 'resolved']),
    revision: 1,
    told: null,
    heard: dice.chance(0.7),
    acknowledged: false,
    snoozed: false,
    pending: false,
    waiting: [],
  });
  const known = [...(dice.chance(0.4) ? effects.map(file) : []), ...(dice.chance(0.4) ? changed.map(file) : [])];
  const held = dice.chance(0.8) ? [...changed, ...effects] : effects;
  const check = dice.of([
    null,
    { spf_lookups: 12, spf_over: 'include:b' },
    { spf_lookups: null, spf_over: 'include:b' },
    { spf_lookups: 12, spf_over: null },
  ]);
  const told = (one: Candidate) => {
    const { facts, ...evidence } = one.evidence;
    const { changed: by, seen, limit } = (facts ?? {}) as unknown as Record<string, unknown>;
    return [one.kind, one.quiet, one.severity, one.last_day, evidence.since, by, seen, limit];
  };
  const joined = joinCauses(held, known);
  return [joined.map(told), withLookups(joined, check as StoredCheck | null).map((one) => told(one)[7])];
};

const SPF = [
  'v=spf1 ip4:192.0.2.0/24 include:spf.relay.example -all',
  'v=spf1 ip4:192.0.2.0/24 -all',
  'v=spf1 ip4:198.51.100.0/24 -all',
  'v=spf1 +ip4:192.0.2.0/25 ip4:192.0.2.128/25 ~include:soft.example redirect=spf.relay.example',
  'v=spf1 ip4:203.0.113.0/24 include:loop.example ?all',
];
const KEYS = ['v=DKIM1; p=MIIB', 'v=DKIM1; p=', 'v=DKIM1; p=MIIC'];
const DMARC = [
  'v=DMARC1; p=reject',
  'v=DMARC1; p=none',
  'v=DMARC1; p=quarantine; sp=none',
  'v=DMARC1; p=reject; sp=quarantine; np=none',
  'none',
];

function inventedRecords(dice: Dice): Published {
  const of = (purpose: PublishedRecord['purpose'], name: string, values: readonly string[], most: number): PublishedRecord[] =>
    Array.from({ length: dice.int(0, most) }, (): PublishedRecord => {
      const seen = dice.of([3, 10, 30, 100, 101]);
      const gone = dice.chance(0.5) ? seen - dice.of([1.9, 2, 3, 9]) : null;
      const type = dice.chance(0.95) ? 'TXT' : 'CNAME';
      return {
        name,
        type,
        purpose,
        value: dice.of(values),
        first_seen: at(seen),
        gone_at: gone === null ? null : at(Math.max(0, gone)),
      };
    });
  const key = 's1._domainkey.example.com';
  const records = [
    ...of('spf', DOMAIN, SPF, 3),
    ...of('dkim', key, KEYS, 3),
    ...of('dmarc', `_dmarc.${DOMAIN}`, DMARC, 3),
    ...of('spf_include', 'spf.relay.example', ['v=spf1 ip4:198.51.100.0/24 include:loop.example -all'], 1),
    ...of('spf_include', 'loop.example', ['v=spf1 include:spf.relay.example ip4:203.0.113.0/25 -all'], 1),
  ];
  const questions = [DOMAIN, key, `_dmarc.${DOMAIN}`, 's2._domainkey.example.com'].map((name) => ({
    name,
    type: dice.chance(0.9) ? 'TXT' : 'CNAME',
    purpose: 'dkim' as const,
    state: dice.of(['absent', 'absent', 'answered', 'failed']),
    differ_since: null,
    answers: [],
    first_answered_at: dice.chance(0.8) ? at(dice.of([1, 20, 50])) : null,
  }));
  return { records, questions, servers: [] } as unknown as Published;
}

/** What the records of a domain lost, and whose mail rested on that. */
const losses: Life = (seed) => {
  const dice = new Dice(seed);
  const published = inventedRecords(dice);
  const found = lossesOf(DOMAIN, published, at(dice.of([1, 20, 90, 200])));
  const name = dice.of(['s1._domainkey.example.com', 's2._domainkey.example.com']);
  const keyMail: KeyMail[] = [
    {
      name,
      passed: dice.of([0, 0, 10]),
      last_day: ago(1),
      sources: [dice.of(['relay.example', '192.0.2.0/24'])],
      ...(dice.chance(0.8) && { failed: dice.of([0, 1, 40]), failed_from: dice.of([TODAY, ago(1), ago(3), '']) }),
    },
  ];
  const senders = ['relay.example', '192.0.2.0/24', '203.0.113.0/24'].map((source): SenderData => {
    const messages = dice.of([10, 100]);
    const passed = Math.round(messages * dice.of([0.7, 0.8, 1]));
    const [spf_aligned, dkim_aligned] = [dice.of([0, passed, messages]), dice.of([0, passed, passed / 2])];
    const one = { source, messages, passed, spf_aligned, dkim_aligned } as SeenSource;
    const service = dice.chance(0.3)
      ? { ...inventedService('bulk'), include: dice.of([['spf.relay.example'], ['soft.example', 'loop.example']]) }
      : null;
    return { key: source, name: `The ${source}`, service, sources: [one] } as unknown as SenderData;
  });
  const spfMail = ['198.51.100.0/24', '192.0.2.0/24', '203.0.113.0/26'].map((network) => ({
    source: 'relay.example',
    network,
    messages: dice.of([0, 20, 40, 60]),
  }));
  const rests = (loss: Loss) => affectedBy(loss, senders, { published, keyMail, ...(dice.chance(0.9) && { spfMail }) });
  return {
    losses: found.map((loss) => [loss, rests(loss)]),
    lost: lostSpf(DOMAIN, published),
    absent: absentKeys(published, keyMail, at(dice.of([10, 30, 60]))),
    unpublished: ofUnpublished(dice.chance(0.9) ? keyMail[0] : undefined, senders),
    admitting: admittingTerms(DOMAIN, published, {
      networks: [dice.of(['192.0.2.0/24', '203.0.113.0/24', '198.51.100.7/32'])],
      include: dice.chance(0.3) ? ['loop.example'] : [],
    }),
  };
};

/** What a rule finds, and what becomes of it if it was found before as something else. */
const lifeOf =
  <Window extends { known: readonly KnownFinding[] }>(
    rule: { find(window: Window): Candidate[]; over(finding: KnownFinding, window: Window): unknown },
    invent: (dice: Dice) => Window,
  ): Life =>
  (seed) => {
    const dice = new Dice(seed);
    const window = invent(dice);
    const now = rule.find(window);
    const file = [...now, ...rule.find(invent(dice))].slice(-1).map((one): KnownFinding => {
      const resolved = dice.chance(0.3);
      const days = dice.chance(0.5)
        ? { last_day: one.last_day }
        : { first_day: ago(20), last_day: ago(dice.of([1, 13, 14, 15])) };
      const of = { finding_key: 1, summary: '', revision: 1, told: null, heard: true, acknowledged: false, snoozed: false };
      const state = resolved ? 'resolved' : 'open';
      return { ...one, ...days, ...of, pending: false, waiting: [], state };
    });
    const later = { ...window, known: file };
    const told = (all: readonly Candidate[]) =>
      all.map(({ evidence: { facts, ...evidence }, ...one }) => ({ ...one, ...evidence, said: facts }));
    return {
      now: told(now),
      state: file[0]?.state,
      later: told(rule.find(later)),
      over: file.map((one) => rule.over(one, later)),
    };
  };

const arrival = (dice: Dice): ArrivalWindow => {
  const reporters = ['google.com', 'small.example'];
  const forged = Array.from({ length: dice.int(0, 5) }, () => {
    const reports = dice.of([1, 1, 2, 3]);
    const mismatched = dice.of([0, 0, 0, 1, reports]);
    const contradicting = dice.chance(0.1) ? 1 : 0;
    const sender = dice.of(['a.example', 'b.example', null]);
    const messages = reports * dice.of([0, 49, 50, 51]);
    return {
      reporter: dice.of(reporters),
      sender,
      day: ago(dice.of([0, 1, 2, 9])),
      reports,
      messages,
      mismatched,
      contradicting,
    };
  });
  const genuine = reporters.map((reporter) => {
    const reports = dice.of([2, 13, 14, 15]);
    return { reporter, reports, messages: 10 * reports, last_day: ago(dice.of([0, 1, 2, 9])) };
  });
  return {
    domain: DOMAIN,
    now: TODAY,
    forged,
    genuine: genuine.filter(() => dice.chance(0.9)),
    deciders: new Set(['google.com']),
    others: new Map(dice.chance(0.5) ? [['small.example', 'established' as const]] : []),
    known: [],
  };
};

const mails = (dice: Dice): MailWindow => {
  const [read, later] = [dice.of([1, 10, 50]), dice.of([0, 1, 4, 8, 10, 50])];
  const [before, aside] = [dice.of([0, 0, 1, 3]), dice.of([0, 0, 1, 2, 3, 10])];
  const every = dice.of([1, 1, 2, 3, 4]);
  const good = dice.of([1, 1, 2, 4]);
  const left = dice.of([0, 0, 1, 2]);
  const recent = dice.of([2, 3, 7]);
  return {
    today: TODAY,
    days: Array.from({ length: 35 }, (_, n) =>
      n < recent ? { day: ago(n), read: later, aside } : { day: ago(n), read, aside: before },
    ),
    aside: Array.from({ length: dice.of([0, 1, 3, 7]) }, (_, i) => ({
      sender: dice.of(['google.com', 'a.example', '', `s${i}.example`]),
      code: dice.of(['zip_damaged', `code${i}`]),
      mails: dice.of([1, 2, 5, 9]),
      first_day: ago(dice.of([2, 3, 6])),
      last_day: ago(dice.of([0, 2, 3])),
    })),
    arrivals: Array.from({ length: 34 }, (_, n) => n)
      .filter((n) => n % every === 0)
      .flatMap((n) =>
        ['google.com', 'nobody.example'].map((reporter) => ({
          reporter,
          day: ago(n),
          good: n < 3 ? left : good,
          bad: n < 3 ? dice.of([0, 1, 2]) : 0,
        })),
      ),
    differing: Array.from({ length: dice.of([0, 0, 0, 1, 6]) }, (_, i) => ({
      reporter: `r${i}.example`,
      reports: 9 - i,
      proven: dice.of([0, 0, 1]),
      first_day: ago(dice.of([1, 5])),
      last_day: ago(dice.of([0, 1])),
    })),
    stuck: [],
    overdue: [],
    behind: [],
    unjudged: null,
    known: [],
  };
};

const dns = (dice: Dice): DnsWindow => {
  const published = inventedRecords(dice);
  const servers = ['ns1.example', 'ns2.example', 'ns3.example'].slice(0, dice.int(0, 3)).map((server) => ({
    server,
    zone: dice.of([DOMAIN, DOMAIN, 'example.net']),
    failing_since: dice.chance(0.4) ? at(dice.of([5.9, 6, 30])) : null,
    failure: dice.of(['silent', 'lame', 'no address', null]),
    answered_at: dice.of([null, at(1)]),
  }));
  const questions = published.questions.map((one) => ({
    ...one,
    differ_since: dice.chance(0.4) ? at(dice.of([3.9, 4, 50])) : null,
    answers: ['resolver', 'ns1.example', 'ns2.example', 'ns3.example'].map((server) => ({
      server,
      state: dice.of(['records', 'records', 'unknown', 'absent']),
      values: published.records.filter(() => dice.chance(0.6)).map(({ value }) => value),
    })),
  }));
  const key = 's1._domainkey.example.com';
  const senders = ['relay.example', '192.0.2.0/24'].map((source): SenderData => {
    const passed = dice.of([9, 10, 19, 20, 200, 3000]);
    const aligned = { spf_aligned: dice.of([0, passed]), dkim_aligned: dice.of([0, passed / 2, passed]) };
    return {
      key: source,
      name: `The ${source}`,
      service: null,
      sources: [{ source, messages: passed, passed, ...aligned }],
    } as never;
  });
  return {
    domain: DOMAIN,
    confirmation: null,
    silence: null,
    today: TODAY,
    elsewhere: [],
    known: [],
    now: at(dice.of([0, -24, -600])),
    published: { ...published, servers, questions } as never,
    keyMail: [
      {
        name: key,
        passed: 50,
        last_day: ago(dice.of([0, 7, 8])),
        sources: ['relay.example'],
        failed: dice.of([0, 30]),
        failed_from: ago(2),
      },
    ],
    spfMail: [{ source: 'relay.example', network: '192.0.2.0/24', messages: 20 }],
    senders: dice.chance(0.95) ? senders : null,
    ...(dice.chance(0.8) && { days: dice.of([0, 1, 10, 30]) }),
  };
};

const LIVES: Readonly<Record<string, Life>> = {
  news,
  changes,
  causes,
  losses,
  forged: lifeOf(forgedReport, arrival),
  unreadable: lifeOf(unreadableReports, mails),
  broken: lifeOf(dnsBroken, dns),
  missing: lifeOf(dkimKeyMissing, dns),
  server: lifeOf(dnsServer, dns),
};

/** As a line, without the query and what every finding has alike. */
const lineOf = (seed: number, told: unknown): string =>
  `${seed}: ${JSON.stringify(told, (key, value) =>
    ['query', 'what', 'advice', 'facts'].includes(key)
      ? undefined
      : typeof value === 'number'
        ? Number(value.toPrecision(6))
        : value,
  )}`;

/** Holds what is said of invented lives against the golden file of that name. */
export const expectLives = (name: string): Promise<void> =>
  expectLines(import.meta.filename, name, SEEDS[name] ?? [], (seed) => lineOf(seed, LIVES[name]!(seed)));
