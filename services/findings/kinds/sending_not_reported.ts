import { z } from 'zod';
import { counted, list, short } from '../../shared/format.ts';
import { ofOthers } from '../of-others.ts';
import { reporterName } from '../sentences/reporter-name.ts';
import { kind, seenOn } from './kind.ts';
import { ownRecord, ownRecordAdvice } from './own_record.ts';

const facts = z.object({
  rule: z.literal('sending_not_reported'),
  /** The recipient domains of the reporter that got the mail, the largest first. */
  mailboxes: z.array(z.string()),
  /** The days that should be reported by now. */
  from: z.string(),
  to: z.string(),
  /** Its last report on this domain; null when there is none in the window. */
  last_here: z.string().nullable(),
  /** Its last report on any own domain. */
  last_elsewhere: ofOthers(z.string().nullable(), { value: null }),
  /** Days after a report day within which it usually reports. */
  usual_delay: z.number(),
  record: ownRecord,
});

const NAMED = 3;

export const sendingNotReported = kind(
  facts,
  { name: 'Sent mail is not reported', ofLogs: true },
  ({ domain: full, subject, evidence }, given) => {
    const { of } = evidence;
    const domain = short(full);
    const reporter = short(reporterName(subject, evidence), 60);
    const title = `${reporter} receives mail of ${domain} and does not report`;
    const boxes = list(
      given.mailboxes.map((name) => short(name, 60)),
      NAMED,
    );
    const last =
      given.last_here === null
        ? 'It has never reported on this domain'
        : `Its last report on this domain is of ${given.last_here}`;
    const elsewhere =
      given.last_elsewhere === null ? '' : `; on other domains of yours it has reported until ${given.last_elsewhere}`;
    return {
      title,
      topic: `missing reports from ${reporter} on ${domain}`,
      summary: `${title} since ${given.from}`,
      what: `From ${given.from} to ${given.to} the logs show ${counted(of, 'message')} delivered to ${boxes}, and ${reporter} has sent no report, ${counted(given.usual_delay, 'day')} being its usual delay. ${last}${elsewhere}.`,
      advice: [
        ownRecordAdvice(domain, given.record, { silent: given.from }),
        seenOn(
          'quarantine',
          `Then see whether its mails are held up: the mailbox's spam folder, its quota, and "ruawatch messages list --state quarantined".`,
        ),
        'Until it reports, what this receiver does with the mail is seen in the logs alone.',
      ],
    };
  },
);
