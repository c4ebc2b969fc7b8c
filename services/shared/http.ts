import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { messageOf, SettingsError } from './errors.ts';
import type { Log } from './log.ts';
import type { Metrics } from './metrics.ts';

export interface HealthServer {
  port: number;
  close(): Promise<void>;
}

/**
 * Serves /livez (the process answers), /readyz (503 with a line for each thing it waits for) and /metrics (Prometheus).
 * @param ready the sentences of what is not ready; empty when all is
 * @throws SettingsError when the address cannot be listened on
 */
export async function serveHealth(
  listen: { host: string; port: number },
  metrics: Metrics,
  ready: () => Promise<string[]>,
  log: Log,
): Promise<HealthServer> {
  const server = createServer((request, response) => {
    const answer = async (): Promise<[number, string, string]> => {
      const { pathname } = new URL(request.url ?? '/', 'http://localhost');
      if (request.method !== 'GET' && request.method !== 'HEAD') return [405, 'text/plain', 'GET only\n'];
      if (pathname === '/livez') return [200, 'text/plain', 'ok\n'];
      if (pathname === '/readyz') {
        const waits = await ready();
        return waits.length === 0 ? [200, 'text/plain', 'ok\n'] : [503, 'text/plain', `${waits.join('\n')}\n`];
      }
      if (pathname === '/metrics') return [200, metrics.registry.contentType, await metrics.registry.metrics()];
      return [404, 'text/plain', 'There is /livez, /readyz and /metrics.\n'];
    };
    answer()
      .catch((error: unknown): [number, string, string] => {
        log.error({ err: messageOf(error), path: request.url }, 'a health request failed');
        return [500, 'text/plain', 'failed\n'];
      })
      .then(([status, type, body]) =>
        response.writeHead(status, { 'content-type': type }).end(request.method === 'HEAD' ? '' : body),
      );
  });
  server.headersTimeout = 5_000;
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
