import type { NameHint } from './aggregate/metadata.ts';
import { SNIFF_LENGTH, sniff } from './container/sniff.ts';
import { type Payload, Unpacker } from './container/unpack.ts';
import { failureOf, feedbackFields, isAuthFailure, isNotice, noticeOf, originalOf } from './failure/failure.ts';
import { type Limits, Refusal, withDefaults } from './limits.ts';
import { Decoder, detectCharset } from './mail/charset.ts';
import { isCompoundFile } from './mail/compound.ts';
import { decodeBody, type Mail, type MailHead, type MimePart, readMail } from './mail/mime.ts';
import { readMsg } from './mail/msg.ts';
import { MailTotals } from './mail-totals.ts';
import type { AggregateReport, FailureReport, Problem, ReadEvent } from './model.ts';
import { excerpt } from './text.ts';
import { claimsTlsReport, readTlsReports } from './tlsrpt.ts';
import { readDocuments } from './xml/documents.ts';

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
}

/** Bytes of a body that are decoded to find out what it is. */
const PEEK = 2 * SNIFF_LENGTH;
/** A report's file name: receiver!domain!begin!end (RFC 7489 section 7.2.1.1, RFC 9990 section 5.3). */
const REPORT_NAME = /![^!]*!(\d{9,11})!(\d{9,11})(?=[!.]|$)/;
const REPORT_SUBJECT = /report[\s_-]*domain\s*:/i;

/**
 * Reads one mail, also in Outlook's format (.msg), or one bare file (XML, gzip, zip, tar, JSON; the bytes
 * decide), as a stream of events in bounded memory: records in batches, then their report; TLS and failure
 * reports; refusals with a code; `nothing` when there is no report of any kind. Never throws because of what
 * was delivered.
 */
export async function* readMessage(raw: Uint8Array, options: ReadOptions = {}): AsyncGenerator<ReadEvent> {
  const limits = withDefaults(options.limits);
  const reading = new Reading(limits, options.batch ?? DEFAULT_BATCH);
  const bytes = Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength);
  try {
    yield* reading.message(bytes, options.name ?? null);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    yield { type: 'refused', part: reading.part, name: reading.name, problem: problemOf(error) };
  }
}

/**
 * Anybody can forward a mail in one of their own, and servers return undeliverable mail: both then sign what
 * another wrote.
 */
const FORWARDED = 'the report is in a mail that was forwarded or returned inside it';
/** Many signers do not sign the fields that hold the name of the only part. */
const NAMED = 'the dates of the report come from the name of the attachment alone, which anybody could have changed';

/** The reading of one mail or file. */
class Reading {
  /** The payload being read. */
  part = 0;
  name: string | null = null;
  /** The name of the attachment or file it came in. */
  private container: string | null = null;
  /** The part it came in; null for a bare file. */
  private mimePart: MimePart | null = null;
  private readonly limits: Limits;
  private readonly batch: number;
  private readonly unpacker: Unpacker;
  private readonly totals: MailTotals;
  /** An event was yielded for a payload: the mail is not `nothing`. */
  private reported = false;
  /** The most specific reason for `nothing` so far. */
  private nothing: Problem = { code: 'no_report', message: 'The mail holds no report.' };
  private promising = false;

  constructor(limits: Limits, batch: number) {
    this.limits = limits;
    this.batch = batch;
    this.unpacker = new Unpacker(limits);
    this.totals = new MailTotals(limits);
  }

  async *message(bytes: Buffer, name: string | null): AsyncGenerator<ReadEvent> {
    if (bytes.length > this.limits.mailBytes) {
      throw new Refusal('mail_too_large', `The mail is larger than ${this.limits.mailBytes} bytes.`);
    }
    if (bytes.length === 0) {
      this.nothing = { code: 'empty', message: 'The file is empty.' };
    } else if (isCompoundFile(bytes)) {
      yield* this.mail(readMsg(bytes, this.limits));
    } else if (sniff(bytes.subarray(0, SNIFF_LENGTH)) !== 'unknown') {
      this.promising = REPORT_NAME.test(name ?? '');
      yield* this.bytes(bytes, name, null);
    } else {
      const mail = readMail(bytes, this.limits);
      if (mail === null) this.nothing = { code: 'not_a_mail', message: 'The file is neither a mail nor a report.' };
      else yield* this.mail(mail);
    }
    if (this.reported) return;
    if (this.promising) {
      const message = `The mail claims to be a report, but holds none. ${this.nothing.message}`;
      yield { type: 'refused', part: this.part, name: this.name, problem: { code: 'report_not_found', message } };
    } else {
      yield { type: 'nothing', problem: this.nothing };
    }
  }

  private async *mail(mail: Mail): AsyncGenerator<ReadEvent> {
    this.promising = REPORT_SUBJECT.test(mail.subject ?? '');
    const feedback = mail.parts.filter((part) => part.type === 'message/feedback-report');
    if (feedback.length > 0) {
      yield* this.feedback(mail, feedback);
      return;
    }
    for (const part of mail.parts) {
      if (part.bytes.length === 0) continue;
      const kind = sniff(decodeBody(part.bytes.subarray(0, PEEK), part.encoding).subarray(0, SNIFF_LENGTH));
      const attached = REPORT_NAME.test(part.name ?? '');
      if (attached) this.promising = true;
      if (kind === 'unknown' || kind === 'blank') {
        yield* this.notice(mail, part);
        continue;
      }
      this.mimePart = part;
      yield* this.bytes(decodeBody(part.bytes, part.encoding), part.name, part.charset);
    }
  }

  /**
   * ARF reports (RFC 5965): of DMARC failures (RFC 6591, RFC 9991), or of something else, which is ignored.
   */
  private *feedback(mail: Mail, parts: readonly MimePart[]): Generator<ReadEvent> {
    for (const [index, part] of parts.entries()) {
      this.name = part.name;
      try {
        const fields = feedbackFields(decodeBody(part.bytes, part.encoding), this.limits);
        if (isAuthFailure(fields)) {
          yield this.failure(part.name, failureOf(fields, this.original(mail, part, index), mail));
          continue;
        }
        const type = excerpt(fields.get('feedback-type')?.[0] ?? 'unknown', 40);
        this.promising = false;
        this.nothing = {
          code: 'complaint',
          message: `The mail is a feedback report of type ${type}, not one of a DMARC failure.`,
        };
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        yield this.refused(part.name, problemOf(error));
      }
    }
  }

  /** The head of the mail that a feedback part is about, which is attached whole or as its header alone. */
  private original(mail: Mail, part: MimePart, index: number): MailHead | null {
    const whole = mail.mails.filter(({ forwarded }) => forwarded === part.forwarded + 1);
    const found = whole[index] ?? whole[0];
    if (found !== undefined) return { from: found.from, subject: found.subject, message_id: found.message_id };
    const headers = mail.parts.filter(({ type, forwarded }) => type === 'text/rfc822-headers' && forwarded === part.forwarded);
    const header = headers[index] ?? headers[0];
    return header === undefined ? null : originalOf(decodeBody(header.bytes, header.encoding), 0, this.limits);
  }

  /** A failure notice in prose, as cPanel and others send it. */
  private *notice(mail: Mail, part: MimePart): Generator<ReadEvent> {
    if (part.type !== 'text/plain' || part.forwarded > 0 || this.reported) return;
    if (!isNotice(decodeBody(part.bytes.subarray(0, PEEK), part.encoding).toString('latin1'))) return;
    try {
      yield this.failure(part.name, noticeOf(decodeBody(part.bytes, part.encoding), mail, this.limits));
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      yield this.refused(part.name, problemOf(error));
    }
  }

  /** Everything in the bytes of one attachment or file. */
  private async *bytes(bytes: Buffer, name: string | null, charset: string | null): AsyncGenerator<ReadEvent> {
    this.name = name;
    this.container = name;
    const found = this.unpacker.unpack(bytes, name);
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
      if (payload.type === 'refused') yield this.refused(payload.name, payload.problem);
      else if (payload.kind === 'xml') yield* this.xml(payload, payload.packed ? null : charset);
      else if (payload.kind === 'json') yield* this.json(payload, payload.packed ? null : charset);
      else this.unrecognised(payload);
    }
  }

  private unrecognised(payload: Payload): void {
    const blank = payload.kind === 'blank';
    this.nothing = blank
      ? { code: 'empty_payload', message: 'The attachment is empty.' }
      : { code: 'not_a_report', message: 'The attachment is neither XML nor JSON, so it is no report.' };
    if (REPORT_NAME.test(payload.name ?? '')) this.promising = true;
  }

  private async *json(payload: Payload, charset: string | null): AsyncGenerator<ReadEvent> {
    const decoder = new Decoder(detectCharset(payload.head, charset));
    let text = '';
    let size = 0;
    try {
      for await (const chunk of payload.open()) {
        size += chunk.length;
        if (size > this.limits.jsonBytes) {
          throw new Refusal('json_too_large', `The JSON document is larger than ${this.limits.jsonBytes} bytes.`);
        }
        text += decoder.write(chunk);
      }
      text += decoder.end();
      if (!claimsTlsReport(text)) {
        if (!this.reported) this.nothing = { code: 'not_a_report', message: 'The attachment is JSON, but not a TLS report.' };
        return;
      }
      if (decoder.replaced) {
        payload.problems.add('bytes_replaced', 'The report holds bytes that are not in its charset; they were replaced.');
      }
      for (const report of readTlsReports(text, hintOf(payload.name) ?? hintOf(this.container), this.limits, this.totals)) {
        this.totals.addMetadata(report);
        report.problems.push(...payload.problems.list());
        this.reported = true;
        yield { type: 'tlsrpt', part: this.part++, name: payload.name, report };
      }
      if (!this.reported) this.nothing = { code: 'not_a_report', message: 'The attachment is JSON, but not a TLS report.' };
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      yield this.refused(payload.name, problemOf(error));
    }
  }

  private async *xml(payload: Payload, charset: string | null): AsyncGenerator<ReadEvent> {
    const hint = hintOf(payload.name) ?? hintOf(this.container);
    const { limits, batch, totals } = this;
    for await (const found of readDocuments(payload, { limits, totals, batch, charset, hint })) {
      if (found.type === 'records') yield { type: 'records', part: this.part, begin: found.begin, records: found.records };
      else if (found.type === 'report') {
        const { report } = found;
        this.reported = true;
        yield { type: 'report', part: this.part++, name: payload.name, report, doubt: this.doubtOf(report) };
      } else if (found.type === 'refused') yield this.refused(payload.name, problemOf(found.refusal));
      else if (!this.reported)
        this.nothing = { code: 'not_a_report', message: 'The attachment is XML, but holds no feedback element.' };
    }
  }

  private doubtOf({ problems }: AggregateReport): string | null {
    if (this.mimePart === null) return null;
    if (this.mimePart.forwarded > 0) return FORWARDED;
    return this.mimePart.whole && problems.some(({ code }) => code === 'date_range_from_name') ? NAMED : null;
  }

  private refused(name: string | null, problem: Problem): ReadEvent {
    this.reported = true;
    return { type: 'refused', part: this.part++, name, problem };
  }

  private failure(name: string | null, report: FailureReport): ReadEvent {
    this.reported = true;
    return { type: 'failure', part: this.part++, name, report };
  }
}

function hintOf(name: string | null): NameHint | null {
  const match = name === null ? null : REPORT_NAME.exec(name);
  return match === null ? null : { begin: Number(match[1]), end: Number(match[2]) };
}

function problemOf(refusal: Refusal): Problem {
  return { code: refusal.code, message: refusal.message };
}
