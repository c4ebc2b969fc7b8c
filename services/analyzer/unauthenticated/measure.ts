import { daysBetween, earlier } from '../../shared/days.ts';
import type { KnownFinding } from '../../store/findings/findings.ts';
import type { DomainWindow } from '../rules/window.ts';
import { levelOf } from '../statistics/budget.ts';
import { countTail } from '../statistics/tails.ts';
import { type Concerned, type Harm, totalsOf } from './networks.ts';
import { othersOf, type Part } from './part.ts';
import { habitsOf, spansOf, TESTS, type Trickle } from './trickle.ts';

/** The least that can be an alarm, however unlikely: of one network, and of many together. */
export const LEAST = 5;
const LEAST_TOGETHER = 10;
/** Open findings hold until fewer messages than this of their networks are left. */
export const HOLD = 3;
/** An open finding goes on while its level is at least this unlikely to be habit. */
const STILL = 0.02;
/** A stretch of days that has this part of what is beyond habit in the whole week is the whole story. */
const NEARLY = 0.9;

/** Days, both included. */
export interface Range {
  first: string;
  last: string;
}

/** Holds the unauthenticated mail of one part, on the days looked at, against its habit. */
export class Measure {
  readonly days: readonly string[];
  readonly spans: readonly string[][];
  readonly habit: (last: string) => Trickle;
  readonly level: number;
  /** The first day of the open finding; null without one. */
  readonly #begun: string | null;
  readonly #totals: Map<string, Harm>;

  constructor(
    window: DomainWindow,
    part: Part,
    concerned: readonly Concerned[],
    { open, from, settled }: { open: KnownFinding | undefined; from: string; settled: string },
  ) {
    this.days = daysBetween(from, window.today).filter((day) => day > settled);
    this.spans = spansOf(this.days);
    const stays = open ? { until: earlier(open.first_day, from), usual: open.evidence.usual ?? null } : null;
    this.habit = habitsOf(window, part, stays);
    this.level = open ? STILL : levelOf(window.budget, TESTS);
    this.#begun = open?.first_day ?? null;
    this.#totals = totalsOf(concerned, othersOf(window, part));
  }

  /**
   * How likely habit alone brings as much on these days, in a row. What holds an open finding is too little
   * on the days before it: else it would begin earlier at its second look, on the trickle.
   */
  tail(days: readonly string[]): number {
    const n = this.sum(days).messages;
    const held = this.#begun !== null && days.at(-1)! >= this.#begun;
    if (n < (held ? HOLD : LEAST_TOGETHER)) return 1;
    const { mean, k } = this.habit(days.at(-1)!).expected(days);
    return countTail(n, mean, k);
  }

  sum(days: readonly string[]): Harm {
    const sum = { messages: 0, delivered: 0 };
    for (const day of days) {
      const of = this.#totals.get(day);
      if (of === undefined) continue;
      sum.messages += of.messages;
      sum.delivered += of.delivered;
    }
    return sum;
  }

  /**
   * Messages a day, of the days that brought any from one day until another, which is not counted; 0 without
   * such a day.
   */
  meanBetween(first: string, until: string): number {
    const days = this.days.filter((day) => day >= first && day < until && this.#totals.has(day));
    return days.length === 0 ? 0 : this.sum(days).messages / days.length;
  }

  /** The spans that are too much for habit. */
  rising(): readonly string[][] {
    return this.spans.filter((span) => this.tail(span) < this.level);
  }

  /** What these days brought beyond habit. */
  beyond(days: readonly string[]): Harm {
    const { messages, delivered } = this.sum(days);
    if (messages === 0) return { messages: 0, delivered: 0 };
    const beyond = Math.max(0, messages - this.habit(days.at(-1)!).expected(days).mean);
    return { messages: beyond, delivered: (delivered * beyond) / messages };
  }

  /**
   * The days that it rose on, from the first to the last, without days of mere habit before and after: those
   * that are much by themselves, or, where that would leave out much of it, all of the span that brought
   * most.
   */
  range(): Range | null {
    const [most, ...others] = this.rising();
    if (most === undefined) return null;
    const span = others.reduce((a, b) => (this.beyond(b).messages > this.beyond(a).messages ? b : a), most);
    const risen = this.days.filter((day) => this.tail([day]) < STILL);
    const whole = this.#between(risen);
    const enough = this.beyond(span).messages * NEARLY <= (whole.length === 0 ? 0 : this.beyond(whole).messages);
    if (enough) return { first: whole[0]!, last: whole.at(-1)! };
    const all = this.#between([...risen, ...span].sort());
    const mail = (day: string) => this.sum([day]).messages;
    const more = all.filter((day) => mail(day) > this.habit(day).expected([day]).mean);
    const told = more.length > 0 ? more : all.filter((day) => mail(day) > 0);
    return { first: told[0]!, last: told.at(-1)! };
  }

  #between(some: readonly string[]): string[] {
    return some.length === 0 ? [] : this.days.filter((day) => day >= some[0]! && day <= some.at(-1)!);
  }
}
