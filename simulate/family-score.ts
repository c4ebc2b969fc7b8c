import { type Confusion, merged } from './classes.ts';
import type { Draw } from './family-run.ts';
import type { Found } from './judge.ts';

const MONTH = 30;
/** The normal quantile of a 95 % interval. */
const Z = 1.96;

/** A share with its 95 % Wilson interval; null parts where there is nothing. */
export interface Share {
  part: number;
  of: number;
  share: number | null;
  low: number | null;
  high: number | null;
}

/** Events a unit of time, with the 95 % interval of a Poisson rate. */
export interface Rate {
  events: number;
  rate: number;
  low: number;
  high: number;
}

/** How one system did on some worlds. */
export interface Figures {
  system: string;
  worlds: number;
  domain_months: number;
  precision: Share;
  recall: Share;
  /** Of incidents of FAINT messages and more (or of none by their nature), and of smaller ones. */
  recall_strong: Share;
  recall_faint: Share;
  median_days: number | null;
  false_per_domain_month: Rate;
  alarms_per_domain_month: number;
  /** Mails about an incident that was found, on average. */
  mails_per_incident: number | null;
}

export interface FamilyScore {
  family: string;
  benign: boolean;
  systems: Figures[];
  wording: Share;
  classes: Confusion;
}

/** The figures of each family, in the order of the draws. */
export function byFamily(draws: readonly Draw[]): FamilyScore[] {
  const names = [...new Set(draws.map(({ family }) => family))];
  return names.map((family) =>
    scoreOf(
      family,
      draws.filter((draw) => draw.family === family),
    ),
  );
}

/** The figures of some draws together. */
export function scoreOf(family: string, draws: readonly Draw[]): FamilyScore {
  const systems = draws[0]?.judgements.map(({ system }) => system) ?? [];
  const checks = sum(draws.map(({ wording }) => wording.checks));
  const faults = sum(draws.map(({ wording }) => wording.faults.length));
  return {
    family,
    benign: draws.every(({ benign }) => benign),
    systems: systems.map((system, i) => figuresOf(system, draws, i)),
    wording: share(checks - faults, checks),
    classes: merged(draws.map(({ classes }) => classes)),
  };
}

function figuresOf(system: string, draws: readonly Draw[], i: number): Figures {
  const all = draws.map(({ judgements }) => judgements[i]!);
  const found = all.flatMap((one) => one.found);
  // Each kind counts once an incident, whatever it repeats.
  const right = sum(
    all.map(
      ({ verdicts }) =>
        new Set(verdicts.flatMap(({ verdict, incident, alarm }) => (verdict === 'true' ? [`${incident} ${alarm.kind}`] : [])))
          .size,
    ),
  );
  const wrong = sum(all.map((one) => one.wrong.length));
  const told = found.filter(({ delay }) => delay !== null);
  const months = sum(draws.map(({ days, domains }) => (days * domains) / MONTH));
  const alarms = sum(all.map(({ verdicts }) => verdicts.length));
  return {
    system,
    worlds: draws.length,
    domain_months: months,
    precision: share(right, right + wrong),
    recall: recallOf(found),
    recall_strong: recallOf(found.filter(({ faint }) => !faint)),
    recall_faint: recallOf(found.filter(({ faint }) => faint)),
    median_days: median(told.map(({ delay }) => delay!)),
    false_per_domain_month: rate(wrong, months),
    alarms_per_domain_month: months === 0 ? 0 : alarms / months,
    mails_per_incident: told.length === 0 ? null : sum(told.map(({ mails }) => mails)) / told.length,
  };
}

const recallOf = (found: readonly Found[]) => share(found.filter(({ delay }) => delay !== null).length, found.length);

/** Wilson's score interval of a share (Wilson 1927). */
export function share(part: number, of: number): Share {
  if (of === 0) return { part, of, share: null, low: null, high: null };
  const p = part / of;
  const z2 = Z * Z;
  const middle = (p + z2 / (2 * of)) / (1 + z2 / of);
  const half = (Z * Math.sqrt((p * (1 - p)) / of + z2 / (4 * of * of))) / (1 + z2 / of);
  return { part, of, share: p, low: Math.max(0, middle - half), high: Math.min(1, middle + half) };
}

/** Byar's approximation to the exact interval of a Poisson count. */
export function rate(events: number, months: number): Rate {
  const bound = (n: number, sign: 1 | -1) => (n === 0 ? 0 : n * (1 - 1 / (9 * n) + (sign * Z) / (3 * Math.sqrt(n))) ** 3);
  const a_month = (n: number) => (months === 0 ? 0 : n / months);
  return { events, rate: a_month(events), low: a_month(bound(events, -1)), high: a_month(bound(events + 1, 1)) };
}

function sum(list: readonly number[]): number {
  return list.reduce((a, b) => a + b, 0);
}

function median(list: readonly number[]): number | null {
  if (list.length === 0) return null;
  const sorted = [...list].sort((a, b) => a - b);
  return (sorted[Math.floor((sorted.length - 1) / 2)]! + sorted[Math.ceil((sorted.length - 1) / 2)]!) / 2;
}
