import { createHash } from 'node:crypto';
import { addressesIn } from '../address.ts';
import { type Limits, Refusal } from '../limits.ts';
import { withoutComments } from '../mail/author.ts';
import { domainIn } from '../mail/domain.ts';
import { firstFields, readHeader } from '../mail/header.ts';
import { headOf, type MailHead } from '../mail/mime.ts';
import type { FailureReport } from '../model.ts';
import { Problems } from '../problem-list.ts';
import { enumerated, excerpt, printable, wholeNumber } from '../text.ts';
import { LAST_SECOND, mailTime } from '../time.ts';

/**
 * The fields of a feedback report (RFC 5965 section 3), by lower-case name, unfolded, each with all its
 * values.
 */
export type FeedbackFields = ReadonlyMap<string, readonly string[]>;

/**
 * Words in a notice of Exim's filters (cPanel, SpamExperts), which has no machine-readable part; `>` precedes
 * the lines of a notice that was quoted.
 */
const NOTICE = /a[\s>|]+message[\s>|]+claiming[\s>|]+to[\s>|]+be[\s>|]+from[\s>|]+you[\s>|]+has[\s>|]+failed/i;
/** What mail programs put in front of quoted lines, with a blank after it or without one. */
const WITH_BLANK = /^[ \t]{0,8}(?:[>|] ?)+/gm;
const WITHOUT_BLANK = /^[ \t]{0,8}(?:[>|] )*[>|]+/gm;
/** The line after which such a notice quotes the header of the failed mail. */
const QUOTED = /^-{2,}[^\r\n]*copy of the (?:headers|message)[^\r\n]*(?:\r\n|\n|\r)/im;

/**
 * Reads the machine-readable part of a feedback report. Folded lines are joined; blank lines and lines that
 * are no field are ignored.
 *
 * @throws Refusal `feedback_too_long`
 */
export function feedbackFields(bytes: Buffer, limits: Limits): FeedbackFields {
  guardLength(bytes, limits);
  return statedFields(bytes.toString('utf8'));
}

/**
 * The fields in a text, as of a header. Folded lines are joined; blank lines and lines that are no field are
 * ignored.
 */
export function statedFields(text: string): FeedbackFields {
  const fields = new Map<string, string[]>();
  let values: string[] | null = null;
  for (const line of text.split(/\r\n|\n|\r/)) {
    if (line.startsWith(' ') || line.startsWith('\t')) {
      if (values !== null && line.trim() !== '') values.push(`${values.pop()} ${line.trim()}`);
      continue;
    }
    const match = /^([A-Za-z][A-Za-z0-9-]{0,60})[ \t]*:(.*)$/.exec(line);
    if (match === null) {
      values = null;
      continue;
    }
    const name = (match[1] as string).toLowerCase();
    values = fields.get(name) ?? [];
    values.push((match[2] as string).trim());
    fields.set(name, values);
  }
  return fields;
}

/**
 * Whether the fields are those of an authentication failure (RFC 6591 section 3.1), not of a complaint or
 * something else.
 */
export function isAuthFailure(fields: FeedbackFields): boolean {
  const type = fields.get('feedback-type')?.[0];
  return type === undefined ? fields.has('auth-failure') : /^auth-failure\b/i.test(type);
}

/**
 * Builds the report from its fields (RFC 6591, RFC 9991), the head of the mail it is about, and that of the
 * mail it came in.
 *
 * @throws Refusal `reported_domain_missing`
 */
export function failureOf(fields: FeedbackFields, original: MailHead | null, carrier: MailHead): FailureReport {
  const problems = new Problems();
  const all = (name: string): string[] => (fields.get(name) ?? []).flatMap((value) => printable(value) ?? []);
  const one = (name: string): string | null => {
    const [first, ...others] = all(name);
    if (others.some((other) => other !== first)) {
      problems.add('repeated_element', `The report has the field ${name} more than once; the first one counts.`);
    }
    return first ?? null;
  };
  if (!fields.has('feedback-type')) {
    problems.add(
      'feedback_type_missing',
      'The report does not say its type; by its fields it is about an authentication failure.',
    );
  }
  if (original === null) problems.add('original_missing', 'No part of the mail that failed is attached.');
  const incidents = one('incidents');
  return finish(
    {
      form: 'arf',
      user_agent: one('user-agent'),
      domain: one('reported-domain'),
      source_ip: one('source-ip'),
      arrived: one('arrival-date') ?? one('received-date'),
      incidents: incidents === null ? null : wholeNumber(incidents),
      auth_failure: all('auth-failure').flatMap((value) => enumeratedOrNull(value) ?? []),
      identity_alignment: one('identity-alignment'),
      delivery_result: one('delivery-result'),
      authentication_results: all('authentication-results'),
      dkim_domain: one('dkim-domain'),
      dkim_selector: one('dkim-selector')?.replace(/[\s;,].*$/, '') || null,
      dkim_identity: one('dkim-identity'),
      original_envelope_id: one('original-envelope-id'),
      original_mail_from: one('original-mail-from'),
      original_rcpt_to: all('original-rcpt-to'),
    },
    original,
    carrier,
    problems,
  );
}

/** Whether a text is a failure notice in prose. */
export function isNotice(head: string): boolean {
  return NOTICE.test(head);
}

/**
 * Reads a failure notice in prose, also when it was quoted in another mail: its list of facts, and the header
 * it quotes.
 *
 * @throws Refusal `feedback_too_long`, `header_too_long`, `reported_domain_missing`
 */
export function noticeOf(raw: Buffer, carrier: MailHead, limits: Limits): FailureReport {
  guardLength(raw, limits);
  const bytes = withoutQuoteMarks(raw);
  const text = bytes.toString('latin1');
  const quoted = QUOTED.exec(text);
  const facts = quoted === null ? text : text.slice(0, quoted.index);
  const fact = (name: string): string | null => {
    const found = new RegExp(`^[ \\t]*${name}[ \\t]*:[ \\t]*([^\\r\\n]*)`, 'im').exec(facts)?.[1];
    return found === undefined ? null : printable(Buffer.from(found, 'latin1').toString());
  };
  const problems = new Problems();
  const original = quoted === null ? null : originalOf(bytes, skipLines(text, quoted.index + quoted[0].length), limits);
  if (original === null) problems.add('original_missing', 'No part of the mail that failed is attached.');
  const aligned = ['DKIM', 'SPF'].filter((what) => /^yes\b/i.test(fact(`${what} Alignment`) ?? ''));
  const stated = fact('DKIM Alignment') !== null || fact('SPF Alignment') !== null;
  return finish(
    {
      form: 'notice',
      user_agent: null,
      domain: fact('Sender Domain'),
      source_ip: fact('Sender IP Address'),
      arrived: fact('Received date'),
      incidents: null,
      auth_failure: ['dmarc'],
      identity_alignment: stated ? aligned.join(', ').toLowerCase() || 'none' : null,
      delivery_result: fact('DMARC Results'),
      authentication_results: [],
      dkim_domain: null,
      dkim_selector: null,
      dkim_identity: null,
      original_envelope_id: null,
      original_mail_from: null,
      original_rcpt_to: [],
    },
    original,
    carrier,
    problems,
  );
}

/**
 * The head of the mail that failed, from the header section at `start` (a `text/rfc822-headers` part, or
 * quoted in a notice); null when there is none.
 *
 * @throws Refusal `header_too_long`
 */
export function originalOf(bytes: Buffer, start: number, limits: Limits): MailHead | null {
  const from = skipLines(bytes.toString('latin1', 0, start + 1024), start);
  const { fields } = readHeader(bytes, from, bytes.length, limits);
  return fields.length === 0 ? null : headOf(firstFields(fields));
}

/** A quoted notice as it was before somebody quoted it. */
function withoutQuoteMarks(bytes: Buffer): Buffer {
  const text = bytes.toString('latin1');
  const line = text.slice(text.lastIndexOf('\n', NOTICE.exec(text)?.index ?? 0) + 1);
  const mark = /^[ \t]*[>|][>| ]*/.exec(line)?.[0];
  if (mark === undefined) return bytes;
  // The sentence is not indented: so the next blank would be the indent of a folded field.
  return Buffer.from(text.replace(mark.endsWith(' ') ? WITH_BLANK : WITHOUT_BLANK, ''), 'latin1');
}

/** The texts of a report before they are interpreted. */
type Stated = Omit<
  FailureReport,
  'kind' | 'reporter' | 'domain' | 'arrived' | 'header_from' | 'subject' | 'message_id' | 'redacted' | 'problems' | 'content_hash'
> & { domain: string | null; arrived: string | null };

function finish(stated: Stated, original: MailHead | null, carrier: MailHead, problems: Problems): FailureReport {
  const header_from = original?.from ?? null;
  const stands = domainOf(stated.domain);
  const author = domainOf(header_from);
  // "unknown" and "null" are words for no domain, whatever else a name without a dot may be.
  const named = stands?.includes('.') || !author?.includes('.') ? stands : null;
  const domain = named ?? author;
  if (domain === null) {
    throw new Refusal(
      'reported_domain_missing',
      'The failure report does not say which domain it is about, and quotes no author of the mail that failed.',
    );
  }
  if (named === null) {
    problems.add('reported_domain_missing', 'The report names no domain; it is taken from the author of the failed mail.');
  }
  // Over everything the report says and the mail it came in: the same mail in two mailboxes is one report, a
  // second mail is another.
  const content_hash = createHash('sha256')
    .update(JSON.stringify([stated, original, carrier.from, carrier.message_id]))
    .digest('hex');
  return {
    ...stated,
    kind: 'failure',
    reporter: domainOf(carrier.from),
    domain,
    source_ip: addressOf(stated.source_ip, problems),
    arrived: timeOf(stated.arrived, problems),
    identity_alignment: enumeratedOrNull(stated.identity_alignment),
    delivery_result: enumeratedOrNull(stated.delivery_result),
    dkim_domain: domainOf(stated.dkim_domain),
    header_from,
    subject: original?.subject ?? null,
    message_id: original?.message_id ?? null,
    redacted: false,
    problems: problems.list(),
    content_hash,
  };
}

/** `Source-IP`, where a host name or brackets may surround the address. */
function addressOf(text: string | null, problems: Problems): string | null {
  if (text === null) {
    problems.add('source_ip_missing', 'The report does not say which address the mail came from.');
    return null;
  }
  const [address] = addressesIn(text);
  if (address !== undefined) return address;
  problems.add('source_ip_invalid', `The report has an invalid source address: ${excerpt(text, 80)}.`);
  return null;
}

function timeOf(text: string | null, problems: Problems): number | null {
  if (text === null) return null;
  const moment = mailTime(text);
  if (moment === null || moment.seconds < 0 || moment.seconds > LAST_SECOND) {
    problems.add('time_unreadable', `The time at which the mail arrived is invalid: ${excerpt(text, 80)}.`);
    return null;
  }
  if (!moment.zoned) {
    problems.add('time_zone_missing', 'The report does not state its time zone; it is taken as UTC.');
  }
  return moment.seconds;
}

const domainOf = (text: string | null): string | null => (text === null ? null : domainIn(text));

/** A value of an enumeration, or a list of them, without comments and without the punctuation after it. */
function enumeratedOrNull(text: string | null): string | null {
  return text === null ? null : enumerated(withoutComments(text).replace(/[\s;,]+$/, ''));
}

/** @throws Refusal `feedback_too_long` */
export function guardLength(bytes: Buffer, limits: Limits): void {
  if (bytes.length <= limits.feedbackLength) return;
  throw new Refusal('feedback_too_long', `The failure report is longer than ${limits.feedbackLength} bytes.`);
}

/** The first position from `at` on that is not a line end. */
function skipLines(text: string, at: number): number {
  let i = at;
  while (text.charCodeAt(i) === 10 || text.charCodeAt(i) === 13) i++;
  return i;
}
