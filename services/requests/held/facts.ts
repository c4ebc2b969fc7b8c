import { z } from 'zod';

const text = (most: number) => z.string().max(most);
const word = text(63).regex(/^[a-z0-9_.-]+$/);
const result = z.strictObject({ result: word, domain: text(253).nullable() });

/** What verification found of a mail: results in the words of RFC 8601, in lower case. */
export const heldResults = z.strictObject({
  version: z.literal(1),
  spf: result,
  dkim: z
    .array(
      z.strictObject({
        result: word,
        domain: text(253).nullable(),
        selector: text(253).nullable(),
        /** With the domain of the author (RFC 9989). */
        aligned: z.boolean(),
      }),
    )
    .max(50),
  /** The result of the chain (RFC 8617), and the domain of its newest seal. */
  arc: z.strictObject({ result: word, by: text(253).nullable() }),
  /** The policy that applied, and the domain whose record has it. */
  dmarc: z.strictObject({ result: word, policy: word.nullable(), domain: text(253).nullable() }),
});
export type HeldResults = z.infer<typeof heldResults>;

const attachment = z.strictObject({
  name: text(255).nullable(),
  /** As the mail declares it. */
  type: text(255),
  bytes: z.int().min(0),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});
export type HeldAttachment = z.infer<typeof attachment>;

/** What is known of a mail that is held, apart from its octets. Texts of the mail are decoded. */
export const heldFacts = z.strictObject({
  kept_in: z.enum(['postfix', 'store']),
  /** Of Postfix; null where the server has none. */
  queue_id: z
    .string()
    .regex(/^[A-Za-z0-9]{1,64}$/)
    .nullable(),
  /** Empty for the null sender. */
  envelope_from: text(1000),
  recipients: z.array(text(1000)).min(1).max(10_000),
  header_from: text(1000).nullable(),
  header_from_domain: text(253).nullable(),
  display_name: text(1000).nullable(),
  subject: text(1000).nullable(),
  message_id: text(1000).nullable(),
  peer_ip: z.union([z.ipv4(), z.ipv6()]),
  peer_name: text(255).nullable(),
  helo: text(255).nullable(),
  results: heldResults,
  /** The own domain that it is about: the author's, or that of a recipient. */
  domain: text(253),
  /** As in dmarc.sources, for that domain; null when nothing names one. */
  source: text(253).nullable(),
  source_class: word.nullable(),
  /** The rule of the settings that holds it, and its code for why. */
  rule: text(63),
  reason: word,
  size: z.int().min(0),
  /** Of the octets as the milter has them. */
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  attachments: z.array(attachment).max(200),
});
export type HeldFacts = z.infer<typeof heldFacts>;

/** A mail that is to be held. */
export interface NewHeld extends HeldFacts {
  /** Its octets; needed where they are kept in the store. */
  raw?: Buffer;
}
