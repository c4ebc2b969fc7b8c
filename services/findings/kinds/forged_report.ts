import { z } from 'zod';
import { counted, list, short } from '../../shared/format.ts';
import { kind } from './kind.ts';

const facts = z.object({
  rule: z.literal('forged_report'),
  /** Reports that are authentic for somebody else. */
  mismatched: z.number(),
});

export const forgedReport = kind(facts, ({ domain: full, subject, evidence }, { mismatched }) => {
  const { who, senders, since, reports = 0, contradicting = 0, resting_on = [] } = evidence;
  const name = short(subject, 60);
  const from = list(
    who.map((one) => `${short(one.source, 60)}${one.unproven ? ' (From field, unproven)' : ''}`),
    3,
    senders,
  );
  const title = `Forged reports in the name of ${name}`;
  const against =
    contradicting > 0
      ? `, and ${contradicting} of them ${contradicting === 1 ? 'contradicts' : 'contradict'} what ${name} really reported`
      : '';
  const alone = resting_on.map(
    ({ reporter, standing }) => ` This rests on the word of ${short(reporter, 60)} alone, whose standing is ${standing}.`,
  );
  return {
    title: `Reports on ${short(full)} are forged as ${name}`,
    topic: `reports on ${short(full)} forged as ${name}`,
    summary: `${title}: ${counted(reports, 'report')} since ${since}`,
    what: `${counted(reports, 'report')} on ${short(full)} in the name of ${name} ${reports === 1 ? 'was' : 'were'} not sent by it: the ${senders > 1 ? 'senders are' : 'sender is'} ${from}${against}.${alone.join('')}`,
    advice: [
      'Nothing in these reports is counted: findings and classes rest on proven reports alone.',
      `If ${name} itself wrote them, its mails lost their signature on the way: name the server that received them in trust.authserv_ids.`,
      mismatched > 0
        ? 'If not, somebody wants you to see mail that was never sent, or to hide mail that was: refuse mail from that sender to the rua address.'
        : 'If not, somebody wants you to see mail that was never sent, or to hide mail that was. The sender is not known: the domain in the From field may have nothing to do with it.',
    ],
  };
});
