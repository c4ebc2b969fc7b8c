import { toALabels } from '../report/orgdomain.ts';
import type { Results } from './verify/results.ts';

/** What the field shows. */
interface Shown {
  spf: Pick<Results['spf'], 'domain' | 'identity'> & { result: string };
  dkim: readonly { result: string; domain: string; selector: string }[];
  arc: { result: string };
  dmarc: { result: string; domain: string | null; policy: string | null };
}

/** What may stand in a value without quotes: RFC 8601 section 2.2, and of it what no sender can misuse. */
const PLAIN = /^[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?$/;

/**
 * A value that the sender of the mail chose. What is no plain name is quoted, without what could end the
 * quotes.
 */
function property(text: string): string {
  const ascii = toALabels(text.toLowerCase());
  return PLAIN.test(ascii) ? ascii : `"${ascii.replace(/[^ -~]|["\\]/g, '?').slice(0, 253)}"`;
}

/**
 * The value of the Authentication-Results field (RFC 8601) for what was found, folded with LF: the mail
 * server makes the line ends its own.
 * @param id the authserv-id
 */
export function resultsField(id: string, { spf, dkim, arc, dmarc }: Shown): string {
  const parts = [id];
  const sender = spf.domain === '' ? '' : ` smtp.${spf.identity}=${property(spf.domain)}`;
  parts.push(`spf=${spf.result}${sender}`);
  if (dkim.length === 0) parts.push('dkim=none');
  for (const { result, domain, selector } of dkim) {
    const of = domain === '' ? '' : ` header.d=${property(domain)} header.s=${property(selector)}`;
    parts.push(`dkim=${result}${of}`);
  }
  if (arc.result !== 'none') parts.push(`arc=${arc.result}`);
  const from = dmarc.domain === null ? '' : ` header.from=${property(dmarc.domain)}`;
  const policy = dmarc.policy === null ? '' : ` (p=${dmarc.policy})`;
  parts.push(`dmarc=${dmarc.result}${policy}${from}`);
  return ` ${parts.join(';\n ')}`;
}
