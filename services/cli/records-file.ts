import { isIP } from 'node:net';
import { parse } from 'yaml';
import { labelsOf } from '../dns/client/name.ts';
import type { RecordData } from '../dns/client/types.ts';
import type { Planned } from '../dns/planned.ts';
import { add, parseZoneFile, stringsOf, ZoneFileError } from '../dns/zonefile.ts';
import { normalDomain } from '../report/orgdomain.ts';
import { messageOf, PermanentError } from '../shared/errors.ts';
import { readTextFile } from '../shared/text-file.ts';

/**
 * Planned records: YAML (by name, then type) when the file ends in .yaml or .yml, else a zone file.
 * @param origin for names without a final dot in a zone file; in YAML, for those that only a name below
 *   another can have
 * @throws PermanentError `records_file`
 */
export function readRecords(file: string, origin: string | null): Planned {
  let text: string;
  try {
    text = readTextFile(file);
  } catch (error) {
    throw new PermanentError('records_file', `${file} cannot be read: ${messageOf(error)}.`, error);
  }
  try {
    return aliasesAlone(/\.ya?ml$/i.test(file) ? yamlRecords(text, origin) : parseZoneFile(text, origin));
  } catch (error) {
    const where = error instanceof ZoneFileError ? `, line ${error.line}` : '';
    throw new PermanentError('records_file', `${file}${where}: ${messageOf(error)}.`, error);
  }
}

/**
 * What a name server would load: an alias has no other records beside it (RFC 1034 section 3.6.2, RFC 2181
 * section 10.1).
 */
function aliasesAlone(planned: Planned): Planned {
  for (const [name, types] of planned) {
    if (types.CNAME === undefined || types.CNAME.length === 0) continue;
    if (types.CNAME.length > 1) throw new Error(`${name} has ${types.CNAME.length} CNAME records, and one is allowed`);
    const other = Object.entries(types).find(([type, set]) => type !== 'CNAME' && set.length > 0)?.[0];
    if (other !== undefined) throw new Error(`${name} has a CNAME record, and no name server loads ${other} records beside it`);
  }
  return planned;
}

function yamlRecords(text: string, origin: string | null): Planned {
  const planned: Planned = new Map();
  const data: unknown = parse(text);
  if (data === null || typeof data !== 'object' || Array.isArray(data))
    throw new Error('it must hold names, each with types and their values');
  for (const [given, types] of Object.entries(data)) {
    const name = nameOf(given, origin);
    if (labelsOf(name) === null || types === null || typeof types !== 'object')
      throw new Error(`"${given}" must be a name with types below it`);
    for (const [written, values] of Object.entries(types)) {
      const type = written.toUpperCase();
      if (!isType(type)) throw new Error(`"${written}" of ${given} must be one of ${TYPES.join(', ')}`);
      const list: readonly unknown[] = Array.isArray(values) ? values : [values];
      if (list.length === 0) planned.set(name, { ...planned.get(name), [type]: [] });
      for (const value of list) add(planned, name, type, dataOf(type, value, given));
    }
  }
  return planned;
}

/**
 * Names such as "_dmarc", "s1._domainkey", "www" or "@": no name of DNS ends so, so that they stand below the
 * origin.
 */
function nameOf(given: string, origin: string | null): string {
  if (!/^(?:[^.]+|.*\._[^.]*)$/.test(given)) return normalDomain(given);
  if (origin === null) throw new Error(`"${given}" must be a whole name, with the domain that it is in`);
  return given === '@' ? origin : normalDomain(`${given}.${origin}`);
}

const TYPES = ['TXT', 'A', 'AAAA', 'CNAME', 'MX', 'NS', 'PTR'] as const;
type Type = (typeof TYPES)[number];

function isType(type: string): type is Type {
  return (TYPES as readonly string[]).includes(type);
}

/** @param value a text, a number, or for TXT the strings of one record */
function dataOf(type: Type, value: unknown, name: string): RecordData[Type] {
  const strings = Array.isArray(value) ? (value as unknown[]) : [value];
  if ((Array.isArray(value) && type !== 'TXT') || !strings.every((one) => typeof one === 'string' || typeof one === 'number'))
    throw new Error(`${type} of ${name} must be a text or a list of texts`);
  if (type === 'TXT')
    return strings.length === 1 ? stringsOf(octets(strings[0])) : strings.map((one) => ofLength(octets(one), name));
  const text = String(value).trim();
  if (type === 'MX') {
    const [, preference, exchange] = /^(\d{1,5})\s+(\S+)$/.exec(text) ?? [];
    if (exchange === undefined) throw new Error(`MX "${text}" of ${name} must be a number and a name`);
    return { preference: Number(preference), exchange: exchange === '.' ? '.' : normalDomain(exchange) };
  }
  if (type === 'CNAME' || type === 'NS' || type === 'PTR') {
    const target = normalDomain(text);
    if (labelsOf(target) === null) throw new Error(`${type} "${text}" of ${name} must be a name`);
    return target;
  }
  if (isIP(text) !== (type === 'A' ? 4 : 6)) throw new Error(`${type} "${text}" of ${name} must be an address`);
  return text.toLowerCase();
}

/** One character an octet, as an answer has it. */
function octets(value: unknown): string {
  return Buffer.from(String(value)).toString('latin1');
}

function ofLength(text: string, name: string): string {
  if (text.length > 255)
    throw new Error(`a string of ${name} has ${text.length} octets, and 255 are allowed: cut it into several`);
  return text;
}
