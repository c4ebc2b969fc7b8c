import { SNIFF_LENGTH, sniff } from '../container/sniff.ts';
import { type Limits, Refusal } from '../limits.ts';
import { MailLimits } from '../mail-limits.ts';
import { printable } from '../text.ts';
import { firstFields, readHeader, readMailHeader, WHOLE_HEADER } from './header.ts';
import { asOctets, looksLikeMail } from './inner.ts';
import { decodeWords, type Parameterised, parseParameterised } from './parameters.ts';

/** A leaf of a mail: a slice of it, not yet decoded. */
export interface MimePart {
  /** Lower case; 'text/plain' when the part does not say. */
  type: string;
  charset: string | null;
  /** The file name in Content-Disposition, else in Content-Type. */
  name: string | null;
  /** Content-Transfer-Encoding, lower case. */
  encoding: string;
  /** The undecoded body. */
  bytes: Buffer;
  /** The numbers, in `mails`, of the forwarded mails (message/rfc822) around it, the innermost last. */
  within: readonly number[];
  /** Multiparts and mails around it. */
  depth: number;
  /** It is the whole body, so its name comes from the mail's own header. */
  whole: boolean;
}

/** What a header section says about its mail. */
export interface MailHead {
  from: string | null;
  subject: string | null;
  message_id: string | null;
}

/** A mail, split into its parts. */
export interface Mail extends MailHead {
  parts: MimePart[];
  /** The heads of the mails forwarded in it (message/rfc822), in order; `within` as in its parts. */
  mails: Array<MailHead & { within: readonly number[] }>;
}

/** What the poller records about a mail. */
export interface Envelope extends MailHead {
  date: string | null;
  /**
   * The topmost Authentication-Results field, unfolded; its writer must be checked before it is relied on
   * (RFC 8601 section 5).
   */
  authentication_results: string | null;
}

/**
 * The envelope of a mail from its first bytes (its header section, or as much of it as there is). Tolerant,
 * never throws.
 */
export function readEnvelope(head: Buffer): Envelope {
  // No limit on the length: the caller decided how many bytes to pass.
  const fields = firstFields(readMailHeader(asOctets(head), WHOLE_HEADER).fields);
  return {
    ...headOf(fields),
    date: textOf(fields, 'date'),
    authentication_results: textOf(fields, 'authentication-results'),
  };
}

/**
 * Splits a mail into its parts: leaves in order, forwarded mails opened, nothing decoded unless necessary.
 * Null when the bytes do not begin with a header section, so are no mail.
 *
 * @param totals the totals of the delivered mail that this one is inside of
 * @param depth the multiparts and mails around it
 * @throws Refusal `too_many_parts`, `mime_too_deep`, `header_too_long`
 */
export function readMail(raw: Buffer, limits: Limits, totals = new MailLimits(limits), depth = 0): Mail | null {
  const header = readMailHeader(raw, limits);
  if (header.fields.length === 0) return null;
  const fields = firstFields(header.fields);
  const walker = new Walker(limits, totals, depth);
  const content = contentOf(fields);
  walker.entity(raw, fields, { start: header.body, end: raw.length, depth, within: [] }, content);
  return {
    ...headOf(fields),
    parts: walker.parts,
    mails: walker.mails,
  };
}

/** The content type of an entity (RFC 2045 section 5.2: plain text when it has none). */
function contentOf(fields: ReadonlyMap<string, string>): Parameterised {
  return parseParameterised(fields.get('content-type') ?? 'text/plain');
}

/** The head of a mail from its header fields, with encoded words decoded. */
export function headOf(fields: ReadonlyMap<string, string>): MailHead {
  return { from: textOf(fields, 'from'), subject: textOf(fields, 'subject'), message_id: textOf(fields, 'message-id') };
}

function textOf(fields: ReadonlyMap<string, string>, name: string): string | null {
  const value = fields.get(name);
  return value === undefined ? null : printable(decodeWords(value));
}

/** Where the body of an entity lies in the mail, and inside of what. */
interface Extent {
  start: number;
  end: number;
  depth: number;
  /** As in MimePart. */
  within: readonly number[];
}

class Walker {
  readonly parts: MimePart[] = [];
  readonly mails: Mail['mails'] = [];
  private readonly limits: Limits;
  private readonly totals: MailLimits;
  /** The depth of the mail itself. */
  private readonly top: number;

  constructor(limits: Limits, totals: MailLimits, top: number) {
    this.limits = limits;
    this.totals = totals;
    this.top = top;
  }

  /** Reads one entity of `raw` by its header fields. */
  entity(raw: Buffer, fields: Map<string, string>, extent: Extent, content = contentOf(fields)): void {
    const { start, end, depth, within } = extent;
    this.totals.addParts(1);
    if (depth > this.limits.mimeDepth) {
      throw new Refusal('mime_too_deep', `The mail nests MIME parts more than ${this.limits.mimeDepth} deep.`);
    }
    if (content.value.startsWith('multipart/') && !(depth === this.top && isDocument(raw.subarray(start, end)))) {
      const boundary = content.parameters.get('boundary') || guessBoundary(raw, start, end);
      if (boundary !== null) {
        this.multipart(raw, boundary, extent);
        return;
      }
    }
    const encoding = transferEncoding(fields.get('content-transfer-encoding'));
    if (content.value === 'message/rfc822' || content.value === 'message/global') {
      const body = raw.subarray(start, end);
      // Some programs declare an encoding that RFC 2046 section 5.2.1 forbids here, and do not encode.
      const plain = encoding === 'base64' && looksLikeMail(body.subarray(0, SNIFF_LENGTH));
      this.message(plain ? body : decodeBody(body, encoding), depth + 1, within);
      return;
    }
    const disposition = fields.get('content-disposition');
    const file = disposition === undefined ? undefined : parseParameterised(disposition).parameters.get('filename');
    const bytes = raw.subarray(start, end);
    this.parts.push({
      type: content.value || 'text/plain',
      charset: content.parameters.get('charset') ?? null,
      name: file ?? content.parameters.get('name') ?? null,
      encoding: isBase64Archive(bytes) ? 'base64' : encoding,
      bytes,
      within,
      depth,
      whole: depth === this.top,
    });
  }

  private message(raw: Buffer, depth: number, around: readonly number[]): void {
    const header = readMailHeader(raw, this.limits);
    const fields = firstFields(header.fields);
    const within = [...around, this.mails.length];
    this.mails.push({ ...headOf(fields), within });
    this.entity(raw, fields, { start: header.body, end: raw.length, depth, within });
  }

  private multipart(raw: Buffer, boundary: string, extent: Extent): void {
    const { start, end } = extent;
    const part = (from: number, to: number) => this.part(raw, { ...extent, start: from, end: to, depth: extent.depth + 1 });
    const delimiter = Buffer.from(`--${boundary}`, 'latin1');
    // Only what lies before `end` belongs to this multipart; a view bounds the search natively.
    const view = raw.subarray(0, end);
    let partStart = -1;
    for (let at = view.indexOf(delimiter, start); at >= 0; ) {
      // Checked first: in a body of dashes only, every byte may begin a delimiter, and searching for the end
      // of its line each time would take quadratic time.
      if (at > start && view[at - 1] !== 10 && view[at - 1] !== 13) {
        at = view.indexOf(delimiter, at + 1);
        continue;
      }
      const line = lineEnd(view, at + delimiter.length, end);
      const rest = view.toString('latin1', at + delimiter.length, Math.min(line.end, at + delimiter.length + 128));
      const close = rest.startsWith('--');
      // A longer boundary that begins with this one is another boundary.
      if (!close && rest.trim() !== '') {
        at = view.indexOf(delimiter, at + 1);
        continue;
      }
      if (partStart >= 0) part(partStart, beforeLineEnd(view, at, partStart));
      if (close) return;
      partStart = line.next;
      at = view.indexOf(delimiter, line.next);
    }
    // No closing delimiter: the last part goes to the end.
    if (partStart >= 0) part(partStart, end);
    // The announced boundary never occurs: the body is taken as one text.
    else this.entity(raw, new Map(), { ...extent, depth: extent.depth + 1 });
  }

  private part(raw: Buffer, extent: Extent): void {
    const { start, end } = extent;
    const header = readHeader(raw, start, Math.max(start, end), this.limits);
    this.entity(raw, firstFields(header.fields), { ...extent, start: header.body, end: Math.max(header.body, end) });
  }
}

/**
 * Whether the body of a mail is a bare XML document. It is read as one whatever its Content-Type says, since
 * many signers do not sign that field: otherwise anybody who forwards the mail could turn a line such as
 * `-->` in it into a delimiter.
 */
export function isDocument(body: Buffer): boolean {
  return sniff(body.subarray(0, SNIFF_LENGTH)) === 'xml';
}

/** A gzip or zip in base64, whose declaration some gateways lose or change. */
const BASE64_ARCHIVE = /^\s{0,64}(?:H4sI|UEsDB)[A-Za-z0-9+/]{12}/;

function isBase64Archive(body: Buffer): boolean {
  return BASE64_ARCHIVE.test(body.toString('latin1', 0, 128));
}

/** The boundary of a multipart that does not name it: mostly its first line. */
function guessBoundary(raw: Buffer, start: number, end: number): string | null {
  const head = raw.toString('latin1', start, Math.min(end, start + 4096));
  return /(?:^|[\r\n])--([^\r\n]{1,200}?)[ \t]*[\r\n]/.exec(head)?.[1] ?? null;
}

function lineEnd(raw: Buffer, from: number, end: number): { end: number; next: number } {
  for (let i = from; i < end; i++) {
    if (raw[i] === 10) return { end: i, next: i + 1 };
    if (raw[i] === 13) {
      const next = afterCrs(raw, i);
      return { end: i, next: raw[next] === 10 ? next + 1 : i + 1 };
    }
  }
  return { end, next: end };
}

/** The first byte that is no CR: some programs write a line end of CR LF as CR CR LF. */
function afterCrs(raw: Buffer, at: number): number {
  let next = at;
  while (raw[next] === 13) next++;
  return next;
}

/** The line end before a delimiter belongs to the delimiter (RFC 2046 section 5.1.1). */
function beforeLineEnd(raw: Buffer, at: number, floor: number): number {
  let end = at;
  const lf = end > floor && raw[end - 1] === 10;
  if (lf) end--;
  if (end > floor && raw[end - 1] === 13) end--;
  while (lf && end > floor && raw[end - 1] === 13) end--;
  return end;
}

/** The encoding that a Content-Transfer-Encoding field names, lower case; '' when there is none. */
export function transferEncoding(field: string | undefined): string {
  return (field ?? '').replace(/[;\s].*$/s, '').toLowerCase();
}

/**
 * The decoded bytes of a body. A body in an unknown encoding is left as it is: its bytes may still be
 * recognised.
 */
export function decodeBody(body: Buffer, encoding: string): Buffer {
  if (encoding === 'base64') return Buffer.from(body.toString('latin1'), 'base64');
  if (encoding === 'quoted-printable') return decodeQuotedPrintable(body);
  return body;
}

/** Decodes quoted-printable (RFC 2045 section 6.7). An "=" that means nothing is kept. */
export function decodeQuotedPrintable(body: Buffer): Buffer {
  const out = Buffer.allocUnsafe(body.length);
  let length = 0;
  for (let i = 0; i < body.length; i++) {
    const c = body[i] as number;
    if (c !== 61) {
      out[length++] = c;
      continue;
    }
    let next = i + 1;
    while (body[next] === 32 || body[next] === 9) next++;
    if (body[next] === 13 || body[next] === 10 || next >= body.length) {
      const lf = afterCrs(body, next);
      i = body[lf] === 10 ? lf : next;
      continue;
    }
    const high = hexDigit(body[i + 1]);
    const low = hexDigit(body[i + 2]);
    if (high < 0 || low < 0) {
      out[length++] = c;
      continue;
    }
    out[length++] = high * 16 + low;
    i += 2;
  }
  return out.subarray(0, length);
}

function hexDigit(c: number | undefined): number {
  if (c === undefined) return -1;
  if (c >= 48 && c <= 57) return c - 48;
  if (c >= 65 && c <= 70) return c - 55;
  if (c >= 97 && c <= 102) return c - 87;
  return -1;
}
