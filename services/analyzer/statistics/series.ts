import type { Day } from '../rules/window.ts';

/** A day that contradicts a run breaks it only when it has at least this share of the run's mean volume. */
const STRAY = 0.1;
/** A good day: at least this share of the mail passes. */
const GOOD = 0.8;

/**
 * The unbroken run of mostly failing days that reaches to the newest one; empty when the newest does not
 * fail. A few stray messages that pass (a late queue, one recipient's forwarder) do not break it. `days` are
 * oldest first, without gaps filled in.
 */
export function failingRun(days: readonly Day[]): Day[] {
  let start = days.length;
  let volume = 0;
  let members = 0;
  for (let i = days.length - 1; i >= 0; i--) {
    const { passed, failed } = days[i]!;
    if (failed > passed) {
      start = i;
      volume += passed + failed;
      members++;
    } else if (members === 0 || passed + failed > (STRAY * volume) / members) {
      break;
    }
  }
  return days.slice(start);
}

/**
 * The day since which a source passes again after failing until `lastBad`: two days at least with ten
 * messages between them, and no bad day since. Null while that is not so.
 */
export function passesAgainSince(days: readonly Day[], lastBad: string): string | null {
  const since = days.filter((day) => day.day > lastBad);
  const firstGood = since.findLastIndex((day) => !isGood(day)) + 1;
  const run = since.slice(firstGood);
  const messages = run.reduce((n, day) => n + day.passed + day.failed, 0);
  return run.length >= 2 && messages >= 10 ? run[0]!.day : null;
}

function isGood(day: Day): boolean {
  return day.passed >= GOOD * (day.passed + day.failed);
}

type Shares = Pick<Day, 'passed' | 'failed'>;

/** Of two shares of failures against one common one, in logarithms; 0 where failures became fewer. */
export function likelihoodRatio(before: Shares, after: Shares): number {
  const ln = ({ passed, failed }: Shares) => {
    const n = passed + failed;
    const part = (some: number) => (some === 0 ? 0 : some * Math.log(some / n));
    return part(passed) + part(failed);
  };
  if (after.failed * (before.passed + before.failed) <= before.failed * (after.passed + after.failed)) return 0;
  return ln(before) + ln(after) - ln({ passed: before.passed + after.passed, failed: before.failed + after.failed });
}
