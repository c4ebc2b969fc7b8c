import type { Ending } from '../../findings/end-reasons.ts';
import { dayOf } from '../../shared/days.ts';
import type { Severity } from '../../shared/severity.ts';
import type { Candidate, KnownFinding } from '../../store/findings/findings.ts';
import { sendingQuery } from '../../store/findings/sending-queries.ts';
import type { SentDay } from '../../store/sending/judged.ts';
import { sendingCandidate, workloadRule } from '../sending/candidate.ts';
import {
  closedUntil,
  episode,
  firstOf,
  GONE_DAYS,
  isDeclaredToSign,
  isGone,
  isMended,
  isRehearsal,
  isSigned,
  isUndeclared,
  lastOf,
  messagesOf,
  minuteOf,
  type SenderMail,
  sendersOf,
} from '../sending/senders.ts';
import { openOf, type SendingWindow } from './window.ts';

const KIND = 'unsigned_mail';
/** Unsigned messages, nothing being signed since: fewer pass while a signer is restarted. */
const LEAST = 3;
/** Unsigned messages beside signed ones, and their share or how long they go on. */
const LEAST_BESIDE = 10;
const SHARE = 0.05;
const LASTS_MS = 30 * 60_000;
/** Signed messages that make a habit. */
const HABIT = 3;
/** How likely the lines of the signer are what is missing. */
const LOST_LINES = 0.05;

/**
 * A workload that signs sends mail without a signature of the domain to the outside. Bounces do not count,
 * nor do the few messages that pass while a signer is restarted.
 */
export const unsignedMail = workloadRule(KIND, { find: candidateOf, over });

/** The unsigned messages of now, and the signed ones. */
function partsOf({ rows }: SenderMail): { bad: SentDay[]; good: SentDay[] } {
  return { bad: episode(rows.filter((row) => !isSigned(row))), good: rows.filter(isSigned) };
}

function candidateOf(window: SendingWindow, mail: SenderMail): Candidate[] {
  const { known, now, domain } = window;
  const { bad, good } = partsOf(mail);
  if (bad.length === 0 || isMended(bad, good) || isGone(bad, now)) return [];
  if (isUndeclared(mail, window)) return [];
  const before = messagesOf(good);
  const declared = isDeclaredToSign(mail, window);
  if (before < HABIT && !declared) return [];
  const extent = good.length === 0 || lastOf(bad) > lastOf(good) ? 'all' : 'part';
  const since = bad.map(({ day }) => day).sort()[0]!;
  const of = messagesOf(mail.rows.filter(({ day }) => day >= since));
  const open = openOf(known, KIND, mail.key);
  if (open === undefined && !isEnough(window, mail, { bad, extent, of })) return [];
  return [
    sendingCandidate({
      kind: KIND,
      subject: mail.key,
      severity: severityOf(window, mail, { extent, before }),
      otherwise: LOST_LINES,
      rows: bad,
      since,
      more: { of, share: of === 0 ? 0 : messagesOf(bad) / of },
      facts: {
        rule: KIND,
        sender: mail.sender,
        extent,
        first_at: minuteOf(firstOf(bad)),
        last_at: minuteOf(lastOf(bad)),
        last_signed_at: good.length === 0 ? null : minuteOf(lastOf(good)),
        keys: keysOf(good),
        declared,
      },
      query: sendingQuery(domain, mail.sender, since),
    }),
  ];
}

/** Whether it is more than a hiccup, and newer than what was settled before. */
function isEnough(
  { known }: SendingWindow,
  mail: SenderMail,
  { bad, extent, of }: { bad: readonly SentDay[]; extent: 'all' | 'part'; of: number },
): boolean {
  const settled = closedUntil(known, KIND, mail.key);
  const fresh = bad.filter(({ day }) => day > settled);
  const messages = messagesOf(fresh);
  if (fresh.length === 0 || messages < LEAST) return false;
  if (extent === 'all') return true;
  const lasts = lastOf(fresh).getTime() - firstOf(fresh).getTime() >= LASTS_MS;
  return messages >= LEAST_BESIDE && (lasts || messages >= SHARE * of);
}

function severityOf(
  { declared }: SendingWindow,
  { sender }: SenderMail,
  { extent, before }: { extent: 'all' | 'part'; before: number },
): Severity {
  if (isRehearsal(sender.environment, declared)) return 'low';
  return extent === 'all' && before >= HABIT ? 'high' : 'medium';
}

/** The names of the keys of the newest day with signed mail, those with the most messages first. */
function keysOf(good: readonly SentDay[]): string[] {
  const newest = good
    .map(({ day }) => day)
    .sort()
    .at(-1);
  return [...good]
    .filter(({ day }) => day === newest)
    .sort((a, b) => b.messages - a.messages || (a.selector < b.selector ? -1 : 1))
    .map(({ selector, signing_domain }) => `${selector}._domainkey.${signing_domain}`)
    .slice(0, 5);
}

function over(finding: KnownFinding, window: SendingWindow): Ending | null {
  const mail = sendersOf(window).find(({ key }) => key === finding.subject);
  if (mail === undefined) return { reason: 'sent_no_more', days: GONE_DAYS };
  // It goes on as unauthorized_workload.
  if (isUndeclared(mail, window)) return { reason: 'not_expected' };
  const { bad, good } = partsOf(mail);
  if (isMended(bad, good)) return { reason: 'signed_again', since: dayOf(firstSince(good, bad)) };
  if (isGone(bad, window.now)) {
    const signs = good.length > 0 && !isGone(good, window.now);
    return signs ? { reason: 'signed_again', since: dayOf(lastOf(good)) } : { reason: 'sent_no_more', days: GONE_DAYS };
  }
  return null;
}

/** When mail was first seen good after the bad, as far as days show. */
function firstSince(good: readonly SentDay[], bad: readonly SentDay[]): Date {
  const after = good.filter(({ first_at }) => first_at > lastOf(bad));
  return after.length > 0 ? firstOf(after) : lastOf(good);
}
