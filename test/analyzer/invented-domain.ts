import type { DomainWindow } from '../../services/analyzer/rules/window.ts';
import { Attendance } from '../../services/analyzer/statistics/habit.ts';
import type { PolicyDay, ReporterDay, SourceDay } from '../../services/store/analysis/window-reads.ts';
import { Dice, inventedService } from './invented.ts';
import { ago, domainDays, domainWindow, networks, policyDays, REPORTERS, reporterDays, row } from './rows.ts';

/** What happens to a domain. */
export type DomainPlot = 'forged' | 'below' | 'silent' | 'contradicted' | 'policy';

/** Unauthenticated mail: a trickle from some networks, and mostly a wave from some of them and others. */
function forgedRows(dice: Dice, kind: 'unauthenticated' | 'below'): SourceDay[] {
  const rows: SourceDay[] = [];
  const send = (day: number, network: number, n: number) => {
    const failed_delivered = Math.round(n * fate);
    const of = dice.chance(0.1) ? 'unauthenticated' : kind;
    const reporter = dice.of(reporters);
    rows.push(
      row(ago(day), of, n, { source: `198.18.${network}.0/24`, reporter, failed_delivered, rejected: n - failed_delivered }),
    );
  };
  const fate = dice.of([0, 0, 0.2, 0.5, 1]);
  const reporters = dice.of([REPORTERS, REPORTERS, REPORTERS.slice(0, 2), REPORTERS.slice(0, 1)]);
  const trickle = dice.of([0, 0.2, 0.5, 1]);
  for (let day = 41; day >= 0; day--) if (dice.chance(trickle)) send(day, dice.int(1, 9), dice.of([1, 1, 2, 3, 5]));
  const [from, to] = [dice.of([0, 1, 2, 3, 4, 6, 8, 13]), dice.of([0, 0, 0, 1, 3])];
  const some = dice.of([0, 1, 1, 2, 5, 12, 25]);
  const n = dice.of([1, 2, 3, 5, 6, 10, 34, 50, 100, 340]);
  for (let day = from; day >= to; day--)
    for (let network = 0; network < some; network++)
      if (dice.chance(0.8)) send(day, 5 + network, Math.max(1, n + dice.int(-1, 1)));
  // Some of the networks send what passes too.
  if (dice.chance(0.3))
    for (let day = 30; day >= 0; day -= dice.of([1, 3]))
      rows.push(row(ago(day), 'both', dice.of([1, 5, 40]), { source: `198.18.${dice.int(4, 7)}.0/24` }));
  return rows;
}

const POLICIES = ['p=none', 'p=none; sp=quarantine', 'p=quarantine', 'p=quarantine; pct=50', 'p=reject', 'p=reject; sp=none'];
const MORE_POLICIES = [
  'p=reject; sp=reject; np=reject',
  'p=reject; t=y',
  'p=none; adkim=s; aspf=s',
  'p=reject; np=none',
  'p=none; adkim=r; aspf=r',
];
const ALL_POLICIES = [...POLICIES, ...MORE_POLICIES];

function inventedPolicies(dice: Dice): PolicyDay[] {
  const steps = [dice.of(ALL_POLICIES), dice.of(ALL_POLICIES), ...(dice.chance(0.3) ? [dice.of(ALL_POLICIES)] : [])];
  const turns = [dice.int(8, 14), dice.int(1, 9), dice.int(0, 4)];
  return REPORTERS.slice(0, dice.of([1, 2, 3, 3])).flatMap((reporter) => {
    const late = dice.of([0, 0, 0, 1, 2, 9]);
    const days = steps.flatMap((policy, i) => {
      const length = i === 0 ? turns[0]! + late : Math.max(0, turns[i]! - (i === 1 ? late : 0));
      return Array.from({ length }, () => (dice.chance(0.1) ? null : policy));
    });
    return policyDays(reporter, days, dice.of([0, 0, 0, 1, 3]));
  });
}

/** What the reporters say: one of them less, or nothing of late, or against its own results. */
function inventedReporters(dice: Dice, days: ReporterDay[], plot: DomainPlot): ReporterDay[] {
  const one = dice.of(REPORTERS);
  if (plot === 'silent') {
    const since = dice.int(2, 16);
    const gap = dice.of([0, 0, 0.1, 0.4]);
    const rest = dice.of([1, 1, 0.5, 0.1]);
    const times = dice.of([1, 1, 0.05, 0.01]);
    return days
      .filter(({ reporter, day }) => reporter !== one || (day <= ago(since) && !dice.chance(gap)))
      .map((each) => (each.day > ago(since) ? { ...each, messages: Math.ceil(each.messages * rest) } : each))
      .map((each) => (each.reporter === one ? { ...each, messages: Math.ceil(each.messages * times) } : each));
  }
  if (plot !== 'contradicted') return days;
  const since = dice.int(0, 9);
  const share = dice.of([0.02, 0.05, 0.1, 0.2, 0.5, 1]);
  const always = dice.of([0, 0, 0.01, 0.1]);
  return days.map((each) =>
    each.reporter === one
      ? { ...each, contradicted: Math.round(each.messages * (each.day >= ago(since) ? share : always)) }
      : each,
  );
}

/** An invented domain: its days, what is forged in its name, what its reporters say and of which policy. */
export function inventedDomain(seed: number, plot: DomainPlot): DomainWindow {
  const dice = new Dice(seed);
  const rows =
    plot === 'forged' || plot === 'below' || dice.chance(0.2)
      ? forgedRows(dice, plot === 'below' ? 'below' : 'unauthenticated')
      : [];
  const background = dice.of([1000, 1000, 300, 60, 30_000]);
  const days = inventedReporters(dice, reporterDays(rows, background), plot);
  const names = Array.from({ length: dice.of([0, 1, 3, 12]) }, (_, i) => ({
    name: `n${i}.example.com`,
    messages: 40 - i,
    used: dice.chance(0.3),
  }));
  const service = inventedService('bulk');
  const network = () => `198.18.${dice.int(4, 8)}.0/24`;
  const plain = dice.chance(0.6) ? 0.2 : 1;
  const rest = dice.chance(0.3 * plain) ? dice.of([3, 40, 400]) : 0;
  const restDays =
    rest === 0 ? [] : [0, 1].map((n) => ({ day: ago(n), failed: rest, delivered: rest / 2, quarantined: 0, rejected: rest / 2 }));
  const others = { networks: rest / 3, failed: 2 * rest, days: restDays };
  const none = { networks: 0, failed: 0, days: [] };
  return domainWindow(rows, {
    domainDays: domainDays(rows, background),
    reporterDays: days,
    attendance: new Attendance(days),
    networks: { largest: networks(rows), others, others_below: plot === 'below' ? others : none },
    names: { largest: names as never, names: names.length },
    policyDays: inventedPolicies(dice),
    policy: dice.of([...ALL_POLICIES, null]),
    excluded: new Set(dice.chance(0.2 * plain) ? [network()] : []),
    ...(dice.chance(0.3 * plain) && { used: new Map([[network(), service]]) }),
    ...(dice.chance(0.2 * plain) && { unnamed: new Set([network()]) }),
    ...(dice.chance(0.5) && {
      reporting: {
        elsewhere: dice.chance(0.3)
          ? [{ kind: 'reporter_silent', subject: dice.of(REPORTERS), domain: 'example.net', first_day: ago(dice.int(2, 9)) }]
          : [],
        spread: new Map(
          dice.chance(0.5) ? REPORTERS.map((one) => [one, { silent: dice.int(0, 3), reporting: dice.int(0, 3) }]) : [],
        ),
        lateness: new Map(REPORTERS.map((one) => [one, dice.of([0, 0, 1, 3])])),
        undecided: new Map(dice.chance(0.2) ? [[dice.of([...REPORTERS, 'other.example']), ago(dice.int(0, 9))]] : []),
      },
    }),
  });
}
