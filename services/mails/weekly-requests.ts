import { dayOf } from '../shared/days.ts';
import { counted, number } from '../shared/format.ts';
import type { RequestWeek } from '../store/alerts/request-week.ts';
import { clean } from './plain-text.ts';

const MOST_OVERRIDES = 10;

/** Whether a week has something about requests that a person should look at. */
export function requestsAct(week: RequestWeek | null | undefined): boolean {
  return week != null && week.waiting + week.overrides.length > 0;
}

/**
 * What the digest says of requests: break-glass first, then what waits, how long decisions take, and the
 * audit chain's head.
 */
export function requestLines(week: RequestWeek | null | undefined): string[] {
  if (week == null) return [];
  const { waiting, oldest, decided, median_hours, overrides, head } = week;
  const listed = overrides.slice(0, MOST_OVERRIDES).map(({ request_key, domain, person, why, at }) => {
    const said = clean(why, 200);
    return `Break-glass: ${clean(person, 80)} approved request ${request_key} for ${clean(domain, 80)} alone on ${dayOf(at)}${said === '' ? '' : `: ${said.replace(/\.$/, '')}`}.`;
  });
  const more = overrides.length - listed.length;
  const open =
    waiting === 0
      ? 'No request waits for a decision.'
      : `${counted(waiting, 'request')} ${waiting === 1 ? 'waits' : 'wait'} for a decision${oldest === null ? '' : `, ${waiting === 1 ? '' : 'the oldest '}since ${dayOf(oldest)}`}: "ruawatch requests".`;
  const median =
    decided === 0 || median_hours === null
      ? ''
      : ` People decided ${counted(decided, 'request')}, in ${lasting(median_hours)}${decided === 1 ? '' : ' at the median'}.`;
  return [
    ...listed,
    ...(more > 0 ? [`Break-glass: ${number(more)} more.`] : []),
    `${open}${median}`,
    `Head of the audit chain: ${head}`,
  ];
}

/** "40 minutes", "4.5 hours", "3 days" */
export function lasting(hours: number): string {
  if (hours < 1) return counted(Math.max(1, Math.round(hours * 60)), 'minute');
  if (hours < 48) return counted(Math.round(hours * 10) / 10, 'hour');
  return counted(Math.round(hours / 24), 'day');
}
