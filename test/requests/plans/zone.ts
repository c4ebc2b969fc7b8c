import type { Dns } from '../../../services/dns/client/types.ts';
import { withPlanned } from '../../../services/dns/planned.ts';
import { parseZoneFile } from '../../../services/dns/zonefile.ts';

const NOTHING: Dns = {
  ask: async (name) => ({ state: 'nxdomain', name, aliases: [], ttl: 60, authenticated: false }),
};

/** DNS that has the records of a zone file, and nothing else. */
export const zone = (text: string): Dns => withPlanned(parseZoneFile(text, 'example.com'), NOTHING);

/** DNS that does not answer. */
export const SILENT: Dns = { ask: async () => ({ state: 'unknown', reason: 'timeout', message: 'No server answered in time.' }) };
