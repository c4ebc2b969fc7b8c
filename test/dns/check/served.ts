import type { RecordType } from '../../../services/dns/client/types.ts';
import { quotedString } from '../../../services/dns/zonefile.ts';
import type { Zone } from '../zone.ts';

/** Top-level zones of the fixtures. Whatever they name is in one of these, or below. */
const TOPS = ['com', 'example', 'test', 'arpa'];

/**
 * The zones of a name server that serves a table of records: one for each registrable name, those above them,
 * and for what nobody can say anything of, a zone that the server cannot load (null: SERVFAIL).
 */
export function zonesOf(table: Zone): Record<string, string[] | null> {
  const zones: Record<string, string[] | null> = Object.fromEntries(TOPS.map((top) => [top, []]));
  const names = Object.keys(table).filter((name) => name !== '.');
  for (const name of names) {
    if (table[name] === 'unknown') zones[name] = null;
    else if (!name.endsWith('.arpa')) zones[name.split('.').slice(-2).join('.')] ??= [];
  }
  for (const name of names) {
    const held = table[name]!;
    if (held === 'unknown') continue;
    const zone = zones[name.endsWith('.arpa') ? 'arpa' : name.split('.').slice(-2).join('.')]!;
    for (const [type, records] of Object.entries(held)) {
      // Each zone has these of its own; keys without signatures are no DNSSEC.
      if (['SOA', 'NS', 'DNSKEY', 'AD'].includes(type)) continue;
      for (const one of records as unknown[]) zone.push(`${name}. ${type} ${dataOf(type as RecordType, one)}`);
    }
  }
  return zones;
}

function dataOf(type: RecordType, data: unknown): string {
  if (type === 'TXT')
    return (data as string[])
      .flatMap((text) => text.match(/[\s\S]{1,255}/g) ?? [''])
      .map(quotedString)
      .join(' ');
  if (type === 'MX') {
    const { preference, exchange } = data as { preference: number; exchange: string };
    return `${preference} ${exchange === '.' ? '.' : `${exchange}.`}`;
  }
  return type === 'A' || type === 'AAAA' ? String(data) : `${String(data)}.`;
}
