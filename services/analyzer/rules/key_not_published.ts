import { parseDkimKey } from '../../dns/dkim.ts';
import type { Ending } from '../../findings/end-reasons.ts';
import { dayOf } from '../../shared/days.ts';
import { groupBy } from '../../shared/group-by.ts';
import type { Severity } from '../../shared/severity.ts';
import type { Candidate, KnownFinding } from '../../store/findings/findings.ts';
import { signersQuery } from '../../store/findings/sending-queries.ts';
import type { SentDay } from '../../store/sending/judged.ts';
import { sendingCandidate } from '../sending/candidate.ts';
import {
  closedUntil,
  dayOfFirst,
  firstOf,
  GONE_DAYS,
  isGone,
  isRehearsal,
  isSigned,
  lastOf,
  messagesOf,
  minuteOf,
  senderIn,
  sendersOf,
} from '../sending/senders.ts';
import type { SendingRule } from './rule.ts';
import { openOf, type SendingWindow } from './window.ts';

const KIND = 'key_not_published';
/** Keys of one domain that findings are about, and signers that one names. */
const MOST_KEYS = 20;
const NAMED = 10;
/** Fewer messages are a trial of the new key before it is published. */
const FEW = 3;
/** How likely the answer of the authority is wrong. */
const MISTAKEN = 0.02;

/**
 * The logs show signatures with a key that DNS answered it does not have, or has revoked, after the first of
 * them. An answer that did not come says nothing, nor does one of before.
 */
export const keyNotPublished: SendingRule = {
  kind: KIND,
  scope: 'sending',
  severity: ['low', 'medium', 'high'],
  tested: false,
  find: (window) => [...keysOf(window)].flatMap(([name, rows]) => candidateOf(window, name, rows)).slice(0, MOST_KEYS),
  over,
};

/** The signed rows by the name of the key's record. */
export function keysOf({ days }: Pick<SendingWindow, 'days'>): Map<string, SentDay[]> {
  return groupBy(days.filter(isSigned), ({ selector, signing_domain }) => `${selector}._domainkey.${signing_domain}`);
}

/** What DNS answered of a key, and when; null: it was not asked, or gave no answer. */
export function publishedState(
  { published }: Pick<SendingWindow, 'published'>,
  name: string,
): { state: 'usable' | 'absent' | 'revoked'; at: Date } | null {
  const asked = published?.questions.find((one) => one.name === name && one.type === 'TXT');
  const at = asked?.answered_at;
  if (at == null || asked!.state === 'unknown') return null;
  const live = published!.records.filter((one) => one.name === name && one.type === 'TXT' && one.gone_at === null);
  // One empty answer may be that of a broken server; the record is gone with the second.
  if (asked!.state === 'absent') return live.length > 0 ? null : { state: 'absent', at };
  if (live.length === 0) return null;
  return { state: live.every(({ value }) => parseDkimKey(value).revoked) ? 'revoked' : 'usable', at };
}

function candidateOf(window: SendingWindow, name: string, all: readonly SentDay[]): Candidate[] {
  const { known, now, domain } = window;
  const answer = publishedState(window, name);
  if (answer === null || answer.state === 'usable' || isGone(all, now)) return [];
  const rows = since(window, name, all);
  // A key that was withdrawn when the last message had been signed with it is missed by nobody.
  if (rows.length === 0 || firstOf(rows) > answer.at) return [];
  const settled = closedUntil(known, KIND, name);
  const open = openOf(known, KIND, name);
  if (open === undefined && rows.every(({ day }) => day <= settled)) return [];
  // What reports showed before the logs did goes on as that.
  if (open === undefined && openOf(known, 'dkim_key_missing', name) !== undefined) return [];
  const signers = sendersOf({ days: rows });
  return [
    sendingCandidate({
      kind: KIND,
      subject: name,
      severity: severityOf(window, rows),
      otherwise: MISTAKEN,
      rows,
      facts: {
        rule: KIND,
        name,
        state: answer.state,
        first_at: minuteOf(firstOf(rows)),
        last_at: minuteOf(lastOf(rows)),
        asked_at: minuteOf(answer.at),
        signers: signers.slice(0, NAMED).map((one) => ({ ...senderIn(one.sender), messages: messagesOf(one.rows) })),
        signers_in_all: signers.length,
      },
      query: signersQuery(domain, rows[0]!.selector, dayOfFirst(rows)),
    }),
  ];
}

/** The mail since the key is gone; all of it when DNS was never seen to have it. */
function since({ published }: SendingWindow, name: string, rows: readonly SentDay[]): SentDay[] {
  const gone = (published?.records ?? []).filter((one) => one.name === name && one.gone_at !== null).map((one) => one.gone_at!);
  if (gone.length === 0) return [...rows];
  const newest = new Date(Math.max(...gone.map((at) => at.getTime())));
  return rows.filter(({ last_at }) => last_at > newest);
}

function severityOf({ declared }: SendingWindow, rows: readonly SentDay[]): Severity {
  if (messagesOf(rows) < FEW || rows.every(({ environment }) => isRehearsal(environment, declared))) return 'low';
  const real = rows.filter(({ environment }) => !isRehearsal(environment, declared));
  return messagesOf(real) < FEW ? 'medium' : 'high';
}

function over(finding: KnownFinding, window: SendingWindow): Ending | null {
  const rows = keysOf(window).get(finding.subject) ?? [];
  const answer = publishedState(window, finding.subject);
  if (answer?.state === 'usable') return { reason: 'key_published', since: dayOf(answer.at) };
  return isGone(rows, window.now) ? { reason: 'sent_no_more', days: GONE_DAYS } : null;
}
