import { isIP } from 'node:net';
import { parse } from 'yaml';
import { labelsOf } from '../dns/client/name.ts';
import type { Planned } from '../dns/planned.ts';
import { add, parseZoneFile, stringsOf, ZoneFileError } from '../dns/zonefile.ts';
import { normalDomain } from '../report/orgdomain.ts';
import { messageOf, PermanentError } from '../shared/errors.ts';
import { readTextFile } from '../shared/text-file.ts';

/**
 * Planned records: YAML (by name, then type) when the file ends in .yaml or .yml, else a zone file.
 * @param origin for names without a final dot in a zone file
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
    return /\.ya?ml$/i.test(file) ? yamlRecords(text) : parseZoneFile(text, origin);
  } catch (error) {
    const where = error instanceof ZoneFileError ? `, line ${error.line}` : '';
    throw new PermanentError('records_file', `${file}${where}: ${messageOf(error)}.`, error);
  }
}

function yamlRecords(text: string): Planned {
  const planned: Planned = new Map();
  const data: unknown = parse(text);
  if (data === null || typeof data !== 'object' || Array.isArray(data))
    throw new Error('it must hold names, each with types and their values');
  for (const [given, types] of Object.entries(data)) {
    const name = normalDomain(given);
    if (labelsOf(name) === null || types === null || typeof types !== 'object')
      throw new Error(`"${given}" must be a name with types below it`);
    for (const [type, values] of Object.entries(types)) {
      if (!['TXT', 'A', 'AAAA', 'CNAME', 'MX'].includes(type))
        throw new Error(`"${type}" of ${given} must be TXT, A, AAAA, CNAME or MX`);
      const list = (Array.isArray(values) ? values : [values]).map(String);
      if (list.length === 0) planned.set(name, { ...planned.get(name), [type]: [] });
      for (const value of list) {
        if (type === 'TXT') add(planned, name, 'TXT', stringsOf(value));
        else if (type === 'MX') {
          const [, preference, exchange] = /^(\d{1,5})\s+(\S+)$/.exec(value) ?? [];
          if (exchange === undefined) throw new Error(`MX "${value}" of ${given} must be a number and a name`);
          add(planned, name, 'MX', { preference: Number(preference), exchange: exchange === '.' ? '.' : normalDomain(exchange) });
        } else if (type === 'CNAME') add(planned, name, 'CNAME', normalDomain(value));
        else if (isIP(value) !== (type === 'A' ? 4 : 6)) throw new Error(`${type} "${value}" of ${given} must be an address`);
        else add(planned, name, type as 'A' | 'AAAA', value);
      }
    }
  }
  return planned;
}
