import type { Limits } from '../limits.ts';
import { domainIn } from '../mail/domain.ts';
import { decodeBody, type Mail } from '../mail/mime.ts';
import type { Bounce, BouncedRecipient } from '../model.ts';
import { printable } from '../text.ts';
import { type FeedbackFields, guardLength, statedFields } from './failure.ts';
import { originalOfPart } from './in-mail.ts';
import { HIDDEN, redactResults } from './redact.ts';

/** Recipients of one notification that are kept. */
const MOST_RECIPIENTS = 100;
const MOST_WORDS = 500;
const MOST_ID = 255;

/**
 * Delivery status notifications (RFC 3464) in a mail that say that something was not, or not yet, delivered.
 * Those about success, and mails that a bounce returns inside it, are none. Local parts are hidden.
 * @throws Refusal `feedback_too_long`, `header_too_long`
 */
export function* bouncesIn(mail: Mail, limits: Limits): Generator<{ name: string | null; bounce: Bounce }> {
  const parts = mail.parts.filter(({ type, within }) => type === 'message/delivery-status' && within.length === 0);
  for (const [index, part] of parts.entries()) {
    const bytes = decodeBody(part.bytes, part.encoding);
    guardLength(bytes, limits);
    // The first block is about the mail, each other one about a recipient (section 2.1).
    const [ofMail, ...others] = bytes
      .toString('utf8')
      .replaceAll(/\r\n?/g, '\n')
      .split(/\n(?:[ \t]*\n)+/)
      .map(statedFields)
      .filter((fields) => fields.size > 0);
    const recipients = others.flatMap(recipientOf).slice(0, MOST_RECIPIENTS);
    if (ofMail === undefined || recipients.length === 0) continue;
    const original = originalOfPart(mail, part, { index, limits });
    const id = original?.message_id?.match(/<([^<>\s]+)>/)?.[1] ?? original?.message_id ?? null;
    yield {
      name: part.name,
      bounce: {
        kind: 'bounce',
        reporting_mta: hostOf(ofMail, 'reporting-mta'),
        message_id: id === null ? null : id.trim().slice(0, MOST_ID) || null,
        recipients,
      },
    };
  }
}

function recipientOf(fields: FeedbackFields): BouncedRecipient[] {
  const action = fields
    .get('action')?.[0]
    ?.toLowerCase()
    .match(/^[a-z]+/)?.[0];
  if (action !== 'failed' && action !== 'delayed') return [];
  const address = typed(fields, 'final-recipient') ?? typed(fields, 'original-recipient');
  const domain = address === null ? null : domainIn(address);
  if (address === null || domain === null) return [];
  const words = withoutName(redactResults(printable(typed(fields, 'diagnostic-code') ?? '') ?? ''), address).slice(0, MOST_WORDS);
  return [{ domain, action, status: statusOf(fields, words), words, remote_mta: hostOf(fields, 'remote-mta') }];
}

/** Servers also name users without their domain: "550 ann: no such user". */
function withoutName(words: string, address: string): string {
  const name = address.replace(/^[<"\s]+/, '').replace(/"?@[^@]*$/, '');
  return name.length < 2 || name === address ? words : words.replaceAll(name, HIDDEN);
}

/**
 * The status of the remote's own words where the field says less: Exim's is 5.0.0 whatever the remote said.
 */
function statusOf(fields: FeedbackFields, words: string): string {
  const stated = fields.get('status')?.[0]?.match(/^[245]\.\d{1,3}\.\d{1,3}/)?.[0] ?? '';
  const said = words.match(/(?:^|[\s-])([245]\.\d{1,3}\.\d{1,3})(?=[\s:-]|$)/)?.[1];
  return said !== undefined && (stated === '' || stated.endsWith('.0.0')) ? said : stated;
}

/** The value of a field that begins with a type: "rfc822; ann@example.com" (section 2.1.2). */
function typed(fields: FeedbackFields, name: string): string | null {
  const value = fields.get(name)?.[0];
  return value === undefined ? null : value.replace(/^[\w-]{1,40}[ \t]*;[ \t]*/, '').trim() || null;
}

function hostOf(fields: FeedbackFields, name: string): string | null {
  const host = typed(fields, name);
  return host === null ? null : (printable(host)?.toLowerCase().slice(0, 253) ?? null);
}
