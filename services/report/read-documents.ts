import type { NameHint } from './aggregate/report-metadata.ts';
import type { Payload } from './container/unpack.ts';
import { type Limits, Refusal } from './limits.ts';
import { Decoder, detectCharset } from './mail/charset.ts';
import type { MailLimits } from './mail-limits.ts';
import type { AggregateRecord, AggregateReport, Problem, TlsReport } from './model.ts';
import { claimsTlsReport, readTlsReports } from './tlsrpt.ts';
import { type DocumentOptions, readDocuments } from './xml/documents.ts';

/** What a document yields. */
export type Found =
  | { type: 'records'; begin: number; records: AggregateRecord[] }
  | { type: 'report'; report: AggregateReport }
  | { type: 'tlsrpt'; report: TlsReport }
  | { type: 'refused'; problem: Problem }
  /** It is no report. */
  | { type: 'nothing'; problem: Problem };

/** The code of a damaged archive, among the problems of what came out of it and by itself. */
export const ARCHIVE_DAMAGED = 'archive_damaged';
const NO_FEEDBACK: Problem = { code: 'not_a_report', message: 'The attachment is XML, but holds no feedback element.' };
const NO_TLS_REPORT: Problem = { code: 'not_a_report', message: 'The attachment is JSON, but not a TLS report.' };
/**
 * Refusals of documents whose beginning or end is missing: in a damaged archive, its damage is the reason.
 */
const BY_DAMAGE = new Set([
  'metadata_missing',
  'date_range_missing',
  'date_range_invalid',
  'policy_domain_invalid',
  'json_damaged',
]);

/** How to read a document: the charset that MIME declared, and begin and end by the file name. */
interface Hints {
  charset: string | null;
  hint: NameHint | null;
}

/** Reads the documents of one mail, XML and JSON. */
export class DocumentReader {
  private readonly limits: Limits;
  private readonly totals: MailLimits;
  private readonly given: Pick<DocumentOptions, 'batch' | 'again' | 'sink'>;

  constructor(limits: Limits, totals: MailLimits, given: Pick<DocumentOptions, 'batch' | 'again' | 'sink'>) {
    this.limits = limits;
    this.totals = totals;
    this.given = given;
  }

  /** The reports in a payload whose kind is `xml` or `json`. */
  async *read(payload: Payload, hints: Hints): AsyncGenerator<Found> {
    const { limits, given, totals } = this;
    const { charset, hint } = hints;
    try {
      if (payload.kind === 'json') {
        for await (const found of this.json(payload, hints)) yield 'problem' in found ? byDamage(payload, found) : found;
        return;
      }
      for await (const found of readDocuments(payload, { ...given, limits, totals, charset, hint })) {
        if (found.type === 'foreign') yield byDamage(payload, { type: 'nothing', problem: NO_FEEDBACK });
        else if (found.type === 'refused') yield byDamage(payload, refusedWith(found.refusal));
        else yield found;
      }
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      yield refusedWith(error);
    }
  }

  private async *json(payload: Payload, { charset, hint }: Hints): AsyncGenerator<Found> {
    const decoder = new Decoder(detectCharset(payload.head, charset));
    const text = await this.textOf(payload, decoder);
    if (!claimsTlsReport(text)) {
      yield { type: 'nothing', problem: NO_TLS_REPORT };
      return;
    }
    if (decoder.replaced) {
      payload.problems.add('bytes_replaced', 'The report holds bytes that are not in its charset; they were replaced.');
    }
    let found = false;
    try {
      for (const report of readTlsReports(text, hint, this.limits, this.totals)) {
        this.totals.addMetadata(report);
        report.problems.push(...payload.problems.list());
        found = true;
        yield { type: 'tlsrpt', report };
      }
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      found = true;
      yield refusedWith(error);
    }
    if (!found) yield { type: 'nothing', problem: NO_TLS_REPORT };
  }

  /** All of a JSON document. @throws Refusal `json_too_large` */
  private async textOf(payload: Payload, decoder: Decoder): Promise<string> {
    let text = '';
    let size = 0;
    for await (const chunk of payload.open()) {
      size += chunk.length;
      if (size > this.limits.jsonBytes) {
        throw new Refusal('json_too_large', `The JSON document is larger than ${this.limits.jsonBytes} bytes.`);
      }
      text += decoder.write(chunk);
    }
    return text + decoder.end();
  }
}

type Without = Extract<Found, { problem: Problem }>;

const refusedWith = ({ code, message }: Refusal): Without => ({ type: 'refused', problem: { code, message } });

/** What is missing in a document out of a damaged archive is missing by its damage. */
function byDamage({ problems }: Payload, found: Without): Found {
  const damage = problems.list().find(({ code }) => code === ARCHIVE_DAMAGED);
  const { code, message } = found.problem;
  if (damage === undefined || (found.type === 'refused' && !BY_DAMAGE.has(code))) return found;
  return { type: 'refused', problem: { code: damage.code, message: `${damage.message} ${message}` } };
}
