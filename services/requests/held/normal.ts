import { type HeldFacts, heldFacts, type NewHeld } from './facts.ts';

/** How much of a text of a mail is kept. */
const TEXT = 1000;
const SHORT = 253;
/** Names of queue files, as facts.ts has them. */
const QUEUE_ID = /^[A-Za-z0-9]{1,64}$/;
const MOST_ATTACHMENTS = 200;
const MOST_SIGNATURES = 50;

/**
 * A text that the database and a plan can hold: no NUL, no half of a surrogate pair, and not longer than is
 * read.
 */
export function kept(text: string, most = TEXT): string {
  return text.replaceAll('\0', '\ufffd').slice(0, most).toWellFormed();
}

const orNull = (text: string | null, most?: number): string | null => (text === null ? null : kept(text, most));
/** A code in lower case; whatever else it is, "other". */
const code = (text: string): string => (/^[a-z0-9_.-]{1,63}$/i.test(text) ? text.toLowerCase() : 'other');

/**
 * What is known of a mail, in a form that can be stored whatever the mail says: a sender must not get a mail
 * past its hold by a header that we cannot store.
 * @throws ZodError for what is no text of the mail, such as a digest that is none
 */
export function normalFacts({ raw: _, ...given }: NewHeld): HeldFacts {
  const { spf, dkim, arc, dmarc } = given.results;
  return heldFacts.parse({
    ...given,
    // A name that no Postfix gives is no use: such a mail is looked for by nobody.
    queue_id: given.queue_id !== null && QUEUE_ID.test(given.queue_id) ? given.queue_id : null,
    envelope_from: kept(given.envelope_from),
    recipients: given.recipients.map((one) => kept(one)),
    header_from: orNull(given.header_from),
    header_from_domain: orNull(given.header_from_domain, SHORT),
    display_name: orNull(given.display_name),
    subject: orNull(given.subject),
    message_id: orNull(given.message_id),
    peer_name: orNull(given.peer_name, SHORT),
    helo: orNull(given.helo, SHORT),
    domain: kept(given.domain, SHORT).toLowerCase(),
    source: orNull(given.source, SHORT),
    results: {
      version: 1,
      spf: { result: code(spf.result), domain: orNull(spf.domain, SHORT) },
      dkim: dkim.slice(0, MOST_SIGNATURES).map((one) => ({
        result: code(one.result),
        domain: orNull(one.domain, SHORT),
        selector: orNull(one.selector, SHORT),
        aligned: one.aligned,
      })),
      arc: { result: code(arc.result), by: orNull(arc.by, SHORT) },
      dmarc: {
        result: code(dmarc.result),
        policy: dmarc.policy === null ? null : code(dmarc.policy),
        domain: orNull(dmarc.domain, SHORT),
      },
    },
    attachments: given.attachments.slice(0, MOST_ATTACHMENTS).map((one) => ({
      ...one,
      name: orNull(one.name, 255),
      type: kept(one.type, 255),
    })),
  });
}
