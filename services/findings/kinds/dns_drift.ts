import { z } from 'zod';
import { counted, list, sentenceCase, short } from '../../shared/format.ts';
import { selectorIn } from './checked.ts';
import { kind, seenOn } from './kind.ts';

const facts = z.object({
  rule: z.literal('dns_drift'),
  /** The declared domain: the own domain, or one below it. */
  domain: z.string(),
  /** The name of the record. */
  name: z.string(),
  part: z.enum(['spf', 'dkim', 'dmarc', 'other']),
  /** "2026-11-20 14:02", in UTC: when it was first seen so. */
  at: z.string(),
  /** What approved the record as it should be, and in which environments. */
  approved: z.object({ by: z.literal('guard'), environments: z.array(z.string()) }),
  differences: z.array(
    z.object({
      /** One of docs/guard.md. */
      code: z.string(),
      /** A sentence of `guard check`. */
      message: z.string(),
      wanted: z.string().nullable(),
      published: z.string().nullable(),
      /** The value to publish instead. */
      publish: z.string().nullable(),
    }),
  ),
  /** The mail that reports show to be concerned. */
  seen: z.object({ messages: z.number(), since: z.string() }).nullish(),
});

/** Differences that are described in sentences; the others are counted. */
const TOLD = 2;

export const dnsDrift = kind(
  facts,
  { name: 'A record is not as declared' },
  ({ domain: own }, { domain: declared, name, part, at, approved, differences, seen }) => {
    // A declared domain below the own one names it.
    const domain = short(declared.endsWith(`.${own}`) ? declared : own);
    const topic = {
      spf: `SPF of ${domain}`,
      dkim: `DKIM key ${selectorIn(name)} of ${domain}`,
      dmarc: `DMARC record of ${domain}`,
      other: `record of ${domain}`,
    }[part];
    const title = `${sentenceCase(topic)} is not as declared`;
    const more = differences.length - TOLD;
    const publish = differences.find((one) => one.publish !== null)?.publish;
    return {
      title,
      topic,
      summary: `${title} (first seen ${at} UTC)`,
      what: [
        `Since ${at} UTC, what is published at ${short(name)} is not what mail-guard.yaml declares for ${list(approved.environments)}.`,
        ...differences.slice(0, TOLD).map(({ message }) => short(message, 300)),
        ...(more > 0 ? [`${counted(more, 'more difference')}.`] : []),
        ...(seen ? [`Reports show ${counted(seen.messages, 'message')} concerned since ${seen.since}.`] : []),
      ].join(' '),
      advice: [
        publish
          ? `If nobody meant it, publish at ${short(name)}: "${short(publish, 600)}".`
          : `If nobody meant it, publish ${short(name)} as it is declared.`,
        'If the change was meant, declare it in mail-guard.yaml, so that the file goes on being what is approved.',
        seenOn('dns_history', `Who publishes what, and since when: "ruawatch dns history ${short(own)}".`),
      ],
      expected: 'a planned change',
    };
  },
);
