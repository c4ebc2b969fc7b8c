import https from 'node:https';
import { isIP } from 'node:net';
import type { Dns } from '../../dns/client/types.ts';
import { Networks } from '../../dns/networks.ts';
import type { Web, WebAnswer, WebOptions } from '../../dns/web.ts';
import { messageOf } from '../errors.ts';

const TIMEOUT_MS = 10_000;
/** Codes of errors that a certificate causes: trying again does not help. */
const CERTIFICATE = /^(?:CERT_|ERR_TLS_CERT|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|ERR_SSL|ERR_TLS)/;

/** Networks that are not the public internet (RFC 6890 and IANA's special-purpose registries). */
const NOT_PUBLIC = new Networks([
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/3',
  '2001::/23',
  '2001:db8::/32',
  '2002::/16',
  '3fff::/20',
]);
/** The IPv6 addresses in use. Of these, documentation and embedded IPv4 addresses are not public. */
const GLOBAL_V6 = new Networks(['2000::/3']);

/** Whether documents may be fetched from an address: it belongs to the public internet. */
export function isPublic(address: string): boolean {
  return (isIP(address) === 4 || GLOBAL_V6.contains(address)) && !NOT_PUBLIC.contains(address);
}

export interface OpenWebOptions {
  /** Also fetch from private addresses: for private networks and tests. */
  allowPrivate?: boolean;
  /** PEM certificates of the authorities to trust instead of the system's. */
  ca?: string;
  /** Milliseconds for one document. */
  timeoutMs?: number;
}

/**
 * Fetches documents over HTTPS. Our DNS client resolves the names, certificates are verified, redirects are
 * not followed, and names with a private address are refused, since the publisher of a record chooses the
 * name in it.
 */
export function openWeb(dns: Dns, { allowPrivate = false, ca, timeoutMs = TIMEOUT_MS }: OpenWebOptions = {}): Web {
  return {
    async get(given, options) {
      const url = URL.canParse(given) ? new URL(given) : null;
      if (url === null || url.protocol !== 'https:' || url.username !== '')
        return { state: 'broken', message: `${given.slice(0, 200)} is not an https URL.` };
      const signal = AbortSignal.any([AbortSignal.timeout(timeoutMs), ...(options.signal ? [options.signal] : [])]);
      const address = await addressOf(url.hostname, dns, allowPrivate, signal);
      if (typeof address !== 'string') return address;
      return fetched(url, address, { ...options, signal }, ca);
    },
  };
}

/** The address to connect to, or why there is none. */
async function addressOf(given: string, dns: Dns, allowPrivate: boolean, signal: AbortSignal): Promise<string | WebAnswer> {
  const host = given.replace(/^\[|\]$/g, '');
  const answers = isIP(host) === 0 ? await Promise.all([dns.ask(host, 'A', { signal }), dns.ask(host, 'AAAA', { signal })]) : [];
  const addresses = isIP(host) === 0 ? answers.flatMap((one) => (one.state === 'records' ? [...one.records] : [])) : [host];
  const usable = addresses.find((address) => allowPrivate || isPublic(address));
  if (usable !== undefined) return usable;
  if (addresses.length > 0)
    return {
      state: 'broken',
      private: true,
      message: `${host} has the address ${addresses[0]}, which is not part of the public internet: nothing was fetched.`,
    };
  const unknown = answers.find((one) => one.state === 'unknown');
  if (unknown?.state === 'unknown') return { state: 'unknown', message: unknown.message };
  return { state: 'broken', message: `${host} has no address.` };
}

function fetched(url: URL, address: string, { signal, mostOctets }: WebOptions, ca: string | undefined): Promise<WebAnswer> {
  const where = `${url.protocol}//${url.host}${url.pathname}`.slice(0, 300);
  const family = isIP(address);
  return new Promise((resolve) => {
    const request = https.get(
      url,
      {
        signal,
        ca,
        agent: false,
        headers: { 'user-agent': 'ruawatch', accept: '*/*' },
        // Connects to the address that was checked; the certificate must still be for the name.
        lookup: (_name, options, done) =>
          options.all
            ? done(null, [{ address, family }])
            : (done as (e: null, a: string, f: number) => void)(null, address, family),
      },
      (response) => {
        const chunks: Buffer[] = [];
        let octets = 0;
        response.on('data', (chunk: Buffer) => {
          octets += chunk.length;
          if (octets <= mostOctets) return void chunks.push(chunk);
          resolve({ state: 'broken', message: `${where} has more than ${mostOctets} octets.` });
          request.destroy();
        });
        response.on('end', () => {
          const type = response.headers['content-type']?.split(';')[0]?.trim().toLowerCase() ?? null;
          resolve({ state: 'answered', status: response.statusCode!, type, body: Buffer.concat(chunks) });
        });
        response.on('error', (error) => resolve(failure(where, error)));
      },
    );
    request.on('error', (error) => resolve(failure(where, error)));
  });
}

function failure(where: string, error: Error & { code?: string }): WebAnswer {
  if (CERTIFICATE.test(error.code ?? ''))
    return { state: 'broken', message: `The certificate of ${where} is not valid (${messageOf(error)}).` };
  const why = error.name === 'AbortError' || error.name === 'TimeoutError' ? 'it did not answer in time' : messageOf(error);
  return { state: 'unknown', message: `${where} could not be fetched: ${why}.` };
}
