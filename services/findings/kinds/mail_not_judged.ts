import { z } from 'zod';
import { counted, number, short } from '../../shared/format.ts';
import { kind, seenOn } from './kind.ts';

const facts = z.object({
  rule: z.literal('mail_not_judged'),
  /** Mails of the last day that passed unchecked, and those whose clients were asked to try again. */
  passed: z.number(),
  put_off: z.number(),
  /** Of those that passed, how many name an own domain as their author's. */
  own: z.number(),
  /** UTC, to the minute. */
  last_at: z.string(),
  /** The most frequent first. */
  reasons: z.array(z.object({ why: z.string(), mails: z.number() })),
});

/** A reason as a sentence. */
const ended = (why: string): string => (/[.!?]$/.test(why) ? why : `${why}.`);

export const mailNotJudged = kind(
  facts,
  { name: 'Mail passed unchecked' },
  ({ evidence: { since } }, { passed, put_off, own, last_at, reasons }) => {
    const passes = passed > 0;
    const title = passes ? `${counted(passed, 'mail')} passed unchecked` : `${counted(put_off, 'mail')} could not be checked`;
    const late =
      put_off === 0
        ? ''
        : ` ${passes ? `${counted(put_off, 'more mail')} could not be judged either` : `The milter could not judge ${counted(put_off, 'mail')}`}: their senders were asked to try again later.`;
    const [first] = reasons;
    return {
      title,
      topic: 'mail that the milter could not judge',
      summary: `${title} by the milter since ${since}${own === 0 ? '' : `, ${number(own)} of them in the name of your domains`}`,
      what: [
        passes
          ? `The milter could not judge ${counted(passed, 'mail')} and let ${passed === 1 ? 'it' : 'them'} pass, marked with X-Ruawatch-Unjudged, the last at ${last_at} UTC.${own === 0 ? '' : ` ${number(own)} of them ${own === 1 ? 'says it is' : 'say they are'} from your domains, and may be forged.`}${late}`
          : late.trim(),
        first === undefined
          ? ''
          : `${passed + put_off === first.mails ? 'The reason' : 'The most frequent reason'}: ${ended(short(first.why, 200))}`,
      ]
        .filter((text) => text !== '')
        .join(' '),
      advice: [
        seenOn('doctor', 'See to what the reason names: "ruawatch doctor" checks the database and the name servers.'),
        passes
          ? 'Recipients find such mail by the header field X-Ruawatch-Unjudged. With milter.on_failure: tempfail it waits at its sender instead.'
          : 'Nothing is lost: the senders try again.',
      ],
    };
  },
);
