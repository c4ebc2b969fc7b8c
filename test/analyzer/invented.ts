import type { SenderWindow } from '../../services/analyzer/rules/window.ts';
import type { Sender, SenderKind } from '../../services/analyzer/senders/catalogue.ts';
import type { SenderData } from '../../services/analyzer/senders/units.ts';
import { Attendance } from '../../services/analyzer/statistics/habit.ts';
import { daysBetween } from '../../services/shared/days.ts';
import type { KeyUse } from '../../services/store/analysis/senders.ts';
import type { SourceDay } from '../../services/store/analysis/window-reads.ts';
import type { Candidate, KnownFinding } from '../../services/store/findings/findings.ts';
import type { ListEntry } from '../../services/store/sources/sender-list.ts';
import { ago, domainDays, merged, onFile, REPORTERS, reporterDays, row, senderData, senderWindow, TODAY } from './rows.ts';

/** Throws the same numbers for the same seed. */
export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = Math.imul(seed + 1, 0x9e3779b1) >>> 0;
    for (let i = 0; i < 4; i++) this.next();
  }

  /** 0 to 1. */
  next(): number {
    this.#state = (Math.imul(this.#state, 1664525) + 1013904223) >>> 0;
    let x = this.#state;
    x = Math.imul(x ^ (x >>> 15), 0x2c1b3c6d);
    x = Math.imul(x ^ (x >>> 12), 0x297a2d39);
    return ((x ^ (x >>> 15)) >>> 0) / 2 ** 32;
  }

  /** A whole number from `least` to `most`. */
  int(least: number, most: number): number {
    return least + Math.floor(this.next() * (most - least + 1));
  }

  of<T>(list: readonly T[]): T {
    return list[this.int(0, list.length - 1)]!;
  }

  chance(part: number): boolean {
    return this.next() < part;
  }
}

const KINDS = [
  'dkim',
  'spf',
  'both',
  'unauthenticated',
  'foreign',
  'foreignSpf',
  'foreignDkim',
  'list',
  'forwardedPass',
] as const;
const SHARES = [0, 0.05, 0.1, 0.3, 0.5, 0.7, 1] as const;

/** The service that a sender is known as. */
export function inventedService(kind: SenderKind): Sender {
  return {
    id: `${kind}-service`,
    name: `The ${kind}`,
    kind,
    dkim_domains: ['service.example'],
    spf_domains: ['service.example'],
    include: kind === 'other' ? [] : ['_spf.service.example'],
    reverse_suffixes: ['service.example'],
    align: kind === 'hosting' ? null : 'Publish its key.',
    records: kind === 'bulk' ? [{ name: 's1._domainkey.{domain}', type: 'CNAME', value: '{domain}.service.example' }] : [],
    source: kind === 'crm' ? null : 'https://service.example/',
    checked: '2026-01',
  };
}

/** What happens to the mail of a sender. */
export type Plot = 'any' | 'begins' | 'rises' | 'breaks' | 'weakens' | 'foreign' | 'shares' | 'denied' | 'host' | 'moves';

const PASSING = ['dkim', 'spf', 'both', 'both'] as const;
type Kind = (typeof KINDS)[number];
interface Span {
  kind: Kind;
  from: number;
  to: number;
  n: number;
  extra: Partial<SourceDay>;
}

function spansOf(dice: Dice, plot: Plot): Span[] {
  const n = dice.of([1, 2, 3, 4, 5, 7, 10, 20, 34, 100, 300]);
  const passing = () => dice.of(PASSING);
  const failing = () => dice.of(['foreign', 'foreignSpf', 'foreignDkim', 'unauthenticated', 'list'] as const);
  const since = dice.of([41, 41, 40, 30, 25, 20, 14]);
  const turn = dice.of([1, 2, 2, 3, 3, 4, 5, 6, 9]);
  const end = dice.of([0, 0, 0, 0, 1, 2]);
  const span = (kind: Kind, from: number, to: number, some = n, extra = {}): Span => ({ kind, from, to, n: some, extra });
  const before = span(passing(), since, turn + 1);
  switch (plot) {
    case 'host':
      return [span('spf', dice.int(2, 14), end)];
    case 'denied':
      return [span(dice.of([...PASSING, 'foreign', 'forwardedPass']), dice.of([41, 13, 9, 7, 6, 5, 3]), end)];
    case 'moves':
    case 'begins':
      return [span(passing(), dice.int(2, 14), end)];
    case 'rises':
      return [before, span(before.kind, turn, end, n * dice.of([2, 3, 4, 5, 10, 20]))];
    case 'breaks':
      return [before, span(failing(), turn, end)];
    case 'shares':
      return [
        { ...before, to: end },
        span(dice.of(['foreign', 'foreignSpf', 'spf']), turn, end, n * dice.of([0.5, 1, 2, 5].map((part) => Math.ceil(part)))),
      ];
    case 'foreign':
      return [span(failing(), dice.of([41, 20, 9, 5, 3, 2, 1]), end)];
    case 'weakens': {
      const part = dice.of([1, 1, 1, 0.9, 0.8, 0.5, 0.3, 0.2]);
      const [kind, what] = dice.of([
        ['spf', 'dkim_broken'],
        ['spf', 'failed_list'],
        ['dkim', 'spf_permerror'],
        ['dkim', 'spf_temperror'],
      ] as const);
      const lost = Math.max(1, Math.round(part * n));
      const rest = kind === 'spf' && part < 1 ? [span('both', turn, end, Math.max(1, n - lost))] : [];
      return [
        { ...before, kind: 'both' },
        span(kind, turn, end, lost, { [what]: Math.round(lost * dice.of([1, 1, 0.8, 0.5])) }),
        ...rest,
      ];
    }
    case 'any':
      return [
        span(dice.of(KINDS), since, turn + 1),
        span(dice.of(KINDS), turn, end, n * dice.of([1, 2, 10]), {
          [dice.of(['dkim_broken', 'failed_signed', 'failed_list', 'spf_permerror', 'spf_temperror'])]: Math.round(
            n * dice.of(SHARES),
          ),
        }),
      ];
  }
}

/** The mail of one source: some spans of days, each of one kind, and perhaps some of another beside it. */
function inventedRows(dice: Dice, source: string, plot: Plot): SourceDay[] {
  const rows: SourceDay[] = [];
  const reporters = dice.of([REPORTERS, REPORTERS, REPORTERS, REPORTERS.slice(0, 2), REPORTERS.slice(0, 1), REPORTERS.slice(1)]);
  const step = dice.of([1, 1, 1, 1, 2, 3]);
  const beside = dice.chance(0.35) ? dice.of(KINDS) : null;
  const even = dice.chance(0.5);
  for (const { kind, from, to, n, extra } of spansOf(dice, plot)) {
    const fate = dice.of([0, 0, 0.5, 1]);
    for (let day = from; day >= to; day -= step)
      for (const reporter of reporters) {
        const some = even ? n : Math.max(1, n + dice.int(-Math.floor(n / 5), Math.floor(n / 5)));
        const one = row(ago(day), kind, some, { source, reporter, ...extra });
        const lost = Math.round(fate * one.delivered);
        const rejected = { delivered: one.delivered - lost, rejected: one.rejected + lost };
        rows.push({ ...one, ...rejected, failed_delivered: Math.max(0, one.failed_delivered - lost) });
        if (beside !== null && dice.chance(0.2))
          rows.push(row(ago(day), beside, Math.ceil(some * dice.of([0.05, 0.2, 0.5])), { source, reporter }));
      }
  }
  return merged(rows);
}

const LISTED: ListEntry = {
  entry_key: 1,
  domain: '*',
  source: 'service.example',
  is_service: false,
  verdict: 'approved',
  by_name: 'Ada',
  why: 'our shop',
  since: new Date('2026-05-01T00:00:00Z'),
  until: null,
};

/** Other senders of the domain; where one moves, the first of them sends less since. */
function inventedOthers(dice: Dice, plot: Plot, first: number): SenderData[] {
  const least = plot === 'moves' ? 1 : 0;
  return Array.from({ length: least + dice.of([0, 0, 1, 2]) }, (_, i) => {
    const key = dice.of([`other${i}.example`, `198.51.10${i}.0/24`, `203.0.11${i}.0/24`, `m${i}.example.com`]);
    const falls = plot === 'moves' && i === 0;
    const rows = falls ? fallingRows(dice, key, first) : inventedRows(dice, key, dice.of(['any', 'breaks', 'rises', 'begins']));
    const data = senderData(key, rows);
    const [one] = data.sources;
    const asn = dice.of([null, 64500, 64501]);
    const service = dice.chance(0.4) ? inventedService(dice.of(['bulk', 'crm', 'transactional', 'mailbox_provider'])) : null;
    return {
      ...data,
      service,
      grouped: dice.chance(0.5),
      unnamed: dice.chance(0.05),
      sources: [
        { ...one!, asn, class: dice.of([null, 'authorized', 'forwarded', 'misaligned']), name: dice.of([null, `h${i}.example`]) },
      ],
    };
  });
}

function fallingRows(dice: Dice, source: string, first: number): SourceDay[] {
  const n = dice.of([2, 5, 10, 34, 100, 300]);
  const rest = Math.floor(n * dice.of([0, 0, 0.04, 0.06, 0.4, 0.8, 0.9]));
  const day = (of: number, some: number) => REPORTERS.map((reporter) => row(ago(of), 'both', some, { source, reporter }));
  const days = Array.from({ length: 42 }, (_, of) => (of >= first ? day(of, n) : rest > 0 ? day(of, rest) : []));
  return days.flat();
}

/** What makes a sender one that a rule is about. */
function given(dice: Dice, plot: Plot): Partial<SenderWindow> {
  if (plot === 'host') return { own: !dice.chance(0.1), signs: dice.of([null, 0.89, 0.9, 1, 1]) };
  if (plot !== 'denied') return {};
  const keys = [{ name: 's1._domainkey.example.com', messages: 40, others: [] }];
  return {
    listed: { ...LISTED, verdict: dice.chance(0.9) ? 'denied' : 'approved' },
    denied: { keys: dice.chance(0.5) ? keys : [], terms: dice.chance(0.5) ? ['ip4:192.0.2.0/24'] : [] },
  };
}

/** An invented sender: its mail, what is known of it, and other senders of the domain beside it. */
export function inventedSender(seed: number, plot: Plot): SenderWindow {
  const dice = new Dice(seed);
  const source = dice.of(['service.example', '192.0.2.0/24', 'mail.example.com']);
  const rows = inventedRows(dice, source, dice.chance(0.8) ? plot : 'any');
  // Much of what may be known of a sender keeps rules silent, so most have little of it.
  const plain = dice.chance(0.6) ? 0.25 : 1;
  const oldest = rows.map(({ day }) => day).sort()[0]!;
  const others = inventedOthers(dice, plot, daysBetween(oldest, TODAY).length - 1 + dice.of([0, 0, 0, 1, -1]));
  const background = dice.of([1000, 1000, 300, 90, 10_000]);
  const all = [...rows, ...others.flatMap((one) => one.rows)];
  const days = reporterDays(all, background);
  const some = <T>(part: number, value: () => T): T | null => (dice.chance(part * plain) ? value() : null);
  const window = senderWindow(rows, {
    source,
    domainDays: domainDays(all, background),
    reporterDays: days,
    attendance: new Attendance(days),
    firstSeen: dice.of([null, oldest, oldest, oldest, '2026-03-01']),
    sender: some(0.4, () =>
      inventedService(
        dice.of(['bulk', 'crm', 'mailbox_provider', 'hosting', 'forwarder', 'mailing_list', 'security_gateway', 'other']),
      ),
    ),
    listed: some(0.15, () => ({ ...LISTED, verdict: dice.of(['approved', 'denied'] as const) })),
    own: dice.chance(0.2 * plain),
    uses: dice.chance(0.3),
    borrowed: some(0.5, () => dice.of(SHARES)),
    keys: some(0.4, () => ({ own: dice.of(SHARES), another: dice.of(SHARES) })),
    relayed: dice.of([0, 0, 1, 10, 50, 500]),
    mixed: dice.chance(0.1 * plain),
    strays: dice.of([null, 0, 4, 10, 40]),
    signs: dice.of([null, 0, 0.5, 0.9, 1]),
    host: some(0.3, () => 'mail.example.com'),
    owner: some(0.3, () => 'Hoster'),
    scatter: some(0.3, () => ({
      networks: dice.of([1, 4, 5, 6, 20]),
      most: dice.of([1, 10, 50, 200]),
      shared: dice.of([0, 0, 1]),
    })),
    policy: dice.of(['p=none; adkim=r; aspf=r', 'p=quarantine; adkim=s; aspf=s', 'p=reject', null]),
    ...(dice.chance(0.3) && { admittedBy: 'ip4:192.0.2.0/24' }),
    ...(dice.chance(0.15 * plain) && { outgrown: inventedService('bulk') }),
    ...(dice.chance(0.3) && { ownByName: dice.chance(0.5) }),
    ...(dice.chance(0.1 * plain) && { carries: 'denied.example' }),
    broken: dice.chance(0.07 * plain),
    ...given(dice, plot),
  });
  const keyUses: KeyUse[] = dice.chance(0.5)
    ? [source, ...others.flatMap((one) => one.sources.map((each) => each.source))].map((of) => ({
        source: of,
        key: `s${dice.int(1, 2)}._domainkey.example.com`,
        passed: dice.of([1, 10, 20, 100, 1000]),
        recent: dice.of([0, 10, 20, 100]),
        first_day: ago(dice.of([41, 41, 30, 20, 5])),
        last_day: ago(dice.of([0, 0, 1, 3, 20])),
      }))
    : [];
  const [one] = window.of.sources;
  const asn = dice.of([null, 64500]);
  const of: SenderData = { ...window.of, service: window.sender, unnamed: dice.chance(0.05), sources: [{ ...one!, asn }] };
  return { ...window, of, keyUses, senders: [of, ...others] };
}

/** The same sender as it was seen when its newest mail was of the day `n` before today. */
export function asOf<W extends { rows: readonly SourceDay[] }>(window: W, n: number): W {
  return { ...window, rows: window.rows.filter(({ day }) => day <= ago(n)) };
}

/** What is on file of what was found, in one of the states that a finding can be in. */
export function inventedFile(candidate: Candidate, seed: number): KnownFinding {
  const dice = new Dice(seed);
  const open = dice.chance(0.7);
  return onFile(candidate, {
    state: open ? 'open' : 'resolved',
    severity: dice.of([candidate.severity, candidate.severity, 'low', 'high']),
    evidence: { ...candidate.evidence, ...(!open && dice.chance(0.5) && { resolved_day: dice.of([TODAY, ago(3), ago(9)]) }) },
    pending: dice.chance(0.05),
  });
}
