import { forwardingOdds } from '../../../services/analyzer/sources/forwarding.ts';
import { Attendance, Habit, Series } from '../../../services/analyzer/statistics/habit.ts';
import { silenceOf } from '../../../services/analyzer/statistics/report-habit.ts';
import { failingRun, likelihoodRatio, passesAgainSince } from '../../../services/analyzer/statistics/series.ts';
import { addDays, isWeekend } from '../../../services/shared/days.ts';
import type { ReporterDay, SourceDay } from '../../../services/store/analysis/window-reads.ts';
import { expectLines } from '../expect-lines.ts';
import { Dice } from '../invented.ts';
import { ago, REPORTERS } from '../rows.ts';
import { SEEDS } from './invented-seeds.ts';

type Life = (seed: number) => unknown;

/** Days of reporters: some regular, some now and then, some late or silent of late. */
function inventedDays(dice: Dice): ReporterDay[] {
  const oldest = dice.of([41, 34, 34, 20, 8, 6, 3]);
  const reporters = [...REPORTERS, 'a.example'].slice(0, dice.int(1, 4));
  const weekend = dice.of([1, 1, 0.3, 0]);
  return reporters.flatMap((reporter) => {
    const speaks = dice.of([1, 1, 1, 0.85, 0.8, 0.5, 0.1]);
    const silent = dice.of([0, 0, 0, 1, 2, 3, 5, 12]);
    const first = dice.of([oldest, oldest, oldest, 5]);
    const n = dice.of([1, 3, 10, 40, 300]);
    const days: ReporterDay[] = [];
    for (let day = first; day >= silent; day--) {
      if (!dice.chance(speaks)) continue;
      const messages = Math.round(n * (isWeekend(ago(day)) ? weekend : 1)) + dice.int(0, 2);
      const none = {
        background: 0,
        networks: 0,
        background_below: 0,
        networks_below: 0,
        contradicted: 0,
        dkim_aligned: 0,
        spf_aligned: 0,
      };
      days.push({ day: ago(day), reporter, messages, ...none });
    }
    return days;
  });
}

/** What a habit says of the newest days, and of whom they know nothing yet. */
const habit: Life = (seed) => {
  const dice = new Dice(seed);
  const some = inventedDays(dice);
  const days = some.length > 0 ? some : inventedDays(new Dice(1));
  const attendance = new Attendance(days);
  const series = new Series();
  const campaign = dice.of([0, 0, 7, 9, 15]);
  for (const { reporter, day, messages } of days) {
    const burst = campaign > 0 && Number(day.slice(8)) % campaign < dice.of([1, 2]) ? dice.of([3, 10]) : 1;
    series.add(reporter, day, messages * burst);
    if (dice.chance(0.05)) series.add(reporter, day, 1);
  }
  const until = dice.of([0, 6, 6, 13]);
  const base = attendance.habitBefore(ago(until));
  const observed = { attendance, series, base, prior: dice.of([1.5, 5]), robust: dice.chance(0.6) };
  const found = new Habit({ ...observed, ...(dice.chance(0.2) && { steadiest: 1.5 }) });
  const newest = Array.from({ length: 7 }, (_, i) => ago(6 - i));
  return {
    first: attendance.first,
    base: base.length,
    usual: found.usual,
    weekend: found.weekend,
    each: newest.map((day) => found.expected([day])),
    all: found.expected(newest),
    some: found.expected(newest.slice(-3), REPORTERS[0]),
    one: found.expectedOf(dice.of([...REPORTERS, 'other.example']), newest.slice(2)),
    on: [series.on(newest), series.on(newest, REPORTERS[1]), series.of(REPORTERS[0]!, ago(3))],
    days: attendance.reporters.map((one) => [
      attendance.days(one, base),
      attendance.isRegular(one, base),
      attendance.spoke(one, ago(1)),
    ]),
    known: newest.slice(-5).map((day) => [attendance.missing(day), attendance.awaited(day), attendance.isCovered(day)]),
  };
};

/** Whether there are no reports any more. */
const reports: Life = (seed) => {
  const dice = new Dice(seed);
  const [from, silent] = dice.of([
    [41, 0],
    [13, 0],
    [14, 0],
    [60, 0],
    [41, 3],
  ] as const);
  const turn = dice.chance(0.1) ? '2026-01-02' : ago(silent);
  const rate = dice.of([1, 1, 0.9, 0.6, 0.3]);
  const weekend = dice.of([1, 0.5, 0.1, 0]);
  const n = dice.of([1, 2, 4, 10, 100]);
  const reporters = REPORTERS.slice(0, dice.int(1, 3));
  const reported = Array.from({ length: from }, (_, i) => addDays(turn, -i)).flatMap((day) =>
    dice.chance(rate * (isWeekend(day) ? weekend : 1))
      ? reporters.flatMap((reporter, i) =>
          dice.chance(i === 0 ? 1 : 0.6) ? [{ day, reporter, messages: n + dice.int(0, 2) }] : [],
        )
      : [],
  );
  const last =
    reported
      .map(({ day }) => day)
      .sort()
      .at(-1) ?? turn;
  const heard = dice.of([null, null, new Set(REPORTERS), new Set([REPORTERS[2]!]), new Set<string>()]);
  return silenceOf(reported, { last, today: addDays(last, dice.int(2, 14)), heard, together: dice.chance(0.2) });
};

/** Whether mail ends where all mail ends. */
const odds: Life = (seed) => {
  const dice = new Dice(seed);
  const counts = () =>
    [...REPORTERS, 'a.example'].slice(0, dice.int(1, 4)).map((reporter) => ({ reporter, messages: dice.of([0, 1, 4, 30, 900]) }));
  const [rows, all] = [counts(), [...counts(), ...(dice.chance(0.3) ? counts() : [])]];
  return forwardingOdds(rows as SourceDay[], (dice.chance(0.05) ? [] : all) as ReporterDay[]);
};

/** Since when days fail, and since when they pass again. */
const series: Life = (seed) => {
  const dice = new Dice(seed);
  const days = Array.from({ length: dice.int(0, 9) }, (_, i) => ({
    day: ago(9 - i),
    passed: dice.of([0, 0, 1, 4, 5, 8, 10, 40]),
    failed: dice.of([0, 0, 1, 2, 5, 10, 40]),
  })).filter(({ passed, failed }) => passed + failed > 0);
  const count = () => ({ passed: dice.of([0, 1, 5, 10, 100]), failed: dice.of([0, 1, 5, 10, 100]) });
  return {
    run: failingRun(days).map(({ day }) => day),
    again: passesAgainSince(days, ago(dice.int(0, 9))),
    ratio: likelihoodRatio(count(), count()),
  };
};

const LIVES: Readonly<Record<string, Life>> = { habit, reports, odds, series };

/** As a line: numbers to six digits. */
const lineOf = (seed: number, told: unknown): string =>
  `${seed}: ${JSON.stringify(told, (_, value) => (typeof value === 'number' ? Number(value.toPrecision(6)) : value))}`;

/** Holds what is said of invented lives against the golden file of that name. */
export const expectLives = (name: string): Promise<void> =>
  expectLines(import.meta.filename, name, SEEDS[name] ?? [], (seed) => lineOf(seed, LIVES[name]!(seed)));
