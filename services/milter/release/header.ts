import type { HeldRow } from '../../store/held/held.ts';
import { claims } from '../forged.ts';
import { resultsField } from '../results-field.ts';

const NAME = 'X-Ruawatch-Released';
const MARK = /^X-Ruawatch-Released:[\s\S]*?\bheld (\d{1,15})[\s\S]*?\btoken ([0-9a-f]{32})/im;

/** Header fields of ours that a mail must not bring along. */
const OURS = /^x-ruawatch-/i;

/**
 * Says who let the mail go: before all other fields, as a trace (RFC 5321 section 4.4). @param by mail
 * addresses, or the name of a rule
 */
export function releasedHeader({ held_key, request_key, release_token, decided_by }: HeldRow, at: Date): string {
  const by = (decided_by ?? []).map((one) => one.replace(/[^\x21-\x7e ]/g, '?')).join(',\r\n  ');
  return `${NAME}: by ${by};\r\n request ${request_key}; held ${held_key};\r\n at ${at.toISOString()};\r\n token ${release_token}\r\n`;
}

/** Which release a copy in the hold queue is of; null for a mail that is none. */
export function releaseMark(header: string): { held_key: number; token: string } | null {
  const [, key, token] = MARK.exec(header) ?? [];
  return key === undefined ? null : { held_key: Number(key), token: token! };
}

/**
 * What was verified when the mail was held. A mail in the hold queue has the field; one of the store is as it
 * came, and may have one in the name of this server that its sender wrote.
 */
export function resultsOf({ results, envelope_from, header_from_domain }: HeldRow, id: string): string {
  const { spf, dkim, arc, dmarc } = results;
  const value = resultsField(id, {
    spf: { result: spf.result, domain: spf.domain ?? '', identity: envelope_from === '' ? 'helo' : 'mailfrom' },
    dkim: dkim.map(({ result, domain, selector }) => ({ result, domain: domain ?? '', selector: selector ?? '' })),
    arc,
    dmarc: { result: dmarc.result, policy: dmarc.policy, domain: header_from_domain },
  });
  return `Authentication-Results:${value.replace(/\n/g, '\r\n')}\r\n`;
}

/**
 * The mail with these fields at its top, and without those that say the same and came with it. Lines end in
 * CRLF.
 * @param id whose Authentication-Results are removed; null leaves all
 */
export function withReleasedHeader(raw: Buffer, field: string, id: string | null = null): Buffer {
  const text = crlf(raw);
  const end = text.indexOf('\r\n\r\n');
  const head = (end === -1 ? text : text.subarray(0, end + 2)).toString('latin1');
  const fields = head
    .split(/\r\n(?![ \t])/)
    .filter((one) => one !== '' && !OURS.test(one) && !(id !== null && isResultsOf(one, id)));
  const kept = fields.length === 0 ? '' : `${fields.join('\r\n')}\r\n`;
  return Buffer.concat([Buffer.from(field + kept, 'latin1'), end === -1 ? Buffer.from('\r\n') : text.subarray(end + 2)]);
}

function isResultsOf(field: string, id: string): boolean {
  const [, name, value] = /^([^:]*):(.*)$/s.exec(field) ?? [];
  return name?.trim().toLowerCase() === 'authentication-results' && claims(value!, id);
}

/**
 * Bare LF and bare CR become CRLF: an SMTP server may take them for the end of something (RFC 5321 section
 * 2.3.8).
 */
function crlf(raw: Buffer): Buffer {
  return Buffer.from(raw.toString('latin1').replace(/\r\n|\r|\n/g, '\r\n'), 'latin1');
}
