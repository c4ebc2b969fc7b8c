import { expect, test } from 'vitest';
import { Random } from '../../../demo/random.ts';
import { unauthorizedSource } from '../../../services/analyzer/rules/unauthorized_source.ts';
import { Attendance } from '../../../services/analyzer/statistics/habit.ts';
import { addDays } from '../../../services/shared/days.ts';
import type { Network, ReporterDay } from '../../../services/store/analysis/window-reads.ts';
import { negativeBinomial } from '../../../simulate/draws.ts';
import { domainWindow } from '../rows.ts';

/** Share of the mail, and of reports that come one to four days late. */
const REPORTERS = [
  ['google.com', 0.4, 0.02],
  ['outlook.com', 0.25, 0.04],
  ['yahoo.com', 0.15, 0.02],
  ['gmx.net', 0.1, 0.03],
  ['mail.ru', 0.1, 0.1],
] as const;
const UP_TO = REPORTERS.map((_, n) => REPORTERS.slice(0, n + 1).reduce((sum, [, share]) => sum + share, 0));
const DAYS = 70;
const day = (n: number) => addDays('2026-03-01', n);

interface Forged {
  day: number;
  reporter: number;
  network: string;
}

/**
 * Mail that nothing authenticates, by report day, each message from anywhere; and when the reports of each
 * day arrive.
 */
class Noise {
  readonly mail: Forged[] = [];
  readonly arrivals: number[][];
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
    const late = random.int(30, DAYS - 10);
    const who = random.int(0, 2);
    this.arrivals = REPORTERS.map(([, , lateness], n) =>
      Array.from({ length: DAYS }, (_, d) => {
        if (n === who && d >= late && d < late + 3) return d + 4;
        return d + 1 + (random.chance(lateness) ? random.int(1, 4) : 0);
      }),
    );
  }

  /** @param from the networks it comes from; anywhere, if absent */
  add(on: number, mean: number, from?: readonly string[]): void {
    for (let n = negativeBinomial(this.#random, mean, 2); n > 0; n--) {
      const at = this.#random.next();
      const reporter = UP_TO.findIndex((share) => at < share);
      const network = from === undefined ? `net${this.mail.length}` : this.#random.pick(from);
      this.mail.push({ day: on, reporter: Math.max(0, reporter), network });
    }
  }

  /** The evenings on which it would be reported anew. */
  alarms(): number[] {
    const told: number[] = [];
    for (let evening = 10; evening <= DAYS; evening++) {
      if (evening > (told.at(-1) ?? -99) + 7 && unauthorizedSource.find(this.#window(evening)).length > 0) told.push(evening);
    }
    return told;
  }

  #window(evening: number) {
    const arrived = ({ reporter, day: on }: Pick<Forged, 'reporter' | 'day'>) => this.arrivals[reporter]![on]! <= evening;
    const newest = Math.max(...REPORTERS.flatMap((_, reporter) => daysOf((on) => arrived({ reporter, day: on }))));
    const from = Math.max(0, newest - 41);
    const mail = this.mail.filter((one) => one.day >= from && one.day <= newest && arrived(one));
    const reporterDays = REPORTERS.flatMap(([reporter, share], n) =>
      daysOf((on) => on >= from && on <= newest && arrived({ reporter: n, day: on })).map((on): ReporterDay => {
        const own = mail.filter((one) => one.day === on && one.reporter === n);
        const networks = new Set(own.map(({ network }) => network)).size;
        const messages = Math.round(500 * share) + own.length;
        const below = { background_below: 0, networks_below: 0, contradicted: 0, dkim_aligned: 0, spf_aligned: 0 };
        return { day: day(on), reporter, messages, background: own.length, networks, ...below };
      }),
    );
    const domainDays = [...new Set(reporterDays.map((one) => one.day))]
      .sort()
      .reverse()
      .map((on) => ({ day: on, messages: 500, reporters: reporterDays.filter((r) => r.day === on).map((r) => r.reporter) }));
    return domainWindow([], {
      from: day(from),
      today: day(newest),
      domainDays: domainDays.slice(0, 14),
      reporterDays,
      attendance: new Attendance(reporterDays),
      networks: { largest: networksOf(mail, newest - 6), others: NONE, others_below: NONE },
    });
  }
}

const NONE = { networks: 0, failed: 0, days: [] };
const daysOf = (which: (on: number) => boolean) => Array.from({ length: DAYS }, (_, on) => on).filter(which);

function networksOf(mail: readonly Forged[], recent: number): Network[] {
  const found = new Map<string, Network>();
  for (const { day: on, reporter, network } of mail) {
    if (on < recent) continue;
    const one = found.get(network) ?? { source: network, days: [], before: { passed: 0, failed: 0, days: 0 } };
    found.set(network, one);
    const name = REPORTERS[reporter]![0];
    const known = one.days.find((other) => other.day === day(on));
    if (known) {
      known.failed++;
      known.rejected++;
      known.reporters = [...new Set([...known.reporters, name])];
    } else {
      const sums = { passed: 0, failed: 1, below: 0, delivered: 0, quarantined: 0, rejected: 1 };
      one.days.push({ day: day(on), ...sums, reporters: [name] });
    }
  }
  return [...found.values()];
}

const WORLDS = 12;
const worlds = (plant: (noise: Noise, random: Random) => void) =>
  Array.from({ length: WORLDS }, (_, n) => {
    const random = new Random(1000 + n);
    const noise = new Noise(random.fork('noise'));
    plant(noise, random);
    return noise.alarms();
  });
const trickle = (noise: Noise, mean: number) => {
  for (let on = 0; on < DAYS; on++) noise.add(on, mean);
};

test('bursty noise of any level is hardly ever an alarm, in the first weeks and on days of late reports too', () => {
  const told = worlds((noise, random) => {
    const mean = 0.3 * 20 ** random.next();
    trickle(noise, mean);
    for (let n = 0; n < 2; n++) noise.add(random.int(30, DAYS - 6), mean * 2 * random.next());
  });
  expect(told.flat().length).toBeLessThanOrEqual(Math.ceil((0.05 * WORLDS * DAYS) / 30));
});

test.each([
  ['a botnet of 30 messages a day, each from anywhere', 30, 0],
  ['15 messages a day from two networks', 15, 2],
  ['5 messages a day from two networks', 5, 2],
])('%s is found within days', (_, mean, networks) => {
  const told = worlds((noise, random) => {
    trickle(noise, 0.3 * 6 ** random.next());
    const from = networks === 0 ? undefined : Array.from({ length: networks }, (__, n) => `forger${n}`);
    for (let on = 45; on < 52; on++) noise.add(on, mean, from);
  });
  expect(told.filter((evenings) => evenings.some((one) => one > 45 && one <= 54)).length).toBeGreaterThanOrEqual(0.9 * WORLDS);
});
