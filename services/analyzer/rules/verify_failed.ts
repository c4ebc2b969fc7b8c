import type { Ending } from '../../findings/end-reasons.ts';
import { withoutMail } from '../../findings/figures.ts';
import { addDays, dayOf } from '../../shared/days.ts';
import type { Candidate, KnownFinding } from '../../store/findings/findings.ts';
import { sendingQuery } from '../../store/findings/sending-queries.ts';
import { type Sender, type SentDay, senderKey, type VerifiedDay } from '../../store/sending/judged.ts';
import { closedUntil, GONE_DAYS, isRehearsal, isSigned, MOST_SENDERS, minuteOf, senderIn } from '../sending/senders.ts';
import { certainty } from '../statistics/confidence.ts';
import type { SendingRule } from './rule.ts';
import { openOf, type SendingWindow } from './window.ts';

const KIND = 'verify_failed';
/** Days that are judged together, and messages that are no accident of one mail. */
const DAYS = 2;
const LEAST = 3;
/** The part of what our own verifier looked at: less are single mails that something changed on the way. */
const SHARE = 0.5;
/** The part of the signed mail that receivers refused. */
const REFUSED = 0.02;
/** How likely something else broke the mail before it was verified. */
const ALTERED = 0.05;
const NAMED = 5;

/**
 * Signatures of our own do not verify: by our own verifier, for mail that the logs show to be signed by us
 * and to come from own networks, or in the words of receivers that refused it. Anybody can send a broken
 * signature in our name; only what the logs know counts.
 */
export const verifyFailed: SendingRule = {
  kind: KIND,
  scope: 'sending',
  severity: ['low', 'medium', 'high'],
  tested: false,
  find: (window) =>
    signersOf(window)
      .flatMap((one) => candidateOf(window, one))
      .slice(0, MOST_SENDERS),
  over,
};

/** What is known of the newest days of one workload's signatures. */
interface Signer {
  key: string;
  sender: Sender;
  verified: readonly VerifiedDay[];
  sent: readonly SentDay[];
  failed: number;
  passed: number;
  refused: number;
  messages: number;
}

function signersOf({ verified, days, now }: SendingWindow): Signer[] {
  const from = addDays(dayOf(now), 1 - DAYS);
  const rows = {
    verified: verified.filter(({ day }) => day >= from),
    sent: days.filter((row) => row.day >= from && isSigned(row)),
  };
  const senders = new Map<string, Sender>();
  for (const row of [...rows.verified, ...rows.sent]) senders.set(senderKey(row), senderIn(row));
  return [...senders].map(([key, sender]) => {
    const own = rows.verified.filter((row) => senderKey(row) === key);
    const sent = rows.sent.filter((row) => senderKey(row) === key);
    const sum = <Row>(some: readonly Row[], count: (row: Row) => number) => some.reduce((n, row) => n + count(row), 0);
    return {
      key,
      sender,
      verified: own,
      sent,
      failed: sum(own, (row) => row.failed),
      passed: sum(own, (row) => row.passed),
      refused: sum(sent, (row) => row.refused_dmarc),
      messages: sum(sent, (row) => row.messages),
    };
  });
}

const failsHere = ({ failed, passed }: Signer): boolean => failed >= LEAST && failed >= SHARE * (failed + passed);
const isRefused = ({ refused, messages }: Signer): boolean => refused >= LEAST && refused >= REFUSED * messages;

function candidateOf(window: SendingWindow, one: Signer): Candidate[] {
  if (!failsHere(one) && !isRefused(one)) return [];
  const { known, domain, declared } = window;
  const bad = badDays(one);
  const since = bad[0]!.day;
  const last = bad.at(-1)!.day;
  if (openOf(known, KIND, one.key) === undefined && last <= closedUntil(known, KIND, one.key)) return [];
  const refusal = one.refused === 0 ? undefined : window.refusals.get(one.key);
  const rehearsal = isRehearsal(one.sender.environment, declared);
  return [
    {
      kind: KIND,
      subject: one.key,
      severity: rehearsal ? 'low' : isRefused(one) ? 'high' : 'medium',
      confidence: certainty({ otherwise: ALTERED }),
      first_day: since,
      last_day: last,
      evidence: {
        ...withoutMail(since, last),
        messages: one.failed + one.refused,
        of: Math.max(one.messages, one.failed + one.passed, one.failed + one.refused),
        rejected: one.refused,
        facts: {
          rule: KIND,
          sender: one.sender,
          name: bad.at(-1)!.name,
          first_at: minuteOf(bad[0]!.at),
          last_at: minuteOf(bad.at(-1)!.last),
          failed: one.failed,
          verified: one.failed + one.passed,
          refused: one.refused,
          receivers: (refusal?.receivers ?? []).slice(0, NAMED),
          words: refusal?.words ?? null,
        },
        query: sendingQuery(domain, one.sender, since),
      },
    },
  ];
}

/** When signatures failed, oldest first. */
function badDays({ verified, sent }: Signer): { day: string; name: string; at: Date; last: Date }[] {
  const nameOf = (row: { selector: string; signing_domain: string }) => `${row.selector}._domainkey.${row.signing_domain}`;
  const here = verified.flatMap((row) =>
    row.first_failed_at === null
      ? []
      : [{ day: row.day, name: nameOf(row), at: row.first_failed_at, last: row.last_failed_at ?? row.first_failed_at }],
  );
  const there = sent.flatMap((row) =>
    row.refused_dmarc === 0 ? [] : [{ day: row.day, name: nameOf(row), at: row.first_at, last: row.last_at }],
  );
  return [...here, ...there].sort((a, b) => a.at.getTime() - b.at.getTime());
}

function over(finding: KnownFinding, window: SendingWindow): Ending | null {
  const one = signersOf(window).find(({ key }) => key === finding.subject);
  if (one === undefined || one.messages + one.failed + one.passed === 0) {
    const sends = window.days.some(
      (row) => senderKey(row) === finding.subject && row.day >= addDays(dayOf(window.now), -GONE_DAYS),
    );
    return sends ? null : { reason: 'sent_no_more', days: GONE_DAYS };
  }
  if (failsHere(one) || isRefused(one)) return null;
  return { reason: 'verifies_again', since: dayOf(window.now) };
}
