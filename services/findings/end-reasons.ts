import { z } from 'zod';

const day = z.string();
const days = z.number();

/** Why a finding is over, or a sender no longer part of one. */
const simpleEnding = z.discriminatedUnion('reason', [
  /** The source's mail passes (again). */
  z.object({ reason: z.literal('passes'), since: day }),
  z.object({ reason: z.literal('passes_again'), since: day }),
  /** Report days without such mail; `unusual`: beyond what is usual. */
  z.object({ reason: z.literal('no_such_mail'), days, unusual: z.boolean().optional() }),
  z.object({ reason: z.literal('no_failing_mail'), days }),
  z.object({ reason: z.literal('no_passing_mail'), days }),
  z.object({ reason: z.literal('no_mail'), days }),
  z.object({ reason: z.literal('no_such_report'), days }),
  /** A person's list of senders decides. */
  z.object({ reason: z.literal('denied') }),
  z.object({ reason: z.literal('no_longer_denied') }),
  /** All networks of forged mail are denied, and the policy keeps what they send out of the inbox. */
  z.object({ reason: z.literal('denied_kept_out'), p: z.string() }),
  z.object({ reason: z.literal('listed') }),
  /** Another finding has taken its place. */
  z.object({ reason: z.literal('regressed') }),
  /** Its networks are senders of the domain's. */
  z.object({ reason: z.literal('own_sender') }),
  z.object({ reason: z.literal('no_longer_new'), days }),
  /** It turned out to be part of a sender that was known before. */
  z.object({ reason: z.literal('joined'), sender: z.string() }),
  z.object({ reason: z.literal('usual_again'), since: day }),
  z.object({ reason: z.literal('verdicts_agree'), days, until: day }),
  z.object({ reason: z.literal('reports_again'), since: day }),
  z.object({ reason: z.literal('readable_again'), days }),
  /** Enough people are there again for all requests, or none waits. */
  z.object({ reason: z.literal('decidable_again') }),
  z.object({ reason: z.literal('grants_ended') }),
  z.object({ reason: z.literal('egress_followed') }),
  /** The milter could judge all mail for so long. */
  z.object({ reason: z.literal('all_judged'), hours: z.number() }),
  z.object({ reason: z.literal('dns_restored') }),
  /**
   * A DNS record is as it was; or it has been as it is for so long that somebody meant it, or its mail ended.
   */
  z.object({ reason: z.literal('record_restored'), since: day }),
  z.object({ reason: z.literal('record_kept'), days }),
  /** It is as mail-guard.yaml declares, or that declares nothing of it any more. */
  z.object({ reason: z.literal('as_declared'), since: day }),
  z.object({ reason: z.literal('not_declared') }),
  /**
   * Of what the logs show: mail is signed again, the workload is declared now, the key is there, signatures
   * verify.
   */
  z.object({ reason: z.literal('signed_again'), since: day }),
  z.object({ reason: z.literal('workload_declared') }),
  z.object({ reason: z.literal('not_expected') }),
  z.object({ reason: z.literal('key_published'), since: day }),
  z.object({ reason: z.literal('verifies_again'), since: day }),
  /** Of what the logs show: no such mail for so many days; or they show the source's mail. */
  z.object({ reason: z.literal('sent_no_more'), days }),
  z.object({ reason: z.literal('in_logs_again'), since: day }),
  /**
   * A name that looks like the domain is ours, is nobody's, accepts no mail, or somebody said that it does
   * not matter.
   */
  z.object({ reason: z.literal('lookalike_yours') }),
  z.object({ reason: z.literal('lookalike_gone') }),
  z.object({ reason: z.literal('lookalike_without_mail') }),
  z.object({ reason: z.literal('lookalike_ignored'), by: z.string(), why: z.string() }),
  z.object({ reason: z.literal('server_answers'), since: day }),
  z.object({ reason: z.literal('server_gone') }),
  z.object({ reason: z.literal('policy_restored'), tags: z.array(z.string()), since: day }),
  z.object({ reason: z.literal('policy_unknown') }),
  /** A policy stops the failing mail that nothing had stopped. */
  z.object({ reason: z.literal('policy_stops'), p: z.string() }),
  /** `next` is the policy that was the next step and is none now; absent where it was published. */
  z.object({ reason: z.literal('policy_not_ready'), p: z.string(), next: z.string().optional() }),
  z.object({ reason: z.literal('bimi_not_ready') }),
  z.object({ reason: z.literal('confirmed') }),
  z.object({ reason: z.literal('reporters_decide') }),
  z.object({ reason: z.literal('unrepeated'), days }),
  /** No sender of an incident fails. */
  z.object({ reason: z.literal('none_fails') }),
  /** A person closed it. */
  z.object({ reason: z.literal('closed'), by: z.string(), why: z.string() }),
  /** What an older version stored as a sentence. */
  z.object({ reason: z.literal('stated'), text: z.string() }),
]);

export const endingSchema = z.union([
  simpleEnding,
  /** All senders of an incident are over, for several reasons: that of the largest. */
  z.object({ reason: z.literal('all_recovered'), senders: z.number(), largest: simpleEnding }),
]);

export type Ending = z.output<typeof endingSchema>;

/** Reasons that are a person's word on a source, and no evidence: they hold for as long as the word does. */
const DECIDED: ReadonlySet<Ending['reason']> = new Set(['denied', 'denied_kept_out', 'no_longer_denied', 'listed']);

/** Whether it is over because somebody approved or denied a source, or took that back. */
export const byDecision = (ended: Ending | undefined): boolean => ended !== undefined && DECIDED.has(ended.reason);

/**
 * Days without it, of what is over because it was not seen any more: whether anybody fixed it, nobody knows.
 */
export function unseenDays(ended: Ending): number | null {
  switch (ended.reason) {
    case 'no_such_mail':
    case 'no_failing_mail':
    case 'no_passing_mail':
    case 'no_mail':
    case 'no_such_report':
    case 'unrepeated':
    case 'sent_no_more':
      return ended.days;
    case 'all_recovered':
      return unseenDays(ended.largest);
    default:
      return null;
  }
}

/**
 * Whether its advice still tells what to do: an end that was seen, or decided, has answered it. What is
 * merely not seen any more may come again, and who closes a finding does not say what was done.
 */
export function adviceHolds(ended: Ending | undefined): boolean {
  if (ended === undefined || ended.reason === 'closed' || ended.reason === 'stated') return true;
  return unseenDays(ended) !== null;
}
