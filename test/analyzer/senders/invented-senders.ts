import type { Catalogue } from '../../../services/analyzer/senders/catalogue.ts';
import { joinSurges } from '../../../services/analyzer/senders/joined-surges.ts';
import { mainKeyOf } from '../../../services/analyzer/senders/keys.ts';
import { joinOneCause } from '../../../services/analyzer/senders/one-cause.ts';
import { mayReplay, replaysOf } from '../../../services/analyzer/senders/replay.ts';
import { mayRise, standsOut } from '../../../services/analyzer/senders/rising.ts';
import { quietNeighbours } from '../../../services/analyzer/senders/same-hoster.ts';
import { differenceOf, seasonOf } from '../../../services/analyzer/senders/season.ts';
import { quietSiblings } from '../../../services/analyzer/senders/siblings.ts';
import { carriesMix } from '../../../services/analyzer/sources/mix.ts';
import type { Evidence } from '../../../services/findings/evidence.ts';
import { addDays } from '../../../services/shared/days.ts';
import type { KeyUse } from '../../../services/store/analysis/senders.ts';
import type { Candidate, KnownFinding } from '../../../services/store/findings/findings.ts';
import { EVIDENCE } from '../../findings/kinds/samples.ts';
import { expectLines } from '../expect-lines.ts';
import { Dice, inventedService } from '../invented.ts';
import { ago, DOMAIN, senderWindow, span } from '../rows.ts';
import { SEEDS } from './invented-seeds.ts';

type Life = (seed: number) => unknown;

const DAYS = [
  '2026-05-29',
  '2026-05-31',
  '2026-06-03',
  '2026-03-31',
  '2026-11-25',
  '2026-12-23',
  '2026-12-24',
  '2026-05-14',
  '2026-05-16',
];
const MORE_DAYS = [
  '2026-06-04',
  '2026-07-01',
  '2026-11-18',
  '2026-11-17',
  '2026-10-30',
  '2026-10-29',
  '2026-02-27',
  '2026-01-05',
  '2026-08-02',
];

/** Whether far more mail than usual is a season's. */
const season: Life = (seed) => {
  const dice = new Dice(seed);
  const loudest = dice.of([...DAYS, ...MORE_DAYS]);
  const most = dice.of([40, 100, 160, 250, 251, 400, 1000]);
  const days = dice.chance(0.6) ? [loudest] : Array.from({ length: dice.int(2, 4) }, (_, i) => addDays(loudest, i));
  const shares = () => new Map(['a', 'b', 'c'].slice(0, dice.int(0, 3)).map((name) => [name, dice.of([0, 1, 3, 10])]));
  return {
    season: seasonOf({
      days,
      loudest,
      most,
      times: dice.of([2, 9.9, 10, 10.1, 25, 25.1, 40]),
      kind: dice.of([null, 'bulk', 'mailbox_provider', 'hosting', 'crm']),
      fresh: dice.of([0, 0, 0.1, 0.11, 0.5, 0.51]),
      failing: dice.of([0, 0.01, 0.011, 0.05, 0.06]),
      receivers: dice.of([null, 0, 0.35, 0.36]),
      usual: dice.of([10, 100, 101]),
      weekend: dice.of([1, 0.5, 0.49]),
      earlier: dice.chance(0.3)
        ? [{ day: addDays(loudest, -dice.of([19, 20, 21, 364])), messages: Math.round(most * dice.of([0.39, 0.4, 0.8])) }]
        : [],
    }),
    difference: differenceOf(shares(), shares()),
  };
};

/** Whether a sender stands out, and may have risen. */
const rising: Life = (seed) => {
  const dice = new Dice(seed);
  const today = dice.of(['2026-05-29', '2026-05-31', '2026-06-01']);
  const n = dice.of([10, 30, 34, 35, 36, 40, 100]);
  const each = Array.from({ length: dice.of([10, 20, 45]) }, (_, i) => ({
    day: addDays(today, -i),
    messages: Math.round(n * (dice.chance(0.15) ? dice.of([1.3, 1.4, 1.45, 1.5, 1.6, 3]) : 1)),
  }));
  const rows = dice.chance(0.5) ? each : each.filter(({ day }) => day <= addDays(today, -dice.int(0, 15)));
  const ofDomain = new Map(each.map(({ day, messages }) => [day, messages * dice.of([1, 9, 10, 11])]));
  const twice = dice.chance(0.3) ? [{ each: rows }, { each: rows }] : [{ each: rows }, {}];
  return [standsOut(twice, today), mayRise(rows, dice.chance(0.9) ? ofDomain : new Map(), today)];
};

function inventedUses(dice: Dice, sources: readonly string[]): KeyUse[] {
  return sources.flatMap((source) =>
    ['k1', 'k2', 'k3'].slice(0, dice.int(1, 3)).map((key) => ({
      source,
      key,
      passed: dice.of([0, 1, 3, 4, 5, 10, 20, 100, 1000]),
      recent: dice.of([0, 0, 5, 20]),
      first_day: ago(dice.of([41, 41, 30, 25, 24, 11, 10, 5])),
      last_day: ago(dice.of([0, 3, 20])),
    })),
  );
}

const mix: Life = (seed) => {
  const dice = new Dice(seed);
  const uses = inventedUses(dice, ['a', 'b', 'c', 'x', 'y'].slice(dice.int(0, 2)));
  return [carriesMix(uses, new Set(['x'])), carriesMix(uses, new Set(['x', 'y']))];
};

const keys: Life = (seed) => {
  const dice = new Dice(seed);
  const sender = (key: string, ...sources: string[]) => ({ key, sources: sources.map((source) => ({ source })) }) as never;
  const keyUses = inventedUses(dice, ['x', 'y', 'a', 'b', 'z'].slice(0, dice.int(0, 5)));
  const from = ago(dice.of([41, 41, 24, 9]));
  const own = dice.of([sender('x', 'x'), sender('x', 'x', 'y')]);
  return mainKeyOf(own, ago(dice.of([10, 11, 12])), { keyUses, senders: [own, sender('ab', 'a', 'b')], from });
};

const SUBJECTS = [
  '192.0.2.0/24',
  '192.0.3.0/24',
  '198.51.100.0/24',
  '2001:db8:1::/48',
  '2001:db8:2::/48',
  'a.example',
  'b.example',
];
const SEVERITIES = ['info', 'low', 'medium', 'high'] as const;

function inventedCandidate(dice: Dice, facts: Evidence['facts'], kind: string, subject: string): Candidate {
  const messages = dice.of([10, 40, 60, 99, 100, 500, 999, 1000]);
  const [first_day, last_day] = [ago(dice.of([2, 3, 7, 8, 16, 17, 22])), ago(dice.of([0, 1, 2, 3, 4]))];
  const who = [{ source: subject, messages, delivered: messages }];
  const evidence = {
    ...EVIDENCE,
    broken: undefined,
    who: dice.chance(0.1) ? [] : who,
    senders: dice.of([1, 1, 2]),
    messages,
    of: dice.of([messages, 2000]),
    per_day: dice.of([5, 50]),
    usual: dice.of([2, 10, null]),
    reporters: dice.of([['google.com'], ['yahoo.com', 'google.com']]),
    delivered: messages,
    quarantined: dice.of([0, 3]),
    rejected: dice.of([0, 5]),
    facts,
  } as unknown as Evidence;
  return { kind, subject, severity: dice.of(SEVERITIES), confidence: dice.of([0.5, 0.8]), first_day, last_day, evidence };
}

/** On file as it was found; its facts may be less than words are made of. */
const onFile = (one: Candidate, extra: Partial<KnownFinding> = {}): KnownFinding => ({
  ...one,
  finding_key: 1,
  summary: '',
  state: 'open',
  revision: 1,
  told: { severity: one.severity, evidence: one.evidence },
  heard: true,
  acknowledged: false,
  snoozed: false,
  pending: false,
  waiting: [],
  ...extra,
});

/** Candidates of different subjects, and some of them on file. */
function inventedFindings(dice: Dice, one: (subject: string) => Candidate): { found: Candidate[]; known: KnownFinding[] } {
  const subjects = SUBJECTS.slice(dice.int(0, 2)).filter(() => dice.chance(0.6));
  const found = subjects.map(one);
  const known = SUBJECTS.flatMap((subject) => {
    if (!dice.chance(0.3)) return [];
    const before = one(subject);
    const who = dice.chance(0.5)
      ? [...before.evidence.who, { source: dice.of(SUBJECTS), messages: dice.of([5, 70]) }]
      : before.evidence.who;
    const state = dice.of(['open', 'open', 'resolved'] as const);
    const ended = dice.of([{ reason: 'listed' as const }, { reason: 'no_mail' as const, days: 9 }]);
    const evidence = { ...before.evidence, who, senders: who.length, ...(state === 'resolved' && { ended }) };
    return [onFile(before, { evidence, state, ...(dice.chance(0.3) && { told: null }) })];
  });
  return { found, known };
}

const told = (all: readonly Candidate[]) =>
  all.map(({ evidence: { facts, who, ...evidence }, ...one }) => {
    const { messages, of, share, per_day, usual, delivered, quarantined, rejected, senders, reporters, since } = evidence;
    const figures = { messages, of, share, per_day, usual, delivered, quarantined, rejected, senders, reporters, since };
    return { ...one, ...figures, who: who.map(({ source }) => source), facts };
  });

/** What began at one hoster is mailed once. */
const hoster: Life = (seed) => {
  const dice = new Dice(seed);
  const owner = () => dice.of([null, null, undefined, 'Hoster', 'Another']);
  const one = (subject: string) => {
    const facts = dice.chance(0.5)
      ? { rule: 'abused_sender', how: dice.of(['unsigned', 'unsigned', 'foreign']), owner: owner() }
      : { rule: 'new_source', by: dice.of(['spf', 'spf', 'dkim']), service: dice.of([null, null, 'Service']), owner: owner() };
    return inventedCandidate(dice, facts as never, dice.chance(0.8) ? String(facts.rule) : 'another', subject);
  };
  const { found, known } = inventedFindings(dice, one);
  return quietNeighbours(found, known).map(({ kind, subject, quiet }) => `${kind} ${subject}${quiet ? ' quiet' : ''}`);
};

/** What one service shows under several domains is mailed once. */
const siblings: Life = (seed) => {
  const dice = new Dice(seed);
  const service = { ...inventedService('bulk'), dkim_domains: ['a.example'], spf_domains: ['b.example'] };
  const byName = new Map([
    ['a.example', service],
    ['b.example', service],
  ]);
  const catalogue: Catalogue = { senders: new Map([[service.id, service]]), dkim: byName, spf: byName, reverse: new Map() };
  const one = (subject: string) => {
    const facts = { rule: 'alignment_failure', bare: dice.chance(0.4), approved_by: dice.of([null, null, 'Ada']) };
    return inventedCandidate(dice, facts as never, dice.chance(0.9) ? 'alignment_failure' : 'new_source', subject);
  };
  const { found, known } = inventedFindings(dice, one);
  return quietSiblings(found, known, catalogue).map(({ kind, subject, quiet }) => `${kind} ${subject}${quiet ? ' quiet' : ''}`);
};

/** Surges of networks without a name are one finding. */
const surges: Life = (seed) => {
  const dice = new Dice(seed);
  const one = (subject: string) => {
    const facts = {
      rule: 'volume_surge',
      times: dice.of([2, 6]),
      days: 1,
      expected: dice.of([0, 10, 20, 100]),
      season: null,
      own: dice.chance(0.1),
      service: dice.chance(0.1) ? { id: 'bulk', kind: 'bulk' } : null,
    };
    return inventedCandidate(dice, facts as never, dice.chance(0.95) ? 'volume_surge' : 'new_source', subject);
  };
  const { found, known } = inventedFindings(dice, one);
  return told(joinSurges(DOMAIN, found, known));
};

/** New senders with one cause are one finding. */
const cause: Life = (seed) => {
  const dice = new Dice(seed);
  const one = (subject: string) => {
    const key = { name: dice.of(['k1', 'k2']), age: dice.of(['old', 'new']), carries: 0.5, others: dice.of([[], ['shop']]) };
    const facts = {
      rule: 'new_source',
      by: dice.of(['spf', 'spf', 'dkim']),
      service: dice.of([null, null, null, 'Service']),
      key: dice.of([null, key, key]),
      ...(dice.chance(0.3) && { joined: 3 }),
      ...(dice.chance(0.3) && { passed_on: true, scattered: dice.chance(0.5) }),
    };
    return inventedCandidate(dice, facts as never, dice.chance(0.95) ? 'new_source' : 'volume_surge', subject);
  };
  const { found, known } = inventedFindings(dice, one);
  return told(joinOneCause(DOMAIN, found, known));
};

/** Many new networks at once under an old key. */
const replay: Life = (seed) => {
  const dice = new Dice(seed);
  const from = dice.of([2, 3, 5]);
  const n = dice.of([1, 6, 7, 10, 20]);
  const count = dice.of([4, 5, 6, 12, 25]);
  const strangers = Array.from({ length: count }, (_, i) => {
    const source = `198.51.${i}.0/24`;
    const first = from + (dice.chance(0.2) ? dice.int(0, 6) : 0);
    const kind = dice.chance(0.9) ? 'dkim' : dice.of(['both', 'foreign'] as const);
    const window = senderWindow(span(first, 0, kind, n, undefined, { source, quarantined: i % 2, rejected: i % 3 }));
    const of = {
      ...window.of,
      ...(dice.chance(0.1) && { service: inventedService(dice.of(['hosting', 'bulk', 'forwarder'])) }),
      ...(dice.chance(0.05) && { unnamed: true }),
      ...(dice.chance(0.05) && { firstSeen: '2026-01-01' }),
    };
    return { ...window, of, listed: dice.chance(0.03) ? ({ verdict: 'approved' } as never) : null };
  });
  const former = Array.from({ length: dice.of([0, 0, 5]) }, (_, i) =>
    senderWindow(span(20, 20 - i, 'dkim', dice.of([1, 20]), undefined, { source: `203.0.${i}.0/24` })),
  );
  const owner = senderWindow(
    span(41, dice.of([0, 0, from, from + 1]), 'both', dice.of([10, 300, 800, 3000]), undefined, { source: '192.0.2.0/24' }),
  );
  const windows = [owner, ...former, ...strangers];
  const key = dice.of(['k1', 'k1', 'k2']);
  const keyUses = windows.map(({ of, rows }) => {
    const days = rows.map(({ day }) => day).sort();
    const passed = rows.reduce((sum, one) => sum + one.dkim_aligned, 0);
    const late = of === owner.of && dice.chance(0.1) ? ago(from + 13) : days[0]!;
    return { source: of.key, key: of === owner.of ? key : 'k1', passed, recent: passed, first_day: late, last_day: days.at(-1)! };
  });
  const data = { domain: DOMAIN, today: ago(0), from: ago(41), keyUses };
  const first = strangers[0]!.of.key;
  const facts = { rule: 'new_source', by: 'dkim', key: { name: 'k1', age: 'old', carries: 1, others: [] } } as never;
  const open = onFile(inventedCandidate(dice, facts, 'new_source', dice.of([first, strangers.at(-1)!.of.key, 'gone.example'])));
  const known = dice.chance(0.5) ? [open] : [];
  const taken = dice.chance(0.3) ? [inventedCandidate(dice, null as never, dice.of(['new_source', 'volume_surge']), first)] : [];
  const fresh = ago(dice.of([13, 13, from, from - 1]));
  return [
    mayReplay(
      strangers.map(({ of }) => of),
      fresh,
    ),
    told(replaysOf(data, { windows, told: taken, known, fresh })),
  ];
};

const LIVES: Readonly<Record<string, Life>> = { season, rising, mix, keys, hoster, siblings, surges, cause, replay };

/** As a line: numbers to six digits. */
const lineOf = (seed: number, said: unknown): string =>
  `${seed}: ${JSON.stringify(said, (_, value) => (typeof value === 'number' ? Number(value.toPrecision(6)) : value))}`;

/** Holds what is said of invented lives against the golden file of that name. */
export const expectLives = (name: string): Promise<void> =>
  expectLines(import.meta.filename, name, SEEDS[name] ?? [], (seed) => lineOf(seed, LIVES[name]!(seed)));
