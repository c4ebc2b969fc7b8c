import { normalDomain } from '../orgdomain.ts';
import type { Field } from './header.ts';

/**
 * The only author of a mail: domain as A-labels, all in lower case, without a quoted local part; or why there
 * is none.
 */
export type Author = { domain: string; address: string; why: null } | { domain: null; address: null; why: string };

const HOST = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/;

/**
 * The author of a mail (RFC 5322 section 3.6.2). There is none without a From field, with several, or with
 * one that does not hold exactly one address: DMARC has nothing to align with then (RFC 9989 section 5.3.1),
 * and readers would disagree about the author. `Sender` does not name the author.
 */
export function authorOf(fields: readonly Field[]): Author {
  const from = fields.filter(({ name }) => name === 'from');
  if (from.length === 0) return none('the mail has no From field');
  if (from.length > 1) return none('the mail has more than one From field');
  return mailboxOf(from[0]!.value) ?? none('the mail has no From field with one address');
}

const none = (why: string): Author => ({ domain: null, address: null, why });

/**
 * The one mailbox (RFC 5322 section 3.4) that a From field holds; null for a group, several, or anything
 * unclear.
 */
function mailboxOf(value: string): (Author & { why: null }) | null {
  // Bytes beyond ASCII are UTF-8 (RFC 6532), or not allowed in an address.
  const text = withoutComments(Buffer.from(value, 'latin1').toString());
  if (/[\x00-\x08\x0a-\x1f\x7f]/.test(text)) return null;
  // An unterminated string is taken to the end of the text, where no address ends: searching for its end from
  // each quote would take quadratic time.
  const bare = text.replace(/"(?:[^"\\]|\\.)*"?/g, '\x01').trim();
  if (bare.includes('\\')) return null;
  const angle = bare.indexOf('<');
  if (angle < 0) return addressOf(bare);
  const phrase = bare.slice(0, angle).trim();
  if (!bare.endsWith('>') || /[,;:<>[\]]/.test(phrase)) return null;
  const author = addressOf(bare.slice(angle + 1, -1).trim());
  // A display name that looks like an address is another author to some readers; in many mails it repeats the
  // address.
  if (phrase.includes('@') && (author === null || addressOf(phrase)?.domain !== author.domain)) return null;
  return author;
}

/** An addr-spec (RFC 5322 section 3.4.1) without blanks in it. */
function addressOf(text: string): (Author & { why: null }) | null {
  const parts = /^(\x01|[^\s@<>,;:[\]()\x01]+)@([^\s@<>,;:[\]()\x01]+)$/.exec(text);
  if (parts === null || text.includes('\ufffd')) return null;
  const [, local, host] = parts as unknown as [string, string, string];
  const domain = normalDomain(host);
  if (domain.length > 253 || !HOST.test(domain)) return null;
  return { domain, address: `${local === '\x01' ? '' : local.toLowerCase()}@${domain}`, why: null };
}

/**
 * A structured value without its comments (RFC 5322 section 3.2.2), which nest, and do not begin within
 * quotes.
 * @param quotes respect quoted strings within comments as well: contrary to the RFC, but as many programs
 *   write them
 */
export function withoutComments(value: string, quotes = false): string {
  let out = '';
  let depth = 0;
  let quoted = false;
  for (let i = 0; i < value.length; i++) {
    const c = value[i]!;
    if (c === '\\' && (quoted || depth > 0)) {
      if (depth === 0) out += c + (value[i + 1] ?? '');
      i++;
    } else if (c === '"' && (depth === 0 || quotes)) {
      quoted = !quoted;
      if (depth === 0) out += c;
    } else if (c === '(' && !quoted) {
      depth++;
      out += depth === 1 ? ' ' : '';
    } else if (c === ')' && depth > 0 && !quoted) depth--;
    else if (depth === 0) out += c;
  }
  // An unterminated comment makes everything after it unclear.
  return depth > 0 ? `${out}(` : out;
}
