import { parseServer } from '../dns/client/servers.ts';
import { PermanentError } from '../shared/errors.ts';
import type { Config } from '../shared/settings/config.ts';
import { hasOwnData } from './open.ts';
import { demoBeside } from './running-demo.ts';

/** The options of commands that check records: `dns check` and `guard check`. */
export interface CheckOptions {
  json?: boolean;
  junit?: boolean;
  sarif?: boolean;
  records?: string;
  resolver?: string[];
  strict?: boolean;
  /** False: MTA-STS policies and BIMI logos are not fetched. */
  web?: boolean;
  private?: boolean;
}

/** @throws PermanentError `usage` when the results are asked for in two forms */
export function checkForm({ json, junit, sarif }: CheckOptions): void {
  if ([json, junit, sarif].filter(Boolean).length > 1)
    throw new PermanentError('usage', '--json, --junit and --sarif exclude each other: keep one.');
}

/**
 * The name servers to ask: those of the command line, or of the settings, or of the demo that the command is
 * run beside. @throws PermanentError `usage`
 */
export function serversOf(config: Config, { resolver }: { resolver?: string[] | undefined }): readonly string[] {
  for (const server of resolver ?? [])
    if (parseServer(server) === null)
      throw new PermanentError('usage', `--resolver "${server}" is not an address or address:port.`);
  if (resolver !== undefined || config.dnsServers.length > 0) return resolver ?? config.dnsServers;
  const demo = demoBeside(config);
  if (demo === null || hasOwnData(config)) return [];
  process.stderr.write('The name server of the demo that runs here is asked.\n');
  return [demo.dns];
}
