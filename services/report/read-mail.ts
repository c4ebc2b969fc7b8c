import type { RecordSink } from './aggregate/record-stream.ts';
import { announcesFailure, announcesReport, datesIn, namesArchive, namesReport } from './claims.ts';
import { foreignArchive, SNIFF_LENGTH, sniff, sortOf } from './container/sniff.ts';
import { type Payload, Unpacker } from './container/unpack.ts';
import { bouncesIn } from './failure/dsn.ts';
import { feedbackIn, noticeIn, partsBesideFeedback } from './failure/in-mail.ts';
import { type Limits, Refusal, withDefaults } from './limits.ts';
import { isCompoundFile } from './mail/compound.ts';
import { asOctets, looksLikeMail, mailsIn } from './mail/inner.ts';
import { decodeBody, type Mail, type MimePart, readMail } from './mail/mime.ts';
import { readMsg } from './mail/outlook-msg.ts';
import { isTnef, tnefFiles } from './mail/tnef.ts';
import { type Encoded, encodedFiles } from './mail/uuencode.ts';
import { MailLimits } from './mail-limits.ts';
import type { AggregateReport, FailureReport, Problem, ReadEvent } from './model.ts';
import { ARCHIVE_DAMAGED, DocumentReader } from './read-documents.ts';

/** Bytes of a body that are decoded to find out what it is. */
const PEEK = 2 * SNIFF_LENGTH;
/** Records in one batch by default: the fastest size for COPY into Postgres. */
const DEFAULT_BATCH = 5_000;

/** How to read. */
export interface ReadOptions {
  /** Limits other than the defaults. */
  limits?: Partial<Limits>;
  /** Records in one batch. */
  batch?: number;
  /** File name, when the bytes are a file. */
  name?: string;
  /** Which reports are read by the second reader as well; one in a hundred by default. */
  again?: (report: AggregateReport) => boolean;
  /** Takes the records of aggregate reports, which are then not delivered in batches. */
  sink?: RecordSink;
}

/**
 * Reads one mail, also in Outlook's format (.msg), or one bare file (XML, gzip, zip, tar, JSON; the bytes
 * decide), as a stream of events in bounded memory: records in batches, then their report; TLS and failure
 * reports; bounces; refusals with a code; `nothing` when there is no report of any kind, also after bounces.
 * Never throws because of what was delivered.
 */
export async function* readMessage(raw: Uint8Array, options: ReadOptions = {}): AsyncGenerator<ReadEvent> {
  const limits = withDefaults(options.limits);
  const reading = new Reading(limits, options);
  const bytes = Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength);
  try {
    yield* reading.message(bytes, options.name ?? null);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    yield { type: 'refused', part: reading.part, name: reading.name, problem: problemOf(error) };
  }
}

/**
 * The events of a mail, which end in a Refusal instead of an event of that type, and the document that the
 * newest event is about.
 */
export function readingOf(
  raw: Uint8Array,
  options: ReadOptions,
): { events: AsyncGenerator<ReadEvent>; current: () => Payload | null } {
  const reading = new Reading(withDefaults(options.limits), options);
  const bytes = Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength);
  return { events: reading.message(bytes, options.name ?? null), current: () => reading.payload };
}

/**
 * Anybody can forward a mail in one of their own, and servers return undeliverable mail: both then sign what
 * another wrote.
 */
const FORWARDED = 'the report is in a mail that was forwarded or returned inside it';
/** Many programs quote in their answers what another wrote. */
const IN_TEXT = 'the report is in the text of the mail, which may quote what another wrote';
/** Many signers do not sign the fields that hold the name of the only part. */
const NAMED = 'the dates of the report come from the name of the attachment alone, which anybody could have changed';

const NOT_A_REPORT = 'That is no report.';
const NO_ARCHIVE: Problem = {
  code: ARCHIVE_DAMAGED,
  message: 'The attachment is called an archive, and its bytes are none; ask the sender for the report again.',
};
/** The reading of one mail or file. */
class Reading {
  /** The payload being read. */
  part = 0;
  name: string | null = null;
  /** The document being read. */
  payload: Payload | null = null;
  /** The name of the attachment or file it came in. */
  private container: string | null = null;
  /** The part it came in; null for a bare file. */
  private mimePart: MimePart | null = null;
  private readonly limits: Limits;
  private readonly documents: DocumentReader;
  private readonly unpacker: Unpacker;
  private readonly totals: MailLimits;
  /** An event was yielded for a payload: the mail is not `nothing`. */
  private reported = false;
  /** The most specific reason for `nothing` so far. */
  private nothing: Problem = { code: 'no_report', message: 'The mail holds no report.' };
  private promising = false;
  /** Mails around the one being read that were found by their bytes, in an attachment or archive. */
  private inside = 0;
  /** What is being read was encoded in a text. */
  private inText = false;

  constructor(limits: Limits, { batch = DEFAULT_BATCH, again, sink }: Pick<ReadOptions, 'batch' | 'again' | 'sink'>) {
    this.limits = limits;
    this.unpacker = new Unpacker(limits);
    this.totals = new MailLimits(limits);
    this.documents = new DocumentReader(limits, this.totals, { batch, ...(again && { again }), ...(sink && { sink }) });
  }

  async *message(bytes: Buffer, name: string | null): AsyncGenerator<ReadEvent> {
    if (bytes.length > this.limits.mailBytes) {
      throw new Refusal('mail_too_large', `The mail is larger than ${this.limits.mailBytes} bytes.`);
    }
    if (bytes.length === 0) {
      this.nothing = { code: 'empty', message: 'The file is empty.' };
    } else if (isCompoundFile(bytes)) {
      yield* this.mail(readMsg(bytes, this.limits, this.totals), 0);
    } else if (isPayload(bytes)) {
      yield* this.bytes(bytes, { name });
    } else {
      const mail = readMail(asOctets(bytes), this.limits, this.totals);
      if (mail !== null && !(namesArchive(name, null) && !looksLikeMail(bytes.subarray(0, SNIFF_LENGTH)))) {
        yield* this.mail(mail, 0);
      } else {
        this.nothing = { code: 'not_a_mail', message: 'The file is neither a mail nor a report.' };
        // A zip after other bytes, or what should be an archive.
        yield* this.bytes(bytes, { name });
      }
    }
    if (this.reported) return;
    if (this.promising) {
      const message = `The mail claims to be a report, but holds none. ${this.nothing.message}`;
      yield { type: 'refused', part: this.part, name: this.name, problem: { code: 'report_not_found', message } };
    } else {
      yield { type: 'nothing', problem: this.nothing };
    }
  }

  /** @param containers those around the mail */
  private async *mail(mail: Mail, containers: number): AsyncGenerator<ReadEvent> {
    if ([mail, ...mail.mails].some(({ subject }) => announcesReport(subject))) this.promising = true;
    for (const found of feedbackIn(mail, this.limits)) {
      this.name = found.name;
      if ('report' in found) yield this.failure(found.name, found.report, found.forwarded);
      else if ('refusal' in found) yield this.refused(found.name, problemOf(found.refusal));
      else {
        this.promising = false;
        this.nothing = {
          code: 'complaint',
          message: `The mail is a feedback report of type ${found.about}, not one of a DMARC failure.`,
        };
      }
    }
    for (const part of partsBesideFeedback(mail)) {
      if (part.bytes.length > 0) yield* this.mimeLeaf(mail, part, containers);
    }
    yield* this.bounces(mail);
  }

  private *bounces(mail: Mail): Generator<ReadEvent> {
    // A bounce inside another mail was forwarded: whoever forwards it did not see it happen.
    if (this.inside > 0) return;
    try {
      for (const { name, bounce } of bouncesIn(mail, this.limits)) {
        // What it returns may call itself a report.
        this.promising = false;
        this.nothing = { code: 'bounce', message: 'The mail says that another was not delivered (RFC 3464).' };
        yield { type: 'bounce', part: this.part++, name, bounce };
      }
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      this.nothing = problemOf(error);
    }
  }

  private async *mimeLeaf(mail: Mail, part: MimePart, containers: number): AsyncGenerator<ReadEvent> {
    if (namesReport(part.name)) this.promising = true;
    const head = decodeBody(part.bytes.subarray(0, PEEK), part.encoding);
    const kind = sniff(head.subarray(0, SNIFF_LENGTH));
    if (kind === 'unknown') {
      if (announcesFailure(head.toString('latin1'))) this.promising = true;
      // A header without its mail, as in a returned one.
      if (part.type === 'text/rfc822-headers') return;
      if (!this.reported) {
        try {
          const notice = noticeIn(mail, part, this.limits, PEEK);
          if (notice !== null) {
            yield this.failure(part.name, notice, part.within.length > 0);
            return;
          }
        } catch (error) {
          if (!(error instanceof Refusal)) throw error;
          yield this.refused(part.name, problemOf(error));
          return;
        }
      }
      if (part.type.startsWith('text/') && isProse(part)) return;
    } else if (kind === 'blank' && !namesArchive(part.name, part.type)) return;
    this.mimePart = part;
    const { name, charset } = part;
    yield* this.bytes(decodeBody(part.bytes, part.encoding), { name, charset, containers });
    this.mimePart = null;
  }

  /** Everything in the bytes of one attachment or file. */
  private async *bytes(
    bytes: Buffer,
    { name, charset = null, containers = 0 }: { name: string | null; charset?: string | null; containers?: number },
  ): AsyncGenerator<ReadEvent> {
    this.name = name;
    this.container = name;
    const found = this.unpacker.unpack(bytes, name, { depth: containers, counted: this.inside > 0 || this.inText });
    for (;;) {
      let next: IteratorResult<Awaited<ReturnType<typeof found.next>>['value']>;
      try {
        next = await found.next();
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        yield this.refused(this.name, problemOf(error));
        return;
      }
      if (next.done) return;
      const payload = next.value as Exclude<typeof next.value, undefined>;
      this.name = payload.name;
      if (payload.type === 'refused') {
        yield this.refused(payload.name, payload.problem);
        continue;
      }
      const packed = payload.depth > containers;
      if (payload.kind === 'xml' || payload.kind === 'json') yield* this.document(payload, packed ? null : charset);
      else yield* this.other(payload, packed);
    }
  }

  /** What is neither XML nor JSON: a mail, a text with a report in it, or no report. */
  private async *other(payload: Payload, packed: boolean): AsyncGenerator<ReadEvent> {
    const { head, name, problems, kind } = payload;
    if (kind === 'unknown') {
      const isMsg = isCompoundFile(head);
      if (isMsg || looksLikeMail(head)) {
        yield* this.inner(payload, isMsg);
        return;
      }
      if (isTnef(head)) {
        yield* this.attachments(payload);
        return;
      }
      const files = encodedFiles(payload.whole ?? head);
      if (files.length > 0) {
        yield* this.encoded(files, payload.depth);
        return;
      }
    }
    if (namesReport(name)) this.promising = true;
    const damage = problems.list().find(({ code }) => code === ARCHIVE_DAMAGED);
    const foreign = foreignArchive(head);
    const type = packed ? null : (this.mimePart?.type ?? null);
    if (damage !== undefined) yield this.refused(name, { ...damage, message: `${damage.message} ${NOT_A_REPORT}` });
    else if (foreign !== null) {
      const message = `The attachment is an archive of the format ${foreign}; only zip, gzip and tar can be opened.`;
      yield this.refused(name, { code: 'archive_method_unknown', message });
    } else if (namesArchive(packed && name === this.container ? null : name, type)) {
      const sort = sortOf(head);
      if (sort === 'bytes') yield this.refused(name, NO_ARCHIVE);
      if (sort === 'text') {
        this.promising = true;
        this.nothing = NO_ARCHIVE;
      }
    } else if (kind === 'blank')
      this.nothing = { code: 'empty_payload', message: 'The attachment is empty, or begins with too much white space.' };
    else if (packed) {
      this.nothing = { code: 'not_a_report', message: 'The attachment is neither XML nor JSON, so it is no report.' };
    }
  }

  /** A mail that was attached as a file, or is in an archive. */
  private async *inner(payload: Payload, isMsg: boolean): AsyncGenerator<ReadEvent> {
    const { mimePart, container, inText, limits, totals } = this;
    const depth = (mimePart?.depth ?? 0) + 1;
    let held = 0;
    this.inside++;
    try {
      const bytes = await this.unpacker.wholeOf(payload);
      totals.holdMail(bytes.length);
      held = bytes.length;
      for (const raw of isMsg ? [bytes] : mailsIn(bytes)) {
        const mail = isMsg ? readMsg(raw, limits, totals, depth) : readMail(raw, limits, totals, depth);
        if (mail !== null) yield* this.mail(mail, payload.depth);
      }
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      yield this.refused(payload.name, problemOf(error));
    } finally {
      totals.holdMail(-held);
      this.inside--;
      Object.assign(this, { mimePart, container, inText });
    }
  }

  /** Attachments that Exchange or Outlook has put into one (winmail.dat). */
  private async *attachments(payload: Payload): AsyncGenerator<ReadEvent> {
    const { container, totals, limits } = this;
    let held = 0;
    try {
      if (payload.depth >= limits.nesting)
        throw new Refusal('nested_too_deep', `Files called winmail.dat are nested more than ${limits.nesting} deep.`);
      const bytes = await this.unpacker.wholeOf(payload);
      totals.holdMail(bytes.length);
      held = bytes.length;
      for (const file of tnefFiles(bytes)) {
        if (namesReport(file.name)) this.promising = true;
        yield* this.bytes(file.bytes, { name: file.name, containers: payload.depth + 1 });
      }
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      yield this.refused(payload.name, problemOf(error));
    } finally {
      totals.holdMail(-held);
      this.container = container;
    }
  }

  /** Files that are encoded in a text. */
  private async *encoded(files: readonly Encoded[], containers: number): AsyncGenerator<ReadEvent> {
    const { container, inText } = this;
    this.inText = true;
    for (const { name, bytes } of files) {
      if (namesReport(name)) this.promising = true;
      yield* this.bytes(bytes, { name, containers });
    }
    Object.assign(this, { container, inText });
  }

  private async *document(payload: Payload, charset: string | null): AsyncGenerator<ReadEvent> {
    const { name } = payload;
    this.payload = payload;
    const hint = datesIn(name) ?? datesIn(this.container);
    for await (const found of this.documents.read(payload, { charset, hint })) {
      if (found.type === 'nothing') this.nothing = found.problem;
      else if (found.type === 'refused') yield this.refused(name, found.problem);
      else if (found.type === 'records') yield { type: 'records', part: this.part, begin: found.begin, records: found.records };
      else {
        this.reported = true;
        const { report } = found;
        if (report.kind === 'tlsrpt') yield { type: 'tlsrpt', part: this.part++, name, report, doubt: this.doubtOf([]) };
        else yield { type: 'report', part: this.part++, name, report, doubt: this.doubtOf(report.problems) };
      }
    }
  }

  private doubtOf(problems: readonly Problem[]): string | null {
    if (this.inside > 0) return FORWARDED;
    if (this.inText) return IN_TEXT;
    if (this.mimePart === null) return null;
    if (this.mimePart.within.length > 0) return FORWARDED;
    return this.mimePart.whole && problems.some(({ code }) => code === 'date_range_from_name') ? NAMED : null;
  }

  private refused(name: string | null, problem: Problem): ReadEvent {
    this.reported = true;
    return { type: 'refused', part: this.part++, name, problem };
  }

  private failure(name: string | null, report: FailureReport, forwarded: boolean): ReadEvent {
    this.reported = true;
    const doubt = this.inside > 0 || forwarded ? FORWARDED : this.inText ? IN_TEXT : null;
    return { type: 'failure', part: this.part++, name, report, doubt };
  }
}

const MARKS = [Buffer.from('begin'), Buffer.from('PK\x03\x04'), Buffer.from('PK\x05\x06')];

/**
 * Whether a text is just that: neither a mail, nor with a file in it, nor called one. Most mails have such a
 * part.
 */
function isProse({ bytes, encoding, name }: MimePart): boolean {
  return (
    name === null &&
    encoding !== 'base64' &&
    encoding !== 'quoted-printable' &&
    !looksLikeMail(bytes.subarray(0, SNIFF_LENGTH)) &&
    !MARKS.some((mark) => bytes.includes(mark))
  );
}

/** Whether bytes begin like a document or an archive, not like a mail. */
const isPayload = (bytes: Buffer): boolean => sniff(bytes.subarray(0, SNIFF_LENGTH)) !== 'unknown';

function problemOf(refusal: Refusal): Problem {
  return { code: refusal.code, message: refusal.message };
}
