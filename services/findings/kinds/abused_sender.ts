import { z } from 'zod';
import { counted, short } from '../../shared/format.ts';
import { kind } from './kind.ts';

const facts = z.object({
  rule: z.literal('abused_sender'),
  /**
   * It authenticates as the service alone; or it passes by SPF alone where our own mail is signed, or was
   * before the source fell silent for weeks.
   */
  how: z.enum(['foreign', 'unsigned', 'returned']),
  /** Of `returned`: the last day before the silence. */
  last_before: z.string().optional(),
  /** The service's name; null when the catalogue does not know it. */
  service: z.string().nullable(),
  /** The foreign domain that signs most of it. */
  signer: z.string().nullable(),
  /** Whose network it is: its number, or the organization by its names. */
  owner: z.string().optional(),
  /** The published policy; null when it is not known. */
  p: z.string().nullable(),
});

export const abusedSender = kind(
  facts,
  { name: null, mail: 'forged', partOf: 'senders' },
  ({ domain: full, subject, evidence }, { how, service, signer, p, last_before }) => {
    const domain = short(full);
    const source = short(subject);
    const through = service === null ? source : service;
    const at = service === null || service === source ? source : `${service} (${source})`;
    const { messages, since } = evidence;
    if (how === 'returned') {
      const title = `Unsigned mail as ${domain} from ${through}`;
      const until = last_before === undefined ? 'weeks ago' : `on ${last_before}`;
      return {
        title,
        topic: `unsigned mail as ${domain} at ${through}`,
        summary: `${title} after weeks of silence: ${counted(messages, 'message')} since ${since}; your mail from there was signed and ended ${until}`,
        what: `${counted(messages, 'message')} as ${domain} came through ${at} without a DKIM signature. Your own mail from there was signed and ended ${until}. ${messages === 1 ? 'The new message passes' : 'The new messages pass'} SPF, because your record still allows this network.`,
        advice: [
          `Find out whether your server at ${at} is still yours. If its address was let go, somebody else has it now: take it out of the SPF record of ${domain} at once, and out of every name in DNS that leads to it.`,
          'If it is still yours and was set up anew, let it sign as before; if nobody set it up, somebody may have broken into it.',
          'No policy stops this mail while SPF passes.',
        ],
      };
    }
    if (how === 'unsigned') {
      const title = `Unsigned mail as ${domain} from ${through}`;
      return {
        title,
        topic: `unsigned mail as ${domain} at ${through}`,
        summary: `${title}: ${counted(messages, 'message')} since ${since} beside your signed mail`,
        what: `${counted(messages, 'message')} as ${domain} came through ${at} without a DKIM signature, beside your own mail there, which is signed and goes on as usual. ${messages === 1 ? 'It passes' : 'They pass'} SPF, because your record allows this network to all who send from it.`,
        advice: [
          `Ask your own teams first whether a system of yours at ${through} sends without signing since ${since}. If none does, another customer there is using your name: report it to ${service ?? `the hoster of ${source}`}.`,
          `SPF cannot tell customers of a shared network apart: take it out of the SPF record of ${domain} (or give it "?"), as your own mail passes by DKIM.`,
          'No policy stops this mail while SPF passes.',
        ],
      };
    }
    const title = `Unknown account at ${through} sends as ${domain}`;
    const as = signer === null ? source : `d=${short(signer)}`;
    return {
      title,
      topic: `unknown account at ${through} as ${domain}`,
      summary: `${title}: ${counted(messages, 'message')} since ${since} authenticated as ${as} alone, beside your own mail there`,
      what: `${counted(messages, 'message')} as ${domain} came through ${at} and ${messages === 1 ? 'authenticates' : 'authenticate'} as ${as}, not as ${domain}. Your own mail there is set up and passes, so this is another account: one of yours that is not set up, or a stranger's.`,
      advice: [
        `Ask your own teams first whether one of them opened an account at ${through}: then authenticate ${domain} in that account as well.`,
        `If none did, a stranger uses your name: report the abuse to ${through}, with the addresses and days of this mail, which the query of the finding lists.`,
        p === 'reject'
          ? 'p=reject asks receivers to refuse such mail.'
          : p === 'quarantine'
            ? 'p=quarantine asks receivers to put such mail into the junk folder; p=reject asks them to refuse it.'
            : `Once your own senders are aligned, a stricter policy keeps such mail out${p === null ? '' : ` (now p=${p})`}.`,
      ],
    };
  },
);
