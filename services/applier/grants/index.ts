import type { GrantKindName } from '../../requests/grants/kinds.ts';
import { consoleWorker } from './console.ts';
import { databaseWorker } from './database.ts';
import { dnsWorker } from './dns.ts';
import { providerWorker } from './dns-provider.ts';
import { emailWorker } from './email.ts';
import type { GrantWorker } from './grant-kind.ts';
import { messageWorker } from './message.ts';

/** What carries out each kind of grant. */
export const GRANT_WORKERS: Record<GrantKindName, GrantWorker> = {
  'access.database': databaseWorker,
  'access.dns': dnsWorker,
  'access.email': emailWorker,
  'access.dns-provider': providerWorker(),
  'access.console': consoleWorker,
  'access.message': messageWorker,
};
