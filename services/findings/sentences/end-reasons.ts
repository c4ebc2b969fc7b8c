import { counted, list, short } from '../../shared/format.ts';
import { type Ending, unseenDays } from '../end-reasons.ts';

/** The sentence of each reason. */
const WORDS: { [R in Ending['reason']]: (ending: Extract<Ending, { reason: R }>) => string } = {
  passes: ({ since }) => `Its mail has passed DMARC since ${since}.`,
  passes_again: ({ since }) => `Its mail has passed DMARC again since ${since}.`,
  no_such_mail: ({ days, unusual }) =>
    `No ${unusual ? 'more such mail than usual' : 'such mail'} on the last ${days} report days.`,
  no_failing_mail: ({ days }) => `It sent no failing mail on the last ${days} report days.`,
  no_passing_mail: ({ days }) => `None of its mail passed on the last ${days} report days.`,
  no_mail: ({ days }) => `It sent nothing on the last ${days} report days.`,
  no_such_report: ({ days }) => `No such report for ${days} days.`,
  denied: () => 'The list of senders denies the source, so there is nothing to repair.',
  denied_kept_out: ({ p }) =>
    `The list of senders denies all its networks, and receivers let none of their mail through, as p=${p} asks.`,
  no_longer_denied: () => 'The list of senders no longer denies it.',
  listed: () => 'The list of senders now has an entry for it.',
  own_sender: () => 'Its networks turned out to be senders of your own: if their mail fails, another finding says so.',
  regressed: () => 'It used to pass: see authentication_regression.',
  no_longer_new: ({ days }) => `It has been sending for ${days} days and is no longer new.`,
  joined: ({ sender }) => `It belongs to ${short(sender)}, which is known.`,
  usual_again: ({ since }) => `Its volume has been back to normal since ${since}.`,
  verdicts_agree: ({ days, until }) => `Its verdicts agree with its results again, on ${days} report days until ${until}.`,
  reports_again: ({ since }) => `It has been reporting again since ${since}.`,
  grants_ended: () => 'All rights that were over have ended at their targets.',
  egress_followed: () => 'SPF follows the addresses of the cluster again.',
  all_judged: ({ hours }) => `The milter could judge all mail of the last ${hours} hours.`,
  decidable_again: () => 'No request waits any more that nobody can decide.',
  readable_again: ({ days }) => `Hardly any mail of the last ${days} days was set aside.`,
  dns_restored: () => 'DNS sends its reports to your mailbox again.',
  record_restored: ({ since }) => `The record has been right again since ${since}.`,
  record_kept: ({ days }) => `No mail rests on what was lost any more, or it has been so for ${days} days.`,
  as_declared: ({ since }) => `It has been as mail-guard.yaml declares since ${since}.`,
  not_declared: () => 'mail-guard.yaml declares nothing of the domain any more.',
  signed_again: ({ since }) => `Its mail has been signed again since ${since}.`,
  not_expected: () => 'It is not declared to send in mail-guard.yaml, which another finding reports.',
  workload_declared: () => 'It is declared in mail-guard.yaml now.',
  key_published: ({ since }) => `DNS has had the key since ${since}.`,
  verifies_again: ({ since }) => `Its signatures have verified since ${since}.`,
  sent_no_more: ({ days }) => `The logs show no such mail for ${counted(days, 'day')}.`,
  in_logs_again: ({ since }) => `The logs have shown what reports count since ${since}.`,
  lookalike_yours: () => 'It has the name servers of your domain: most likely it is yours.',
  lookalike_gone: () => 'It is no longer registered.',
  lookalike_without_mail: () => 'It no longer accepts mail.',
  lookalike_ignored: ({ by, why }) => `Ignored by ${by}: ${why}`,
  server_answers: ({ since }) => `It has answered as the others do since ${since}.`,
  server_gone: () => 'The zone no longer names it.',
  policy_restored: ({ since, tags }) => `The policy has been back at ${list(tags, 7)} since ${since}.`,
  policy_stops: ({ p }) => `The published policy (p=${p}) asks receivers to stop its mail.`,
  policy_unknown: () => 'The policy is no longer known.',
  policy_not_ready: ({ p, next }) =>
    next === undefined
      ? `It no longer holds (p=${p} is published).`
      : `The next step is no longer p=${next}: the page of the domain says what is. Published is p=${p}, as before.`,
  bimi_not_ready: () => 'A BIMI record is published, or what a logo needs is no longer there.',
  confirmed: () => 'Reporters whose word counts now report such mail.',
  reporters_decide: () => 'The reporters it rested on now have a say, or no longer report.',
  unrepeated: ({ days }) => `They reported no such mail for ${days} days.`,
  none_fails: () => 'None of its senders fails any more.',
  closed: ({ by, why }) => `Closed by ${by}: ${why}`,
  stated: ({ text }) => text,
  all_recovered: ({ senders, largest }) =>
    `All ${counted(senders, 'sender')} have recovered or are silent. The largest: ${endingWords(largest)}`,
};

/** The sentence. */
export const endingWords = (ending: Ending): string => (WORDS[ending.reason] as (ending: Ending) => string)(ending);

/** What a line about it begins with. @param ended null: nobody said why it is over */
export function endingTitle(ended: Ending | null): string {
  const days = ended && unseenDays(ended);
  if (days != null) return `Not seen for ${counted(days, 'day')}`;
  switch (ended?.reason) {
    case 'usual_again':
      return 'Back to usual';
    case 'no_longer_new':
      return 'No longer new';
    case 'own_sender':
      return 'Not forged after all';
    case 'closed':
      return 'Closed';
    default:
      return 'Resolved';
  }
}
