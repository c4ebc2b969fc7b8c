import { z } from 'zod';
import { counted, number, percent, short } from '../../shared/format.ts';
import { kind } from './kind.ts';

const facts = z.object({
  rule: z.literal('policy_ready'),
  next: z.enum(['quarantine', 'reject']),
  /** The first of the days looked at; absent in rows of older versions, whose `since` it was. */
  from: z.string().optional(),
  /** Days looked at. */
  days: z.number(),
  /** Messages of the domain's own senders, how many passed, and how many of these by SPF alone. */
  own: z.number(),
  passed: z.number(),
  spf_alone: z.number(),
  /** It is published with t=y, which is to be taken away. */
  testing: z.boolean().optional(),
});

/** So large a part of the own mail that passes by SPF alone is worth a word before p=reject. */
const SPF_ALONE = 0.05;
const CLASSES: Record<string, string> = {
  authorized: 'your own senders',
  misaligned: 'rightful senders that are not aligned',
  forwarded: 'forwarders and mailing lists',
  unauthorized: 'unauthorized sources',
  unknown: 'sources too small to classify',
};

export const policyReady = kind(
  facts,
  { name: 'Ready for a stricter policy', counts: 'touched' },
  ({ domain: full, evidence }, { next, from, days, own, passed, spf_alone, testing }) => {
    const { messages: failed, since, last_day, reporters, by_class = {} } = evidence;
    // The order of the classes is ours: jsonb keeps none.
    const parts = Object.entries(CLASSES).flatMap(([name, words]) =>
      by_class[name] ? [`${number(by_class[name])} from ${words}`] : [],
    );
    const share = percent(passed / own);
    const whole = testing === true ? `${next} in full` : next;
    const forwarded = by_class.forwarded ?? 0;
    return {
      title: `${short(full)} is ready for p=${whole}`,
      topic: `${short(full)} and p=${next}`,
      summary: `${short(full)} is ready for p=${whole}: in ${days} days ${share} of its own senders' mail passed DMARC`,
      what: `From ${from ?? since} to ${last_day}, ${counted(reporters.length, 'reporter')} reported ${counted(own, 'message')} from the domain's own senders, of which ${number(passed)} passed. p=${next} would have affected ${failed === 0 ? 'no mail' : `${counted(failed, 'message')}: ${parts.join(', ')}`}.`,
      advice: [
        testing === true
          ? `Take t=y out of the record: receivers that know it do not apply p=${next} yet.`
          : `Publish p=${next}${next === 'quarantine' ? '. With t=y beside it, receivers that know t apply no policy yet while you watch; those that do not know it quarantine at once' : ''}. A gradual rollout by percentage no longer exists (RFC 9989 has no pct).`,
        ...(forwarded > 0 && next === 'reject'
          ? [
              `${counted(forwarded, 'message')} that mailing lists and forwarders broke would be refused: a domain whose people write to mailing lists should stay at quarantine (RFC 9989 section 7.4).`,
            ]
          : []),
        ...(next === 'reject' && spf_alone > SPF_ALONE * own
          ? [
              `${counted(spf_alone, 'message')} passed by SPF alone, which does not survive forwarding: sign them with DKIM before you publish p=reject.`,
            ]
          : []),
      ],
    };
  },
);
