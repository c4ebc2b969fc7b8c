/** The day on which every simulation ends: the last on which mails arrive and the analyzer runs. */
const LAST_DAY = '2026-06-30';
/** Hour (UTC) at which the analyzer runs each day, after the day's mails. */
const TICK_HOUR = 18;
const DAY = 86_400;
const LATER_MS = 20 * 60_000;

/**
 * The simulated time. Report days are numbered from 0 to `days` - 1. What is reported of day d arrives on day
 * d + 1 or later; at tick t (1 to `days`) all mails that arrived until day t 18:00 UTC are in the store, and
 * the analyzer runs with that as its clock.
 */
export class Calendar {
  readonly days: number;
  readonly #start: number;

  constructor(days: number) {
    this.days = days;
    this.#start = Date.parse(`${LAST_DAY}T00:00:00Z`) / 1000 - days * DAY;
  }

  /** Seconds since the epoch at the begin of a report day, UTC. */
  midnight(day: number): number {
    return this.#start + day * DAY;
  }

  /** YYYY-MM-DD */
  text(day: number): string {
    return new Date(this.midnight(day) * 1000).toISOString().slice(0, 10);
  }

  isWeekend(day: number): boolean {
    return [0, 6].includes(new Date(this.midnight(day) * 1000).getUTCDay());
  }

  /** The analyzer's clock at a tick. */
  clock(tick: number): Date {
    return new Date((this.midnight(tick) + TICK_HOUR * 3600) * 1000);
  }

  /** Some minutes after a tick, when what the enricher asked for is there. */
  later(tick: number): Date {
    return new Date(this.clock(tick).getTime() + LATER_MS);
  }

  /** Some minutes before a tick. */
  before(tick: number, minutes: number): Date {
    return new Date(this.clock(tick).getTime() - minutes * 60_000);
  }

  /**
   * The first tick that sees a mail that arrives then (seconds since the epoch); past the end, one that is
   * never run.
   */
  tickOf(arrives: number): number {
    return Math.ceil((arrives - this.#start - TICK_HOUR * 3600) / DAY);
  }

  /** The tick at which something was written, by its clock. */
  tickAt(time: Date): number {
    return Math.floor((time.getTime() / 1000 - this.#start) / DAY);
  }

  /** The number of a report day, YYYY-MM-DD. */
  dayOf(text: string): number {
    return Math.round((Date.parse(`${text}T00:00:00Z`) / 1000 - this.#start) / DAY);
  }
}
