import { createHash } from 'node:crypto';
import { DEFAULT_LIMITS, Refusal } from '../report/limits.ts';
import { firstFields } from '../report/mail/header.ts';
import { decodeBody, headOf, readMail } from '../report/mail/mime.ts';
import type { HeldAttachment, NewHeld } from '../requests/held/facts.ts';
import { isAtOrBelow } from './rules.ts';
import type { Arrival, Screening } from './screen.ts';
import type { Results } from './verify/results.ts';

/**
 * What is kept of a mail that is held, for whoever decides about it. @param kept_in where the mail itself
 * waits
 */
export function heldFacts(arrival: Arrival, judgement: Screening, kept_in: NewHeld['kept_in']): NewHeld {
  const { message, ip, peer_name, helo, mail_from, recipients, queue_id } = arrival;
  const { rule, match } = judgement.decided!;
  const results = judgement.results!;
  const { from, subject, message_id } = headOf(firstFields(message.header.fields));
  const { author, names } = message.authors;
  return {
    kept_in,
    queue_id,
    envelope_from: mail_from,
    recipients: [...recipients],
    header_from: from,
    header_from_domain: author?.domain ?? message.authors.domains[0] ?? null,
    display_name: names.join(' ') || null,
    subject,
    message_id,
    peer_ip: ip ?? '127.0.0.1',
    peer_name,
    helo: helo === '' ? null : helo,
    results: resultsOf(results),
    domain: domainOf(arrival, judgement),
    source: results.source,
    source_class: judgement.known?.source_class ?? null,
    rule: rule.when,
    reason: match.code,
    size: message.size,
    sha256: message.sha256,
    attachments: attachmentsOf(message.whole),
    // Without a key it is not kept: people then decide by what is known of it.
    ...(message.whole === null ? {} : { raw: message.whole }),
  };
}

function resultsOf({ spf, dkim, arc, dmarc }: Results): NewHeld['results'] {
  return {
    version: 1,
    spf: { result: spf.result, domain: spf.domain === '' ? null : spf.domain },
    dkim: dkim.map(({ result, domain, selector, aligned }) => ({
      result,
      domain: domain === '' ? null : domain,
      selector: selector === '' ? null : selector,
      aligned,
    })),
    arc: { result: arc.result, by: arc.sealers.at(-1) ?? null },
    dmarc: { result: dmarc.result, policy: dmarc.policy, domain: dmarc.at },
  };
}

/**
 * The own domain that a held mail is about: the one it is forged or imitated in, else that of a recipient.
 */
function domainOf({ recipients }: Arrival, { decided, known }: Screening): string {
  const { match } = decided!;
  const own = known?.own ?? [];
  if ('domain' in match) return match.domain;
  const theirs = recipients.map((one) => one.slice(one.lastIndexOf('@') + 1).toLowerCase());
  return theirs.find((one) => isAtOrBelow(one, own)) ?? own[0] ?? theirs[0] ?? 'localhost';
}

/**
 * The attachments of a mail: whatever is no text, or has a name. Empty where the mail is too large or cannot
 * be taken apart.
 */
function attachmentsOf(whole: Buffer | null): HeldAttachment[] {
  if (whole === null) return [];
  try {
    const parts = readMail(whole, DEFAULT_LIMITS)?.parts ?? [];
    return parts
      .filter(({ name, type }) => name !== null || !type.startsWith('text/'))
      .map(({ name, type, encoding, bytes }) => {
        const content = decodeBody(bytes, encoding);
        return { name, type, bytes: content.length, sha256: createHash('sha256').update(content).digest('hex') };
      });
  } catch (error) {
    if (error instanceof Refusal) return [];
    throw error;
  }
}
