import { z } from 'zod';
import { counted, list, number, short } from '../../shared/format.ts';
import { ofOthers } from '../of-others.ts';
import { type Advice, kind } from './kind.ts';
import { ownRecord, ownRecordAdvice } from './own_record.ts';

/** How the summary begins. */
const NONE = 'No reports on';

const silence = z.object({
  /** The first day without a report. */
  since: z.string(),
  /** Messages reported on a usual day. */
  usual: z.number(),
  /** Domains that fell silent at the same time: the largest of them, and how many. */
  others: ofOthers(z.array(z.string()), { value: [] }),
  others_in_all: ofOthers(z.number(), { value: 0, summary: NONE }),
  /** How many own domains are still reported on. */
  reported: ofOthers(z.number(), { value: 0 }),
});
const facts = z.object({
  rule: z.literal('reports_stopped'),
  /** What the checks of DNS found; null when they did not say. */
  reason: z.string().nullable(),
  /** DNS no longer leads the reports here. Absent in rows of older versions, which had no other cause. */
  lost: z.boolean().default(true),
  /** None has come for longer than is usual; null: some still come. */
  silence: silence.nullable().default(null),
  /** The day DNS was last found to lead the reports here; null when it does not, or that is not known. */
  confirmed: z.string().nullable().default(null),
  record: ownRecord,
});
type StoppedFacts = z.output<typeof facts>;
type Silence = NonNullable<StoppedFacts['silence']>;

/** Domains named in a mail that is about all of them. */
const NAMED = 8;

export const reportsStopped = kind(
  facts,
  { name: 'Reports stopped', counts: 'absent', sharedCause: 'kind' },
  ({ domain, evidence }, given) => {
    const name = short(domain);
    const { silence, lost } = given;
    if (silence === null || lost) return ofDns(name, evidence.since, given);
    const all = silence.others_in_all;
    const which = all === 0 ? name : `${name} and ${counted(all, 'more domain')}`;
    const none = `${NONE} ${which}`;
    const since = `${none} since ${silence.since}`;
    const usual = `${counted(silence.usual, 'message')} a day ${silence.usual === 1 ? 'is' : 'are'} usual`;
    const others =
      all === 0
        ? ''
        : ` Nor on ${list(
            silence.others.map((one) => short(one, 60)),
            NAMED,
            all,
          )}.`;
    const reported =
      silence.reported === 0
        ? ''
        : ` ${counted(silence.reported, 'other domain')} ${silence.reported === 1 ? 'is' : 'are'} still reported on.`;
    return {
      // Of many domains, a subject has no room for the day beside their number.
      title: all === 0 ? since : none,
      topic: `no reports on ${which}`,
      summary: `${since}; ${usual}`,
      what: `There has been no report on ${name} about any day since ${silence.since}; ${usual}, and its reporters have never been silent for so long.${others}${reported}`,
      advice: adviceOf(name, silence, given),
    };
  },
);

function ofDns(name: string, since: string, { reason, silence }: StoppedFacts) {
  return {
    title: `DNS no longer sends you the reports on ${name}`,
    topic: `DNS sends you the reports on ${name} again`,
    summary: `Reports on ${name} are no longer sent to your mailbox: DNS has not asked for them since ${since}`,
    what: `Until ${since}, DNS sent the reports on ${name} to your mailbox; since then, ${reason === null ? 'several checks have found that it no longer does.' : `several checks have found: ${short(reason, 300)}`}${silence === null ? '' : ` None has come about any day since ${silence.since}.`}`,
    advice: [
      `If that was not intended: put rua= with your mailbox back into the DMARC record of ${name} (_dmarc.${name}). If the mailbox is at another domain, that domain must also publish "v=DMARC1" at ${name}._report._dmarc below it (RFC 9990 section 4).`,
      `If the reports on ${name} are to go elsewhere: "ruawatch domains ignore ${name}". If the mailbox has a new address, add it to the mailbox's addresses: setting.`,
    ],
  };
}

/** The own record first, unless all at once point at the mailbox that they share. */
function adviceOf(name: string, silence: Silence, { confirmed, record }: StoppedFacts): Advice[] {
  const all = silence.others_in_all;
  const own = ownRecordAdvice(name, record, {
    when: all > 0 ? 'next' : 'first',
    silent: silence.since,
    more: confirmed === null ? '' : ` On ${confirmed} DNS still led the reports to your mailbox.`,
  });
  const mailbox = `${all > 0 ? 'Look at the mailbox first' : 'Then look at the mailbox'}: whether it is full, refuses mail, or files the reports elsewhere (spam, a rule), and send it a mail from outside.`;
  return [
    ...(all > 0 ? [mailbox, own] : [own, mailbox]),
    `Until reports come again, nothing is known of mail in the name of ${all > 0 ? `these ${number(all + 1)} domains.` : `${name}. If ${name} sends no mail any more: "ruawatch domains ignore ${name}".`}`,
  ];
}
