import type { Ending } from '../../findings/end-reasons.ts';
import { addDays, daysBetween, earlier } from '../../shared/days.ts';
import { publishedTag } from '../../shared/policy.ts';
import type { Severity } from '../../shared/severity.ts';
import type { SourceDay } from '../../store/analysis/window-reads.ts';
import type { Candidate, KnownFinding } from '../../store/findings/findings.ts';
import { recordsQuery } from '../../store/findings/kind-queries.ts';
import { isNetwork } from '../sources/network.ts';
import { relayedBy } from '../sources/relays.ts';
import { RETURN_DAYS, unsignedReturn } from '../sources/returned.ts';
import { certainty, witnesses } from '../statistics/confidence.ts';
import { Habit, Series } from '../statistics/habit.ts';
import { countTail, shareTail } from '../statistics/tails.ts';
import type { SourceRule } from './rule.ts';
import { silent } from './silence.ts';
import {
  coveredDays,
  isEvidence,
  openOf,
  reportersOf,
  rounded,
  type SourceWindow,
  settledUntil,
  signerOf,
  total,
} from './window.ts';

const KIND = 'unauthorized_source';
/** Days looked at, and report days without such mail after which it is over. */
const DAYS = 7;
/**
 * Grave from so many delivered messages on; or from so many unsigned ones that are most of what comes from
 * there.
 */
const MANY = 1000;
const MUCH = 100;
const SUMS = [1, 3, 7];
const LEAST = 20;
/**
 * Our own mail through it before: on so many days, so many messages, of which this share is as it should be.
 */
const OWN_DAYS = 7;
const OWN_MESSAGES = 50;
const CLEAN = 0.95;
/** It is this many times the noise that our mail has. */
const TIMES = 3;
/**
 * What is missing of our own mail may be this part of what is foreign: more of it, and it is our mail that
 * broke.
 */
const MISSING = 0.3;
/** And this part of it may have a broken signature of ours. */
const BROKEN = 0.2;
/** How a source's share of unsigned mail varies: Beta with this sum of parameters, as in weakened_sender. */
const PRIOR_SHARE = 40;
/** A span of days that brought this part of the most is the whole story. */
const NEARLY = 0.9;
/** How likely it is that a system or an account of our own sends it; more so one that was set up anew. */
const OURS = 0.2;
const OURS_ANEW = 0.3;
/**
 * How a service's share of foreign mail varies: Beta with twice this sum of parameters, as in
 * alignment_failure.
 */
const PRIOR_HALF = 10;
/** Before anything is known of the foreign mail: how bursty it is. */
const PRIOR_K = 1.5;
/** Services whose customers send: what else passes through a mailbox provider may be mail of recipients. */
const NOT_FOR_CUSTOMERS = new Set(['mailbox_provider', 'hosting', 'forwarder', 'mailing_list', 'security_gateway']);

/** Mail of somebody else beside our own, through the same service or network. */
interface Mix {
  /**
   * `foreign`: it authenticates as the service and not as the domain. `unsigned`: it passes by SPF alone,
   * which all customers of a shared network do, while our mail there is signed. `returned`: the same of a
   * source that was silent for weeks.
   */
  how: 'foreign' | 'unsigned' | 'returned';
  foreign(row: SourceDay): number;
  own(row: SourceDay): number;
}
const UNSIGNED: Mix = {
  how: 'unsigned',
  foreign: (row) => Math.max(0, row.passed - row.dkim_aligned),
  own: (row) => row.dkim_aligned,
};
const MIXES: readonly Mix[] = [
  { how: 'foreign', foreign: (row) => row.failed_authenticated, own: (row) => row.passed },
  UNSIGNED,
];

/**
 * Abuse of the domain through a service or a network that we use as well: our own mail goes on there as it
 * should be, and other mail comes beside it. A stranger's account at the same mail service signs as the
 * service and not as us; a stranger at the same hoster passes SPF, as the record allows the whole network
 * (RFC 7208 section 11.4), but cannot sign as us. The change of the mix is what shows it.
 * Or, where our own mail ended weeks before, that the signature is gone when mail comes again.
 *
 * Not for a sender of ours that broke: what fails is then missing among what passes.
 */
export const abusedSender: SourceRule = {
  kind: KIND,
  facts: 'abused_sender',
  scope: 'source',
  severity: ['medium', 'high'],
  tested: true,
  find,
  over,
};

interface Found {
  how: Mix['how'];
  days: readonly string[];
  chance: number;
  foreign(row: SourceDay): number;
  /** Of what returned: the last day of its mail before. */
  last_before?: string;
}

function find(window: SourceWindow): Candidate[] {
  const { source, listed, broken } = window;
  if (listed !== null || broken || window.rows.length === 0) return [];
  // What a denial opened is over with it: nothing of it is to be upheld on less evidence.
  const own = window.known.filter(({ evidence }) => evidence.facts?.rule !== 'denied_source');
  const open = openOf(own, KIND, source);
  const found = unsetAccount(window, open) ?? returned(window, open) ?? mixed(window, open);
  return found === null ? [] : [candidateOf(window, found, open)];
}

/** A source of a service that we use elsewhere, aligned, and of which nothing here is ours. */
function unsetAccount(window: SourceWindow, open: KnownFinding | undefined): Found | null {
  const { sender, uses } = window;
  if (!uses || sender === null || NOT_FOR_CUSTOMERS.has(sender.kind)) return null;
  const [mix] = MIXES as [Mix, ...Mix[]];
  const settled = settledUntil(window.known, KIND, window.source);
  const days = new Set(window.domainDays.map(({ day }) => day).filter((day) => day > settled));
  const rows = window.rows.filter(({ day }) => days.has(day));
  const sum = total(rows);
  if (2 * sum.failed_authenticated <= sum.messages || relayedBy(window, sum) !== null) return null;
  if (sum.failed_signed > BROKEN * sum.failed_authenticated) return null;
  const chance = shareTail(sum.failed_authenticated, sum.messages, PRIOR_HALF, PRIOR_HALF);
  if (!open && (sum.failed_authenticated < LEAST || chance >= window.level)) return null;
  return evidenceOf(window, { how: mix.how, foreign: mix.foreign, days: [...days].sort(), chance }, open);
}

/**
 * Unsigned mail of a source that was silent for weeks, and signed before: whoever rents an address that we
 * let go passes SPF while the record names it.
 */
function returned(window: SourceWindow, open: KnownFinding | undefined): Found | null {
  const { source, today } = window;
  const { foreign } = UNSIGNED;
  const told = open?.evidence.facts;
  const before = told?.rule === 'abused_sender' ? told.last_before : undefined;
  if (before !== undefined) {
    const still = stillIn(window, foreign, daysBetween(addDays(today, 1 - DAYS), today));
    return still && { ...still, how: 'returned', foreign, last_before: before };
  }
  const back = unsignedReturn(window);
  if (open || back === null || back.since < addDays(today, 1 - RETURN_DAYS)) return null;
  if (back.since <= settledUntil(window.known, KIND, source) || back.after.passed < LEAST) return null;
  const noise = back.before.passed - back.before.dkim_aligned;
  const mean = (noise + 0.5) / (back.before.passed + 1);
  const unsigned = back.after.passed - back.after.dkim_aligned;
  const chance = shareTail(unsigned, back.after.passed, mean * PRIOR_SHARE, (1 - mean) * PRIOR_SHARE);
  if (chance >= window.level) return null;
  const days = daysBetween(back.since, today);
  return evidenceOf(window, { how: 'returned', foreign, days, chance, last_before: back.last_before }, open);
}

/** Other mail that rises beside ours within one source. */
function mixed(window: SourceWindow, open: KnownFinding | undefined): Found | null {
  for (const mix of MIXES) {
    // On a server of our own there are no other customers: what it does not sign is its bounces and automatic
    // replies.
    if (mix.how === 'unsigned' && (!isNetwork(window.source) || window.ownByName === true)) continue;
    const settled = settledUntil(window.known, KIND, window.source);
    const days = daysBetween(addDays(window.today, 1 - DAYS), window.today).filter((day) => day > settled);
    const risen = risenIn(window, mix, days, open);
    const found = risen && evidenceOf(window, { ...risen, how: mix.how, foreign: mix.foreign }, open);
    if (found) return found;
  }
  return null;
}

/** The span of the newest days in which the foreign mail rose most, while ours went on. */
function risenIn(
  window: SourceWindow,
  { foreign, own }: Mix,
  days: readonly string[],
  open: KnownFinding | undefined,
): { days: readonly string[]; chance: number } | null {
  const from = open ? earlier(open.first_day, addDays(window.today, 1 - DAYS)) : addDays(window.today, 1 - DAYS);
  const base = window.attendance.habitBefore(from);
  const before = window.rows.filter(({ day }) => base.includes(day));
  const ours = before.reduce((n, row) => n + own(row), 0);
  const noise = before.reduce((n, row) => n + foreign(row), 0);
  if (new Set(before.map(({ day }) => day)).size < OWN_DAYS || ours < OWN_MESSAGES || ours < CLEAN * (ours + noise)) {
    return open ? stillIn(window, foreign, days) : null;
  }
  const habit = (of: (row: SourceDay) => number) => {
    const series = new Series();
    for (const row of before) series.add(row.reporter, row.day, of(row));
    return new Habit({ attendance: window.attendance, series, base, prior: PRIOR_K, robust: true });
  };
  const [foreignHabit, ownHabit] = [habit(foreign), habit(own)];
  const share = (noise + 0.5) / (ours + noise + 1);
  const risen: { days: readonly string[]; chance: number; beyond: number }[] = [];
  for (const span of SUMS.flatMap((n) => days.map((_, i) => days.slice(Math.max(0, i + 1 - n), i + 1)))) {
    const rows = window.rows.filter(({ day }) => span.includes(day));
    const n = rows.reduce((sum, row) => sum + foreign(row), 0);
    const passing = rows.reduce((sum, row) => sum + own(row), 0);
    const missing = Math.max(0, ownHabit.expected(span).mean - passing);
    const { mean, k } = foreignHabit.expected(span);
    const usual = Math.max(mean, share * (n + passing), 0.1);
    if (n < LEAST || n < TIMES * usual || missing > MISSING * n) continue;
    if (rows.reduce((sum, row) => sum + row.dkim_broken, 0) > BROKEN * n) continue;
    const chance = countTail(n, usual, k);
    if (chance < window.level / SUMS.length / DAYS) risen.push({ days: span, chance, beyond: n - usual });
  }
  // The shortest span that has nearly all of it: days of mere noise before it are no part of it.
  const most = Math.max(...risen.map(({ beyond }) => beyond));
  const best = risen.filter(({ beyond }) => beyond >= NEARLY * most).sort((a, b) => a.days.length - b.days.length)[0];
  return best ?? (open ? stillIn(window, foreign, days) : null);
}

/** An open finding goes on while such mail comes. */
function stillIn(window: SourceWindow, foreign: Mix['foreign'], days: readonly string[]) {
  const n = window.rows.reduce((sum, row) => sum + (days.includes(row.day) ? foreign(row) : 0), 0);
  return n < LEAST / 2 ? null : { days, chance: 1 };
}

/** Null while it is no evidence yet. */
function evidenceOf(window: SourceWindow, found: Found, open: KnownFinding | undefined): Found | null {
  const rows = rowsOf(window, found);
  const messages = rows.reduce((n, row) => n + found.foreign(row), 0);
  const seen = { messages, reporters: reportersOf(rows), days: new Set(rows.map(({ day }) => day)).size };
  return rows.length > 0 && (open || isEvidence(seen, window.domainDays, LEAST)) ? found : null;
}

function rowsOf(window: SourceWindow, { days, foreign }: Found): SourceDay[] {
  return window.rows.filter((row) => days.includes(row.day) && foreign(row) > 0);
}

function candidateOf(window: SourceWindow, found: Found, open: KnownFinding | undefined): Candidate {
  const { domain, source, sender } = window;
  const newest = rowsOf(window, found);
  // Of an open finding all is counted since it began.
  const since = newest.map(({ day }) => day).reduce(earlier, open?.first_day ?? newest[0]!.day);
  const rows = window.rows.filter((row) => row.day >= since && found.foreign(row) > 0);
  const messages = rows.reduce((n, row) => n + found.foreign(row), 0);
  const days = [...new Set(rows.map(({ day }) => day))].sort();
  const sum = total(rows);
  // What passes is delivered, unless somebody says otherwise; of a mixed day the fates are not distinguished.
  const delivered = Math.min(messages, found.how === 'foreign' ? sum.failed_delivered : sum.delivered);
  const last_day = days.at(-1)!;
  const of = Math.max(
    messages,
    window.rows.reduce((n, row) => n + (days.includes(row.day) ? row.messages : 0), 0),
  );
  return {
    kind: KIND,
    subject: source,
    severity: severityOf(delivered, found.how === 'unsigned' && 2 * delivered > of),
    confidence: certainty({
      chance: Math.min(found.chance, open?.evidence.chance ?? 1),
      otherwise: found.how === 'returned' ? OURS_ANEW : OURS,
      witnesses: witnesses(rows),
    }),
    first_day: since,
    last_day,
    evidence: {
      who: [{ source, messages, delivered }],
      senders: 1,
      messages,
      of,
      share: messages / of,
      per_day: messages / days.length,
      since,
      last_day,
      reporters: reportersOf(rows),
      chance: rounded(Math.min(found.chance, open?.evidence.chance ?? 1)),
      delivered,
      quarantined: found.how === 'foreign' ? Math.min(messages - delivered, sum.quarantined) : 0,
      rejected: found.how === 'foreign' ? Math.min(messages - delivered, sum.rejected) : 0,
      facts: {
        rule: 'abused_sender',
        how: found.how,
        service: sender?.name ?? null,
        signer: signerOf(rows),
        ...(window.owner != null && { owner: window.owner }),
        ...(found.last_before !== undefined && { last_before: found.last_before }),
        p: publishedTag(window.policy, 'p'),
      },
      query: recordsQuery({ domain, source, from: since, to: last_day, rows: found.how === 'foreign' ? 'failing' : 'all' }),
    },
  };
}

function over(finding: KnownFinding, window: SourceWindow): Ending | null {
  if (window.listed !== null) return { reason: 'listed' };
  if (window.broken) return { reason: 'regressed' };
  return silent(finding, coveredDays(window), DAYS) ? { reason: 'no_such_mail', days: DAYS, unusual: true } : null;
}

/** Somebody must look at it, however little came through; it may yet be our own, so it is never critical. */
function severityOf(delivered: number, most: boolean): Severity {
  return delivered >= (most ? MUCH : MANY) ? 'high' : 'medium';
}
