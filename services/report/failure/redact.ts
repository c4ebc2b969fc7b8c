import type { FailureReport } from '../model.ts';

/** Replaces something personal; without a replacement it would look as if there had been nothing. */
export const HIDDEN = '***';

/**
 * Addresses without names and local parts: `"Ann" <ann@example.com>` becomes `***@example.com`. The null
 * sender `<>` is kept; a text without a domain is hidden entirely.
 */
export function redactAddress(text: string): string {
  if (/^\s*(?:<\s*>)?\s*$/.test(text)) return text;
  // Names, quoted local parts and comments may contain an "@" as well.
  const bare = text.replace(/"(?:[^"\\]|\\.)*"?/g, '').replace(/\([^)]*\)?/g, '');
  const angled = [...bare.matchAll(/<([^<>]*)>/g)].map((match) => match[1] as string);
  const domains = (angled.length > 0 ? angled : [bare]).flatMap((part) =>
    part.split(/[\s,;]+/).flatMap((address) => /@([^@:<>]+)$/.exec(address)?.[1] ?? []),
  );
  return domains.length === 0 ? HIDDEN : domains.map((domain) => `${HIDDEN}@${domain}`).join(', ');
}

/** What may precede an address and is not part of it (RFC 8601 section 2.2, and the keys of Received-SPF). */
const PROPERTY = /^(?:(?:smtp|header|policy|body|dns)\.[\w-]+|envelope-from|reason|mfrom|mailfrom|from)=/i;
const DELIMITERS = ' \t\r\n<>()[],;:"';

/** Authentication results with the local parts of addresses hidden; a bare `@example.com` is kept. */
export function redactResults(text: string): string {
  const pieces = text.split('@');
  const last = pieces.pop() as string;
  return pieces.map((piece) => `${withoutLocalPart(piece)}@`).join('') + last;
}

/**
 * A text that ends in a local part, with that part hidden. Without a regular expression, which would take
 * quadratic time.
 */
function withoutLocalPart(text: string): string {
  let start = text.length;
  if (text.endsWith('"')) start = Math.max(0, text.lastIndexOf('"', text.length - 2));
  else while (start > 0 && !DELIMITERS.includes(text[start - 1] as string)) start--;
  const word = text.slice(start);
  const property = PROPERTY.exec(word)?.[0] ?? '';
  return word.length === property.length ? text : `${text.slice(0, start)}${property}${HIDDEN}`;
}

/**
 * A failure report without anything that identifies a person: local parts and names of addresses, and the
 * subject.
 */
export function redactFailure(report: FailureReport): FailureReport {
  const address = (text: string | null): string | null => (text === null ? null : redactAddress(text));
  return {
    ...report,
    original_mail_from: address(report.original_mail_from),
    original_rcpt_to: report.original_rcpt_to.map(redactAddress),
    header_from: address(report.header_from),
    dkim_identity: report.dkim_identity?.startsWith('@') ? report.dkim_identity : address(report.dkim_identity),
    authentication_results: report.authentication_results.map(redactResults),
    subject: report.subject === null ? null : HIDDEN,
    redacted: true,
  };
}
