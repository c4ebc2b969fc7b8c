import { earlier } from '../../shared/days.ts';
import type { Severity } from '../../shared/severity.ts';
import { OTHER_SOURCES } from '../../store/rollups/allowance.ts';
import { certainty } from '../statistics/confidence.ts';
import { type DomainWindow, rounded } from '../window.ts';
import { type Harm, sumOf } from './networks.ts';
import type { Rise } from './rise.ts';

/** Networks named in the evidence. */
const WHO = 10;

/** The confidence, first day and numbers of a finding about a rise. */
export function numbersOf(window: DomainWindow, { told, others, open, again, days, usual, chance }: Rise) {
  const listed = told.flatMap((one) => one.days);
  const sum = sumOf([...listed, ...others.days]);
  const { messages } = sum;
  const named = told.filter(({ source }) => source !== OTHER_SOURCES);
  const networks = Math.max(1, named.length + others.networks);
  const dayList = [...new Set([...listed, ...others.days].map(({ day }) => day))].sort();
  const reporters = [...new Set(listed.flatMap((day) => day.reporters))].sort();
  const first = dayList[0]!;
  const since = again ?? (open ? earlier(open.first_day, first) : first);
  const last_day = dayList.at(-1)!;
  const of = Math.max(
    messages,
    window.reporterDays.reduce((n, row) => n + (days.includes(row.day) ? row.messages : 0), 0),
  );
  const seen = new Set(listed.flatMap((day) => day.reporters.map((r) => `${day.day} ${r}`))).size;
  // It was beyond habit when it was opened.
  const doubt = Math.min(chance, open?.evidence.chance ?? 1);
  return {
    confidence: certainty({ chance: doubt, witnesses: seen }),
    first,
    first_day: open ? earlier(open.first_day, since) : since,
    evidence: {
      who: named.slice(0, WHO).map((c) => ({ source: c.source, messages: c.messages, delivered: c.delivered })),
      senders: networks,
      messages,
      of,
      share: messages / of,
      per_day: messages / dayList.length,
      since,
      ...(again === undefined ? {} : { again }),
      last_day,
      reporters,
      usual,
      chance: rounded(doubt),
      delivered: sum.delivered,
      quarantined: sum.quarantined,
      rejected: sum.rejected,
    },
  };
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
