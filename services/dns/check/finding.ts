import { CODES, type Code, type Severity } from './codes.ts';

/** A TXT record to publish instead. */
export interface Publication {
  name: string;
  /** The whole value, not cut into strings; null when the record is to be taken away. */
  value: string | null;
}

/** One result of a check. */
export interface Finding<AnyCode extends string = Code> {
  code: AnyCode;
  severity: Severity;
  /** The domain that was checked. */
  domain: string;
  /** One or two sentences for a person. Foreign text in it is as it came: whoever shows it escapes it. */
  message: string;
  section: string;
  /** The record that is meant: its name, and its text as published (strings joined); null when there is none. */
  record: { name: string; text: string } | null;
  /** The part of the record's text that is meant. */
  place: { at: number; text: string } | null;
  /** What to publish; null when that depends on what the domain's owner wants. */
  publish: Publication | null;
}

export interface Given {
  domain: string;
  message: string;
  record?: Finding['record'];
  place?: Finding['place'];
  publish?: Finding['publish'];
}

export function finding(code: Code, { domain, message, record = null, place = null, publish = null }: Given): Finding {
  const { severity, section } = CODES[code];
  return { code, severity, domain, message, section, record, place, publish };
}

/** Octets of one string in a TXT record (RFC 1035 section 3.3). */
const MOST_STRING = 255;

/** A record for a zone file: its strings quoted, cut at 255 octets, with all special characters escaped. */
export function zoneLine({ name, value }: { name: string; value: string }): string {
  const strings: string[] = [];
  for (let at = 0; at === 0 || at < value.length; at += MOST_STRING) strings.push(value.slice(at, at + MOST_STRING));
  const quoted = strings.map(
    (text) =>
      `"${text.replace(/[^ !#-[\]-~]/g, (c) => (c === '"' || c === '\\' ? `\\${c}` : `\\${String(c.charCodeAt(0) & 0xff).padStart(3, '0')}`))}"`,
  );
  return `${name}. TXT ${quoted.join(' ')}`;
}

/** A record for a form of a DNS provider: the name below the zone ("@" for the zone itself), and the value in one piece. */
export function webForm({ name, value }: { name: string; value: string }, zone: string): { host: string; value: string } {
  return { host: name === zone ? '@' : name.endsWith(`.${zone}`) ? name.slice(0, -zone.length - 1) : `${name}.`, value };
}
