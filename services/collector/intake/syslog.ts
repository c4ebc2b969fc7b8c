import { createServer, isIPv4, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TLSSocket } from 'node:tls';
import { Networks } from '../../dns/networks.ts';
import { sleep } from '../../shared/clock.ts';
import type { LogSource } from '../../store/sending/sources.ts';
import { SyslogCutter } from './framing.ts';
import { listening } from './listening.ts';
import { isUnstorable, type Writer } from './writer.ts';

/** Connections in all, and of one address. */
const MOST_CONNECTIONS = 200;
const MOST_OF_ONE = 20;
/** A connection may be silent for as long: mail servers are, at night. */
const SILENCE_MS = 24 * 3_600_000;
const AGAIN_MS = 1_000;

export interface SyslogMeans {
  writer: Writer;
  sources(): readonly LogSource[];
  maxLineBytes: number;
  /** Counts connections that no source is known of. */
  refused(): void;
}

export interface SyslogIntake {
  port: number;
  close(): Promise<void>;
}

/**
 * The source of a connection: the one that its client certificate names, else the one with the most specific
 * network that its address is in.
 * @param name the common name of a certificate that was verified
 */
function syslogSource(sources: readonly LogSource[], address: string, name: string | null): LogSource | null {
  if (name !== null) return sources.find((source) => source.name === name) ?? null;
  const ip = address.replace(/^::ffff:/i, '');
  let best: { source: LogSource; bits: number } | null = null;
  for (const source of sources) {
    for (const network of source.syslog_from) {
      const bits = Number(network.split('/')[1]);
      if (network.includes(':') === isIPv4(ip) || !new Networks([network]).contains(ip)) continue;
      if (best === null || bits > best.bits) best = { source, bits };
    }
  }
  return best?.source ?? null;
}

/**
 * Takes syslog over TCP or TLS (RFC 6587, RFC 5425). The protocol acknowledges nothing: lines that were sent
 * and not stored are lost when this process is killed. While they cannot be stored, nothing more is read, so
 * that the sender keeps them.
 */
export async function listenSyslog(
  { host, port, tls }: { host: string; port: number; tls: { cert: Buffer; key: Buffer; ca: Buffer | null } | null },
  means: SyslogMeans,
): Promise<SyslogIntake> {
  const open = new Set<Socket>();
  const serving = new Set<Promise<void>>();
  const closing = new AbortController();
  const onSocket = (socket: Socket) => {
    socket.on('error', () => socket.destroy());
    const address = socket.remoteAddress ?? '';
    const certified = tls?.ca == null ? null : ((socket as TLSSocket).getPeerCertificate().subject?.CN ?? '');
    const source = syslogSource(means.sources(), address, Array.isArray(certified) ? certified[0]! : certified);
    if (source === null || [...open].filter((one) => one.remoteAddress === address).length >= MOST_OF_ONE) {
      means.refused();
      socket.destroy();
      return;
    }
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    socket.setTimeout(SILENCE_MS, () => socket.destroy());
    const served = serve(socket, source, means, closing.signal).finally(() => serving.delete(served));
    serving.add(served);
  };
  const server: Server =
    tls === null
      ? createServer(onSocket)
      : createTlsServer(
          {
            cert: tls.cert,
            key: tls.key,
            minVersion: 'TLSv1.2',
            handshakeTimeout: 15_000,
            ...(tls.ca === null ? {} : { ca: tls.ca, requestCert: true }),
          },
          onSocket,
        ).on('tlsClientError', () => means.refused());
  server.maxConnections = MOST_CONNECTIONS;
  const bound = await listening(server, { port, host });
  return {
    port: bound,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      closing.abort();
      for (const socket of open) socket.destroy();
      await Promise.all(serving);
      await closed;
    },
  };
}

/** Reads a connection, a chunk at a time: the next one is read when the lines of this one are stored. */
async function serve(socket: Socket, source: LogSource, means: SyslogMeans, closing: AbortSignal): Promise<void> {
  const cutter = new SyslogCutter(means.maxLineBytes);
  try {
    for await (const chunk of socket) await store(cutter.push(chunk as Buffer), source, means, closing);
    await store(cutter.end(), source, means, closing);
  } catch {
    // The connection broke: what came whole is stored.
  }
  socket.destroy();
}

async function store(messages: readonly string[], source: LogSource, means: SyslogMeans, closing: AbortSignal): Promise<void> {
  if (messages.length === 0) return;
  const raws = messages.map((text) => ({ text }));
  for (;;) {
    try {
      await means.writer.take(source, raws);
      return;
    } catch (error) {
      // A reason that stays: these lines cannot be stored, and holding the connection would hold up all
      // others of it.
      if (isUnstorable(error) || closing.aborted) return;
      await sleep(AGAIN_MS, closing);
    }
  }
}
