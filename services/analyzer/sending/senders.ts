import { declarationOf } from '../../dns/guard/senders.ts';
import { addDays, DAY_MS, dayOf, later } from '../../shared/days.ts';
import { groupBy } from '../../shared/group-by.ts';
import type { KnownFinding } from '../../store/findings/findings.ts';
import { type Sender, type SentDay, senderKey } from '../../store/sending/judged.ts';
import { type SendingWindow, settledUntil } from '../rules/window.ts';

/** Days for which mail that stopped is still what the workload does. */
export const GONE_DAYS = 7;
/** Findings of one kind that a domain may have about its workloads: names of users are workloads, too. */
export const MOST_SENDERS = 20;
const HOUR_MS = 3_600_000;
/** Words in names of environments whose mail nobody outside waits for. */
const REHEARSALS = new Set(
  'staging stage stg test testing tests dev devel development qa uat sandbox preview ci demo integration int preprod'.split(' '),
);

/** All that the logs show of one workload as the domain. */
export interface SenderMail {
  key: string;
  sender: Sender;
  rows: readonly SentDay[];
}

/** The workloads that send as the domain, the largest first. */
export function sendersOf({ days }: Pick<SendingWindow, 'days'>): SenderMail[] {
  return [...groupBy(days, senderKey)]
    .map(([key, rows]) => ({ key, sender: senderIn(rows[0]!), rows }))
    .sort((a, b) => messagesOf(b.rows) - messagesOf(a.rows) || (a.key < b.key ? -1 : 1));
}

export function senderIn({ cluster, environment, workload }: Sender): Sender {
  return { cluster, environment, workload };
}

export function messagesOf(rows: readonly Pick<SentDay, 'messages'>[]): number {
  return rows.reduce((n, { messages }) => n + messages, 0);
}

export const isSigned = ({ selector }: SentDay): boolean => selector !== '';
export const firstOf = (rows: readonly SentDay[]): Date => new Date(Math.min(...rows.map(({ first_at }) => first_at.getTime())));
export const lastOf = (rows: readonly SentDay[]): Date => new Date(Math.max(...rows.map(({ last_at }) => last_at.getTime())));

export const dayOfFirst = (rows: readonly SentDay[]): string => dayOf(firstOf(rows));
export const dayOfLast = (rows: readonly SentDay[]): string => dayOf(lastOf(rows));

/** YYYY-MM-DD HH:MM, UTC. */
export function minuteOf(at: Date): string {
  return at.toISOString().slice(0, 16).replace('T', ' ');
}

/** Whether an environment is one to try things in. Its mail is less severe than that of production. */
export function isRehearsal(environment: string, declared: SendingWindow['declared']): boolean {
  if (environment === '' || environment === declared?.reference) return false;
  const words = environment.toLowerCase().split(/[^a-z]+/);
  return words.some((word) => REHEARSALS.has(word)) || (words.includes('pre') && words.includes('prod'));
}

/** Whether mail-guard.yaml declares that a workload signs as the domain. */
export function isDeclaredToSign({ sender, rows }: SenderMail, { declared }: Pick<SendingWindow, 'declared'>): boolean {
  const names = [...new Set(rows.map(({ domain }) => domain))];
  return declared != null && names.some((domain) => declarationOf(declared, { ...sender, domain }).signs);
}

/** Whether mail-guard.yaml keeps the workload from all that it sends as: unauthorized_workload says so. */
export function isUndeclared({ sender, rows }: SenderMail, { declared }: Pick<SendingWindow, 'declared'>): boolean {
  if (declared == null || sender.workload === '') return false;
  return rows.every(({ domain }) => declarationOf(declared, { ...sender, domain }).verdict === 'undeclared');
}

/** The newest run of rows: days that are at most `apart` days from the next, back from the newest. */
export function episode(rows: readonly SentDay[], apart = 2): SentDay[] {
  const days = [...new Set(rows.map(({ day }) => day))].sort().reverse();
  const end = days.findIndex((day, n) => n > 0 && addDays(day, apart) < days[n - 1]!);
  const newest = new Set(end < 0 ? days : days.slice(0, end));
  return rows.filter(({ day }) => newest.has(day));
}

/**
 * Whether a fault is over: good mail an hour after the last bad one; for one that came on several days, as
 * many days after, so that what comes every night is one finding.
 */
export function isMended(bad: readonly SentDay[], good: readonly SentDay[]): boolean {
  if (bad.length === 0 || good.length === 0) return false;
  const days = new Set(bad.map(({ day }) => day)).size;
  const quiet = days === 1 ? HOUR_MS : Math.min(days, GONE_DAYS) * DAY_MS;
  return lastOf(good).getTime() - lastOf(bad).getTime() >= quiet;
}

/** Whether the last of the mail is so old that it has stopped. */
export function isGone(rows: readonly SentDay[], now: Date): boolean {
  return rows.length === 0 || dayOf(lastOf(rows)) < addDays(dayOf(now), -GONE_DAYS);
}

/**
 * The day up to which a kind is settled for a subject. What the logs show is newer than the newest report
 * day, on which findings end.
 */
export function closedUntil(known: readonly KnownFinding[], kind: string, subject: string): string {
  const closed = known.find((one) => one.kind === kind && one.subject === subject && one.state === 'resolved');
  return later(settledUntil(known, kind, subject), closed?.last_day ?? '');
}
