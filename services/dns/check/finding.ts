import { quotedString, stringsOf } from '../zonefile.ts';
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
  /**
   * The record that is meant: its name, and its text as published (strings joined); null when there is none.
   */
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

/** A record for a zone file: its strings quoted, cut at 255 octets, with all special characters escaped. */
export function zoneLine({ name, value }: { name: string; value: string }): string {
  return `${name}. TXT ${stringsOf(value).map(quotedString).join(' ')}`;
}

/**
 * A record for a form of a DNS provider: the name below the zone ("@" for the zone itself), and the value in
 * one piece.
 */
export function webForm({ name, value }: { name: string; value: string }, zone: string): { host: string; value: string } {
  return { host: name === zone ? '@' : name.endsWith(`.${zone}`) ? name.slice(0, -zone.length - 1) : `${name}.`, value };
}
