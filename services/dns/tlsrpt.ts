import { parseReportUri, type ReportUri } from './dmarc/record.ts';
import { parseFields } from './tag-list.ts';

export type TlsRptProblemCode = 'tlsrpt_syntax' | 'tlsrpt_no_rua' | 'tlsrpt_uri';

export interface TlsRptProblem {
  code: TlsRptProblemCode;
  at: number;
  text: string;
}

/** A TLSRPT record (RFC 8460 section 3). */
export interface TlsRptRecord {
  text: string;
  rua: readonly ReportUri[];
  problems: readonly TlsRptProblem[];
}

/** Records that do not begin so are discarded before they are counted (RFC 8460 section 3). */
export function isTlsRpt(text: string): boolean {
  return /^v=TLSRPTv1[ \t]*(?:;|$)/.test(text);
}

/**
 * Reads a TLSRPT record.
 * @param text the strings of a TXT record, joined
 * @returns null when the text is not such a record (`isTlsRpt`)
 */
export function parseTlsRpt(text: string): TlsRptRecord | null {
  if (!isTlsRpt(text)) return null;
  const { tags, broken } = parseFields(text, 'rua');
  const problems: TlsRptProblem[] = broken.map((part) => ({ code: 'tlsrpt_syntax', ...part }));
  const rua: ReportUri[] = [];
  const tag = tags.find(({ name }) => name === 'rua');
  if (tag === undefined || tag.value === '') {
    problems.push({ code: 'tlsrpt_no_rua', at: 0, text });
    return { text, rua, problems };
  }
  for (const part of tag.value.split(',').map((one) => one.trim())) {
    const uri = parseReportUri(part);
    if (uri !== null && uri.maxBytes === null && (uri.scheme === 'mailto' || uri.scheme === 'https') && uri.domain !== null)
      rua.push(uri);
    else problems.push({ code: 'tlsrpt_uri', at: tag.at + Math.max(0, tag.text.indexOf(part)), text: part });
  }
  return { text, rua, problems };
}
