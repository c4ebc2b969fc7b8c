import { isIP } from 'node:net';

export interface Server {
  /** An IP address; a zone of a link-local one ("fe80::1%eth0") is kept. */
  address: string;
  port: number;
}

/**
 * Reads "address", "address:port" or "[v6 address]:port".
 * @returns null when it is none of them
 */
export function parseServer(text: string): Server | null {
  const [, host = text, port = '53'] = /^\[(.+)\]:(\d{1,5})$/.exec(text) ?? /^([^:]+):(\d{1,5})$/.exec(text) ?? [];
  return isIP(host) !== 0 && Number(port) > 0 && Number(port) <= 65_535 ? { address: host, port: Number(port) } : null;
}

/**
 * The servers that a resolv.conf names (resolv.conf(5)), in their order, without what cannot be read;
 * 127.0.0.1 when it names none.
 * @param text the file's content
 */
export function serversOfResolvConf(text: string): Server[] {
  const servers = text.split(/\r?\n/).flatMap((line) => {
    const address = /^\s*nameserver\s+(\S+)/.exec(line)?.[1];
    return address !== undefined && isIP(address) !== 0 ? [{ address, port: 53 }] : [];
  });
  return servers.length > 0 ? servers : [{ address: '127.0.0.1', port: 53 }];
}
