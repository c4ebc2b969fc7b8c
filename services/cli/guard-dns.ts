import type { Dns } from '../dns/client/types.ts';
import { onlyPlanned, withPlanned } from '../dns/planned.ts';
import { PermanentError } from '../shared/errors.ts';
import { openDns } from '../shared/runtime/resolver.ts';
import type { Config } from '../shared/settings/config.ts';
import { serversOf } from './check-options.ts';
import { readRecords } from './records-file.ts';

/** Options of commands that ask about records. */
export interface GuardDnsOptions {
  records?: string;
  offline?: boolean;
  resolver?: string[];
}

const PER_SECOND = 100;

/**
 * What is published, or planned over it, or planned alone.
 * @param names the declared domains
 * @throws PermanentError `usage`, `records_file`
 */
export function openGuardDns(config: Config, names: readonly string[], { resolver, records, offline }: GuardDnsOptions): Dns {
  if (offline && records === undefined)
    throw new PermanentError('usage', '--offline needs --records FILE: without DNS, the records are in that file alone.');
  const servers = serversOf(config, { resolver });
  if (records === undefined) return openDns(servers, { perSecond: PER_SECOND });
  const planned = readRecords(records, names.length === 1 ? names[0]! : null);
  return offline ? onlyPlanned(planned, names) : withPlanned(planned, openDns(servers, { perSecond: PER_SECOND }));
}
