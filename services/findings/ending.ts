import { z } from 'zod';
import { counted, list, short } from '../shared/format.ts';

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
  z.object({ reason: z.literal('listed') }),
  /** Another finding has taken its place. */
  z.object({ reason: z.literal('regressed') }),
  z.object({ reason: z.literal('no_longer_new'), days }),
  /** It turned out to be part of a sender that was known before. */
  z.object({ reason: z.literal('joined'), sender: z.string() }),
  z.object({ reason: z.literal('usual_again'), since: day }),
  z.object({ reason: z.literal('verdicts_agree'), days, until: day }),
  z.object({ reason: z.literal('reports_again'), since: day }),
  z.object({ reason: z.literal('readable_again'), days }),
  z.object({ reason: z.literal('dns_restored') }),
  /** A DNS record is as it was; or it has been as it is for so long that somebody meant it, or its mail ended. */
  z.object({ reason: z.literal('record_restored'), since: day }),
  z.object({ reason: z.literal('record_kept'), days }),
  /** It is as mail-guard.yaml declares, or that declares nothing of it any more. */
  z.object({ reason: z.literal('as_declared'), since: day }),
  z.object({ reason: z.literal('not_declared') }),
  z.object({ reason: z.literal('server_answers'), since: day }),
  z.object({ reason: z.literal('server_gone') }),
  z.object({ reason: z.literal('policy_restored'), tags: z.array(z.string()), since: day }),
  z.object({ reason: z.literal('policy_unknown') }),
  z.object({ reason: z.literal('policy_not_ready'), p: z.string() }),
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

/** The sentence. */
export function endingWords(ending: Ending): string {
  switch (ending.reason) {
    case 'passes':
      return `Its mail has passed DMARC since ${ending.since}.`;
    case 'passes_again':
      return `Its mail has passed DMARC again since ${ending.since}.`;
    case 'no_such_mail':
      return `No such mail on the last ${ending.days} report days${ending.unusual ? ' beyond what is usual' : ''}.`;
    case 'no_failing_mail':
      return `It sent no failing mail on the last ${ending.days} report days.`;
    case 'no_passing_mail':
      return `None of its mail passed on the last ${ending.days} report days.`;
    case 'no_mail':
      return `It sent nothing on the last ${ending.days} report days.`;
    case 'no_such_report':
      return `No such report for ${ending.days} days.`;
    case 'denied':
      return 'The list of senders denies the source, so there is nothing to repair.';
    case 'no_longer_denied':
      return 'The list of senders no longer denies it.';
    case 'listed':
      return 'The list of senders now has an entry for it.';
    case 'regressed':
      return 'It used to pass: see authentication_regression.';
    case 'no_longer_new':
      return `It has been sending for ${ending.days} days and is no longer new.`;
    case 'joined':
      return `It belongs to ${short(ending.sender)}, which is known.`;
    case 'usual_again':
      return `Its volume has been back to normal since ${ending.since}.`;
    case 'verdicts_agree':
      return `Its verdicts agree with its results again, on ${ending.days} report days until ${ending.until}.`;
    case 'reports_again':
      return `It has been reporting again since ${ending.since}.`;
    case 'readable_again':
      return `Hardly any mail of the last ${ending.days} days was set aside.`;
    case 'dns_restored':
      return 'DNS sends its reports to your mailbox again.';
    case 'record_restored':
      return `The record has been right again since ${ending.since}.`;
    case 'record_kept':
      return `No mail rests on what was lost any more, or it has been so for ${ending.days} days.`;
    case 'as_declared':
      return `It has been as mail-guard.yaml declares since ${ending.since}.`;
    case 'not_declared':
      return 'mail-guard.yaml declares nothing of the domain any more.';
    case 'server_answers':
      return `It has answered as the others do since ${ending.since}.`;
    case 'server_gone':
      return 'The zone no longer names it.';
    case 'policy_restored':
      return `The policy has been back at ${list(ending.tags, 7)} since ${ending.since}.`;
    case 'policy_unknown':
      return 'The policy is no longer known.';
    case 'policy_not_ready':
      return `It no longer holds (p=${ending.p} is published).`;
    case 'bimi_not_ready':
      return 'A BIMI record is published, or what a logo needs is no longer there.';
    case 'confirmed':
      return 'Reporters whose word counts now report such mail.';
    case 'reporters_decide':
      return 'The reporters it rested on now have a say, or no longer report.';
    case 'unrepeated':
      return `They reported no such mail for ${ending.days} days.`;
    case 'none_fails':
      return 'None of its senders fails any more.';
    case 'closed':
      return `Closed by ${ending.by}: ${ending.why}`;
    case 'stated':
      return ending.text;
    case 'all_recovered':
      return `All ${counted(ending.senders, 'sender')} have recovered or are silent. The largest: ${endingWords(ending.largest)}`;
  }
}
