import { z } from 'zod';
import { counted, short } from '../../shared/format.ts';
import { kind, seenOn, type Traits } from './kind.ts';

/** What a check of DNS found wrong with one record. */
const checkedFacts = <const Rule extends string>(rule: Rule) =>
  z.object({
    rule: z.literal(rule),
    /** The name of the record. */
    name: z.string(),
    problems: z.array(
      z.object({
        /** One of docs/dns.md. */
        code: z.string(),
        /** A sentence of `dns check`. */
        message: z.string(),
        /** The part of the record. */
        text: z.string().nullable(),
        /** The value to publish instead. */
        publish: z.string().nullable(),
      }),
    ),
    /** Of the SPF record: lookups in the worst case, and the term at which the tenth is exceeded. */
    lookups: z.number().nullable(),
    over: z.string().nullable(),
    /** The mail that reports show to be concerned. */
    seen: z.object({ messages: z.number(), since: z.string() }).nullish(),
  });

/** Without the name of the rule. */
export type CheckedFacts = Omit<z.output<ReturnType<typeof checkedFacts>>, 'rule'>;

/** Problems that are described in sentences; the others are counted. */
const TOLD = 2;

/**
 * The words of a kind about faults of records.
 * @param traits besides that each is about one record
 * @param titled the title, and what it is about; `domain` is short
 */
export function checked<const Rule extends string>(
  rule: Rule,
  traits: Omit<Traits, 'ofRecord'>,
  titled: (domain: string, facts: CheckedFacts) => { title: string; topic: string },
) {
  return kind(checkedFacts(rule), { ofRecord: true, ...traits }, ({ domain: full, evidence: { since } }, facts) => {
    const domain = short(full);
    const { title, topic } = titled(domain, facts);
    const { problems, seen, name } = facts;
    const more = problems.length - TOLD;
    const told = problems.slice(0, TOLD).map(({ message }) => short(message, 300));
    const publish = problems.find((one) => one.publish !== null)?.publish;
    return {
      title,
      topic,
      summary: `${title} (since ${since})`,
      what: [
        ...told,
        ...(more > 0 ? [`${counted(more, 'more problem')}.`] : []),
        ...(seen ? [`Reports show ${counted(seen.messages, 'message')} concerned since ${seen.since}.`] : []),
      ].join(' '),
      advice: [
        ...(publish ? [`Publish at ${short(name)} instead: "${short(publish, 600)}".`] : []),
        seenOn('dns_check', `All that is wrong, and what to publish instead: "ruawatch dns check ${domain}".`),
      ],
    };
  });
}

/** The selector in the name of a key. */
export function selectorIn(name: string): string {
  return short(name.split('._domainkey.')[0]!, 40);
}
