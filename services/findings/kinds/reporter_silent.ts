import { z } from 'zod';
import { parseDmarc } from '../../dns/dmarc/record.ts';
import { counted, number, percent, short } from '../../shared/format.ts';
import { ofOthers } from '../of-others.ts';
import { reporterName } from '../sentences/reporter-name.ts';
import { type Advice, kind, seenOn } from './kind.ts';
import { ownRecord, ownRecordAdvice } from './own_record.ts';

const facts = z.object({
  rule: z.literal('reporter_silent'),
  /** The last day it reported on. */
  last: z.string(),
  /** On how many of how many days before that it reported. */
  reported: z.number(),
  of_days: z.number(),
  /** Its part of all mail on those days. */
  share: z.number(),
  /** Report days since, on which others reported. */
  silent_days: z.number(),
  /** On how many other domains it fell silent as well, and on how many it goes on; null: not known. */
  record: ownRecord,
  spread: ofOthers(z.object({ silent: z.number(), reporting: z.number() }).nullable().default(null), { value: null }),
});

/** Whether a DMARC record asks for reports. */
const asks = (value: string | null): boolean => value !== null && (parseDmarc(value)?.rua.length ?? 0) > 0;

const heldUp = (see: string): Advice =>
  seenOn(
    'quarantine',
    `${see} whether its mails are held up: the mailbox's spam folder, its quota, and "ruawatch messages list --state quarantined".`,
  );

function spreadOf(spread: { silent: number; reporting: number } | null): string {
  if (spread === null) return '';
  const { silent, reporting } = spread;
  if (reporting === 0)
    return silent === 0
      ? ''
      : ` It has stopped on ${counted(silent, 'other domain')} of yours as well, so the fault is most likely its own.`;
  const goes = ` It still reports on ${counted(reporting, 'other domain')} of yours`;
  return silent === 0 ? `${goes}.` : `${goes}, and has stopped on ${number(silent)} more.`;
}

export const reporterSilent = kind(
  facts,
  { name: 'A reporter fell silent', counts: 'absent', ofReporter: true, sharedCause: 'subject' },
  ({ domain: full, subject, evidence }, { last, reported, of_days, share, silent_days, spread, record }) => {
    const domain = short(full);
    const name = short(reporterName(subject, evidence), 60);
    const unseen = percent(share);
    // Others report on the same record: only what happened to it since can keep a single reporter away.
    const changed = record != null && (record.changed || !asks(record.value));
    return {
      title: `${name} has stopped reporting on ${domain}`,
      topic: `missing reports from ${name} on ${domain}`,
      summary: `${name} has stopped reporting on ${domain}: its last report covers ${last}, ${counted(Math.round(evidence.usual ?? 0), 'message')} a day before`,
      what: `${name} reported on ${number(reported)} of ${counted(of_days, 'day')} until ${last}, ${unseen} of all mail. It has sent no report on the ${counted(silent_days, 'day')} since, while others have.${spreadOf(spread)}`,
      advice: [
        ...(changed
          ? [ownRecordAdvice(domain, record, { silent: evidence.since }), heldUp('Then see')]
          : [
              heldUp('See'),
              `The reports of others about these days came in, so your DMARC record does ask for them: where nothing is held up, ${name} has stopped by itself.`,
            ]),
        `Until it reports again, ${unseen} of the mail is not seen: findings and classes rest on the other reporters.`,
      ],
    };
  },
);
