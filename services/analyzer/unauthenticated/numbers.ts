import { addDays, earlier } from '../../shared/days.ts';
import type { Severity } from '../../shared/severity.ts';
import { stated, wilson, witnessed } from '../statistics/confidence.ts';
import type { DomainWindow } from '../window.ts';
import { sumOf } from './networks.ts';
import { UNAUTHORIZED_DAYS } from './part.ts';
import type { Rise } from './rise.ts';

/** Networks named in the evidence. */
const WHO = 10;

/** The confidence, first day and numbers of a finding about a rise. */
export function numbersOf(window: DomainWindow, { told, others, open, days, usual, chance }: Rise) {
  const sum = sumOf(told.flatMap((one) => one.days));
  const messages = sum.messages + others.failed;
  const networks = told.length + others.networks;
  const dayList = [...new Set(told.flatMap((one) => one.days.map((day) => day.day)))].sort();
  const reporters = [...new Set(told.flatMap((one) => one.days.flatMap((day) => day.reporters)))].sort();
  const first = dayList[0]!;
  const since = open ? earlier(open.first_day, first) : first;
  const last_day = dayList.at(-1)!;
  const again = open && first > addDays(open.last_day, UNAUTHORIZED_DAYS) ? first : open?.evidence.again;
  const of = Math.max(
    messages,
    window.reporterDays.reduce((n, row) => n + (days.includes(row.day) ? row.messages : 0), 0),
  );
  const seen = new Set(told.flatMap((one) => one.days.flatMap((day) => day.reporters.map((r) => `${day.day} ${r}`)))).size;
  return {
    confidence: stated(wilson(sum.messages, sum.messages + sum.passed) * witnessed(seen)),
    first,
    evidence: {
      who: told.slice(0, WHO).map((c) => ({ source: c.source, messages: c.messages, delivered: c.delivered })),
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
      chance,
      delivered: sum.delivered,
      quarantined: sum.quarantined,
      rejected: sum.rejected,
    },
  };
}

/**
 * Harm is what reached people: a campaign that receivers turned away is worth knowing, not worth waking up
 * for.
 */
export function severityOf(messages: number, delivered: number): Severity {
  const share = delivered / messages;
  if (delivered >= 1000 && share >= 0.5) return 'critical';
  if (delivered >= 100 && share >= 0.2) return 'high';
  if (messages >= 1000 || delivered >= 20) return 'medium';
  return 'low';
}
