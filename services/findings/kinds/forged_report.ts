import { z } from 'zod';
import { counted, list, short } from '../../shared/format.ts';
import { reporterName } from '../sentences/reporter-name.ts';
import { kind, type Told } from './kind.ts';

const facts = z.object({
  rule: z.literal('forged_report'),
  /** Reports that are authentic for somebody else. */
  mismatched: z.number(),
});

export const forgedReport = kind(
  facts,
  { name: 'Forged reports', counts: 'reports', ofReporter: true, unproven: true },
  (told, { mismatched }) => {
    const { domain: full, subject, evidence } = told;
    const { since, reports = 0, contradicting = 0, resting_on = [] } = evidence;
    const name = short(reporterName(subject, evidence), 60);
    const domain = short(full);
    // That a mail lacks a proof shows no forger yet.
    const forged = mismatched > 0 || contradicting > 0;
    const title = forged ? `Forged reports in the name of ${name}` : `Unproven reports in the name of ${name}`;
    const against =
      contradicting > 0
        ? ` ${contradicting} of them ${contradicting === 1 ? 'contradicts' : 'contradict'} what ${name} really reported.`
        : '';
    const alone = resting_on.map(
      ({ reporter, standing }) => ` This rests on the word of ${short(reporter, 60)} alone, whose standing is ${standing}.`,
    );
    return {
      title: forged ? `Reports on ${domain} are forged as ${name}` : `Reports on ${domain} as ${name} are not authentic`,
      topic: forged ? `reports on ${domain} forged as ${name}` : `unproven reports on ${domain} as ${name}`,
      summary: `${title}: ${counted(reports, 'report')} since ${since}`,
      what: `${counted(reports, 'report')} on ${domain} came in the name of ${name}. ${whoWrote(told, name)}${against}${alone.join('')}`,
      advice: [
        'Nothing in these reports is counted: findings and classes rest on proven reports alone.',
        `If ${name} itself wrote them, its mails lost their signature on the way: name the server that received them in trust.authserv_ids.`,
        mismatched > 0
          ? 'If not, somebody wants you to see mail that was never sent, or to hide mail that was: refuse mail from that sender to the rua address.'
          : 'If not, somebody wants you to see mail that was never sent, or to hide mail that was. Who it is cannot be seen: anybody can write any domain into the From field.',
      ],
    };
  },
);

/** Proven senders by name; of the others, what their From fields say. */
function whoWrote({ evidence: { who, senders, reports } }: Told, name: string): string {
  const one = reports === 1;
  const proven = who.filter(({ unproven }) => unproven !== true);
  const claimed = who.filter(({ unproven }) => unproven === true);
  const names = (some: typeof who, all: number) =>
    list(
      some.map(({ source }) => short(source, 60)),
      3,
      all,
    );
  const rest = Math.max(0, senders - who.length);
  const parts = [
    ...(proven.length === 0
      ? []
      : [`${one ? 'It was' : 'They were'} sent by ${names(proven, proven.length + rest)}, not by ${name}.`]),
    ...(claimed.length === 0
      ? []
      : [
          `Nothing proves that ${name} sent ${proven.length > 0 ? 'the others' : one ? 'it' : 'them'}: the ${one ? 'mail passes' : 'mails pass'} neither DKIM nor SPF for the domain in the From field (${names(claimed, proven.length === 0 ? claimed.length + rest : claimed.length)}).`,
        ]),
  ];
  return parts.join(' ');
}
