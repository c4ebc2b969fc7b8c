import { addDays } from '../../shared/days.ts';
import type { SourceDay } from '../../store/analysis/window-reads.ts';
import { type Counts, type SourceWindow, total } from '../rules/window.ts';
import { isNetwork } from './network.ts';

/** So many days after the last mail that passed, what comes is a return. */
const QUIET_DAYS = 14;
/** Days for which what returned is news. */
export const RETURN_DAYS = 14;
/** So many days and messages, this far back, show what its mail was like: this part of it was signed. */
const DAYS = 7;
const LOOK_BACK = 180;
const MESSAGES = 50;
const SIGNED = 0.95;
/** At most this part of what comes now is signed. */
const STILL_SIGNED = 0.1;
/** This part of it passes. */
const PASSING = 0.8;
/** And at most this part bears a signature of ours that does not verify: that is our own server. */
const BROKEN = 0.2;

/** Mail that came back without its signature. */
interface UnsignedReturn {
  /** The last day before, and the first of the mail that came back. */
  last_before: string;
  since: string;
  /** What passed before, and since. */
  before: Counts;
  after: Counts;
}

/** Of a window of a source, what says whether it came back. */
type Seen = Pick<SourceWindow, 'source' | 'sender' | 'rows' | 'past'>;

/**
 * A source that was silent for weeks after nearly all of its mail was signed, and whose mail passes by SPF
 * alone since it is back: an address that was let go and is still in the SPF record, or a server of ours that
 * was set up anew without its key. Null of one that sends with its signature as before, that never had one,
 * or that was not away. The pools of a service come and go, and are nobody's to let go.
 */
export function unsignedReturn({ source, sender, rows: recent, past = [] }: Seen): UnsignedReturn | null {
  if (!isNetwork(source) || (sender !== null && sender.kind !== 'hosting')) return null;
  const rows = [...past, ...recent];
  const passing = rows.filter(({ passed }) => passed > 0);
  const days = [...new Set(passing.map(({ day }) => day))].sort();
  const at = lastReturn(days);
  if (at < DAYS) return null;
  const [since, last_before] = [days[at]!, days[at - 1]!];
  const before = total(passing.filter(({ day }) => day < since && day >= addDays(last_before, -LOOK_BACK)));
  const after = total(rows.filter(({ day }) => day >= since));
  if (before.passed < MESSAGES || before.dkim_aligned < SIGNED * before.passed) return null;
  if (after.dkim_aligned > STILL_SIGNED * after.passed || after.passed < PASSING * after.messages) return null;
  return after.dkim_broken > BROKEN * after.passed ? null : { last_before, since, before, after };
}

/**
 * Whether rows of a window may show the end of such a return, so that what the source sent before the window
 * is worth a look: it passes by SPF alone after a silence.
 * @param from first day of the window
 */
export function mayReturn(rows: readonly SourceDay[], from: string): boolean {
  const passing = rows.filter(({ passed }) => passed > 0);
  const days = [...new Set([addDays(from, -1), ...passing.map(({ day }) => day)])].sort();
  const at = lastReturn(days);
  if (at < 1) return false;
  const after = total(passing.filter(({ day }) => day >= days[at]!));
  return after.dkim_aligned <= STILL_SIGNED * after.passed;
}

/** Which of the days, oldest first, is the last that follows a silence; -1: none does. */
function lastReturn(days: readonly string[]): number {
  return days.findLastIndex((day, i) => i > 0 && days[i - 1]! <= addDays(day, -QUIET_DAYS));
}
