import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { messageOf, SettingsError } from '../errors.ts';
import type { Log } from './log.ts';
import type { Metrics } from './metrics.ts';

export interface HealthServer {
  port: number;
  close(): Promise<void>;
}

/** Limits of a request, in milliseconds and bytes: far more than a monitor needs. */
const LIMITS = {
  headersTimeout: 5_000,
  requestTimeout: 10_000,
  keepAliveTimeout: 5_000,
  connectionsCheckingInterval: 1_000,
  maxHeaderSize: 8 * 1024,
};
const MOST_CONNECTIONS = 100;
const SILENCE_MS = 30_000;

/** What the port answers from. */
export interface Health {
  /** A sentence for each thing that is not ready; empty when everything is. */
  ready: () => Promise<string[]>;
  /** A sentence for each loop that no longer turns: only a restart helps. */
  stuck?: () => string[];
  /** Brings gauges up to date before they are printed. */
  measure?: () => Promise<void>;
}

function answerOf(sentences: readonly string[]): [number, string, string] {
  return sentences.length === 0 ? [200, 'text/plain', 'ok\n'] : [503, 'text/plain', `${sentences.join('\n')}\n`];
}

/**
 * Serves /livez (503 when a loop no longer turns), /readyz (503 with a line for each thing it waits for) and
 * /metrics (Prometheus).
 * @throws SettingsError when the address cannot be listened on
 */
export async function serveHealth(
  listen: { host: string; port: number },
  metrics: Metrics,
  { ready, stuck = () => [], measure }: Health,
  log: Log,
): Promise<HealthServer> {
  const server = createServer(LIMITS, (request, response) => {
    const answer = async (): Promise<[number, string, string]> => {
      // Not parsed as a URL: "//" and other requests of scanners are not URLs. The absolute form is that of
      // RFC 9112 section 3.2.2.
      const pathname = (request.url ?? '').replace(/^https?:\/\/[^/]+/i, '').replace(/[?#].*$/s, '');
      if (request.method !== 'GET' && request.method !== 'HEAD') return [405, 'text/plain', 'GET only\n'];
      if (pathname === '/livez') return answerOf(stuck());
      if (pathname === '/readyz') return answerOf(await ready());
      if (pathname === '/metrics') {
        await measure?.();
        return [200, metrics.registry.contentType, await metrics.registry.metrics()];
      }
      return [404, 'text/plain', 'There is /livez, /readyz and /metrics.\n'];
    };
    answer()
      .catch((error: unknown): [number, string, string] => {
        log.error({ err: messageOf(error), path: request.url?.slice(0, 200) }, 'a health request failed');
        return [500, 'text/plain', 'failed\n'];
      })
      .then(([status, type, body]) => {
        // The body of a request is not read, so its answer is the last one on the connection.
        const bodied = request.headers['content-length'] !== undefined || request.headers['transfer-encoding'] !== undefined;
        // Node sends no body after HEAD.
        response.writeHead(status, { 'content-type': type, ...(bodied ? { connection: 'close' } : {}) }).end(body);
      });
  });
  server.maxConnections = MOST_CONNECTIONS;
  server.setTimeout(SILENCE_MS);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) =>
      reject(
        new SettingsError(
          `HTTP_LISTEN ${listen.host}:${listen.port} cannot be used (${messageOf(error)}): set another address, or "off".`,
          error,
        ),
      ),
    );
    server.listen(listen.port, listen.host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
