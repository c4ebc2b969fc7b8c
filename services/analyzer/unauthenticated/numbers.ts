import { addDays, earlier } from '../../shared/days.ts';
import type { Severity } from '../../shared/severity.ts';
import { OTHER_SOURCES } from '../../store/rollups/allowance.ts';
import { type DomainWindow, rounded } from '../rules/window.ts';
import { certainty } from '../statistics/confidence.ts';
import { type Harm, sumOf } from './networks.ts';
import { UNAUTHORIZED_DAYS } from './part.ts';
import type { Rise } from './rise.ts';

/** Networks named in the evidence. */
const WHO = 10;

/** The confidence, first day and numbers of a finding about a rise. */
export function numbersOf(window: DomainWindow, { told, others, open, again, days, usual, chance }: Rise) {
  const listed = told.flatMap((one) => one.days);
  const sum = sumOf([...listed, ...others.days]);
  const named = told.filter(({ source }) => source !== OTHER_SOURCES);
  const networks = Math.max(1, named.length + others.networks);
  const dayList = [...new Set([...listed, ...others.days].map(({ day }) => day))].sort();
  const reporters = [...new Set(listed.flatMap((day) => day.reporters))].sort();
  const first = dayList[0]!;
  const since = again ?? (open ? earlier(open.first_day, first) : first);
  const last_day = dayList.at(-1)!;
  const seen = new Set(listed.flatMap((day) => day.reporters.map((r) => `${day.day} ${r}`))).size;
  // It was beyond habit when it was opened.
  const doubt = Math.min(chance, open?.evidence.chance ?? 1);
  const before =
    open && since === open.evidence.since && since < addDays(window.today, 1 - UNAUTHORIZED_DAYS) ? open.evidence : null;
  const counted =
    before === null
      ? sum
      : withEarlier(before, sumOf([...listed, ...others.days].filter(({ day }) => day > before.last_day)), sum);
  const { messages } = counted;
  const of = Math.max(
    messages,
    window.reporterDays.reduce(
      (n, row) => n + (row.day >= since && (before !== null || days.includes(row.day)) ? row.messages : 0),
      0,
    ),
  );
  const ranked = rankedOf(named, before);
  return {
    confidence: certainty({ chance: doubt, witnesses: seen }),
    first,
    first_day: open ? earlier(open.first_day, since) : since,
    evidence: {
      who: ranked.slice(0, WHO),
      senders: Math.max(networks, ranked.length, before?.senders ?? 0),
      messages,
      of,
      share: messages / of,
      per_day: sum.messages / dayList.length,
      since,
      ...(again === undefined ? {} : { again }),
      last_day,
      reporters,
      usual,
      chance: rounded(doubt),
      delivered: counted.delivered,
      quarantined: counted.quarantined,
      rejected: counted.rejected,
    },
  };
}

/**
 * The networks by their messages, with what was reported of them before, and those that are no longer among
 * them.
 */
function rankedOf(named: Rise['told'], before: Before | null) {
  const who = named.map((c) => {
    const was = before?.who.find(({ source }) => source === c.source);
    const fresh = was && sumOf(c.days.filter(({ day }) => day > before!.last_day));
    return {
      source: c.source,
      messages: Math.max(c.messages, was ? was.messages + fresh!.messages : 0),
      delivered: Math.max(c.delivered, was ? (was.delivered ?? 0) + fresh!.delivered : 0),
    };
  });
  const gone = (before?.who ?? []).filter(({ source }) => !named.some((c) => c.source === source));
  return [...who, ...gone.map(({ source, messages, delivered = 0 }) => ({ source, messages, delivered }))].sort(
    (x, y) => y.messages - x.messages || (x.source < y.source ? -1 : 1),
  );
}

type Before = NonNullable<Rise['open']>['evidence'];
type Sum = Pick<ReturnType<typeof sumOf>, 'messages' | 'delivered' | 'quarantined' | 'rejected'>;

/**
 * What was reported before and what came since: the networks' days reach back a week, and a finding may be
 * older.
 */
function withEarlier(before: Sum, since: Sum, week: Sum): Sum {
  const both = (name: keyof Sum) => before[name] + since[name];
  const messages = both('messages');
  if (messages < week.messages) return week;
  return { messages, delivered: both('delivered'), quarantined: both('quarantined'), rejected: both('rejected') };
}

/**
 * Harm is what reached people: a campaign that receivers turned away is worth knowing, not worth waking up
 * for. More messages or more of them delivered never make it milder, whatever share was delivered.
 */
export function severityOf({ messages, delivered }: Harm): Severity {
  if (delivered >= 1000) return 'critical';
  if (delivered >= 100) return 'high';
  if (messages >= 1000 || delivered >= 20) return 'medium';
  return 'low';
}
