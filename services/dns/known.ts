import { lowerName } from './client/name.ts';
import type { Dns, RecordData, RecordType } from './client/types.ts';
import { parseDkimKey } from './dkim.ts';
import { evaluateSpf } from './spf/evaluate.ts';

/** A record as the watcher keeps it: of TXT the whole text, of MX "10 mx.example.com". */
export interface KnownRecord {
  name: string;
  type: string;
  value: string;
}

/** DNS with these records alone; nothing is known of other names. */
function onlyKnown(records: readonly KnownRecord[]): Dns {
  return {
    async ask<T extends RecordType>(given: string, type: T) {
      const name = lowerName(given).replace(/\.$/, '');
      const found = records.filter((one) => one.name === name && one.type === type);
      const told = { name, aliases: [], ttl: 0, authenticated: false };
      if (found.length > 0)
        return { state: 'records' as const, records: found.map(({ value }) => dataOf(type, value) as RecordData[T]), ...told };
      if (records.some((one) => one.name === name)) return { state: 'nodata' as const, ...told };
      return { state: 'unknown' as const, reason: 'cancelled' as const, message: `Nothing is known of ${name}.` };
    },
  };
}

function dataOf(type: RecordType, value: string): unknown {
  if (type === 'TXT') return [value];
  if (type !== 'MX') return value;
  const at = value.indexOf(' ');
  return { preference: Number(value.slice(0, at)), exchange: value.slice(at + 1) };
}

/**
 * Whether the SPF record of a domain, as it is known, admits networks, by the first address of each.
 * @returns of each network the term that admits it, or null; null when no record is known
 */
export async function spfOfKnown(
  domain: string,
  networks: readonly string[],
  records: readonly KnownRecord[],
): Promise<Map<string, string | null> | null> {
  const spf = records.filter((one) => one.name === domain && one.type === 'TXT' && /^v=spf1(?: |$)/i.test(one.value));
  if (spf.length === 0) return null;
  const dns = onlyKnown(records);
  const found = new Map<string, string | null>();
  for (const network of networks) {
    const ip = network.split('/')[0]!;
    const { result, decidedBy } = await evaluateSpf({ ip, helo: domain, mailFrom: `postmaster@${domain}` }, dns);
    // An include of which nothing is known leaves it open.
    if (result === 'temperror') continue;
    found.set(network, result === 'pass' ? (decidedBy ?? 'the record') : null);
  }
  return found;
}

/** What a key was at a moment. @param value null: it was never seen */
export function keyAt(
  { value, first_seen, gone_at }: { value: string | null; first_seen: Date | null; gone_at: Date | null },
  at: Date,
): 'usable' | 'revoked' | 'gone' | null {
  if (value === null || first_seen === null) return null;
  if (gone_at !== null && gone_at <= at) return 'gone';
  if (parseDkimKey(value).revoked) return 'revoked';
  // What was published when the watcher first asked may have been there for years.
  return 'usable';
}
