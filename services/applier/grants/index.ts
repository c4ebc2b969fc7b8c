import type { GrantKindName } from '../../requests/grants/kinds.ts';
import { databaseWorker } from './database.ts';
import { dnsWorker } from './dns.ts';
import type { GrantWorker } from './grant-kind.ts';

/** What carries out each kind of grant. */
export const GRANT_WORKERS: Record<GrantKindName, GrantWorker> = {
  'access.database': databaseWorker,
  'access.dns': dnsWorker,
};
