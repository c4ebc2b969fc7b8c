import { randomInt } from 'node:crypto';
import { connect } from 'node:net';
import { WireError } from '../client/reader.ts';
import type { Server } from '../client/servers.ts';
import { readOutcome, type UpdateOutcome, unknown } from './outcome.ts';
import { signMessage, type TsigKey } from './tsig.ts';
import { encodeUpdate, type Update } from './update.ts';

export interface SendOptions {
  /** Milliseconds for connecting and the answer together; 10,000 without it. */
  timeoutMs?: number;
  /** Milliseconds since 1970: the clock that signatures go by. */
  now?: () => number;
  signal?: AbortSignal;
}

/**
 * Sends a signed update to the primary server of a zone, over TCP, once (RFC 2136, RFC 8945). It never
 * rejects: whatever happens is an outcome. Only a change with an `equals` or `absent` prerequisite may be
 * sent again after `unknown`; without one, a copy of the message that somebody recorded can be sent once more
 * within five minutes.
 */
export async function sendUpdate(
  server: Server,
  key: TsigKey,
  update: Update,
  options: SendOptions = {},
): Promise<UpdateOutcome> {
  return sendSigned(server, key, (id) => encodeUpdate(update, id), options);
}

/**
 * The same for an update that is given as its octets.
 * @param encode the octets for an id, unsigned; a WireError of it is an outcome
 */
export async function sendSigned(
  server: Server,
  key: TsigKey,
  encode: (id: number) => Buffer,
  options: SendOptions = {},
): Promise<UpdateOutcome> {
  const now = () => (options.now ?? Date.now)() / 1000;
  const id = randomInt(65_536);
  let signed: { bytes: Buffer; mac: Buffer };
  try {
    signed = signMessage(encode(id), key, { time: Math.floor(now()) });
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return notSent('unencodable', error.message);
  }
  const answer = await exchangeOverTcp(server, signed.bytes, options);
  return 'bytes' in answer ? readOutcome(answer.bytes, { id, mac: signed.mac, key }, now()) : answer;
}

type Exchanged = { bytes: Buffer } | UpdateOutcome;

function exchangeOverTcp(server: Server, bytes: Buffer, { timeoutMs = 10_000, signal }: SendOptions): Promise<Exchanged> {
  if (signal?.aborted) return Promise.resolve(notSent('cancelled', 'it was cancelled'));
  return new Promise((resolve) => {
    const socket = connect({ host: server.address, port: server.port });
    let sent = false;
    const pieces: Buffer[] = [];
    let size = 0;
    const end = (result: Exchanged) => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', cancel);
      socket.removeAllListeners();
      // The outcome is decided: errors of the socket that is being closed do not change it.
      socket.on('error', () => undefined);
      socket.destroy();
      resolve(result);
    };
    const failed = (reason: 'timeout' | 'cancelled', detail: string) =>
      end(sent ? unknown(reason, detail) : notSent(reason, detail));
    const cancel = () => failed('cancelled', 'it was cancelled');
    const timer = setTimeout(() => failed('timeout', `no answer within ${timeoutMs} ms`), timeoutMs);
    signal?.addEventListener('abort', cancel, { once: true });
    const broken = (detail: string) => end(sent ? unknown('closed', detail) : notSent('unreachable', detail));
    socket.on('error', (error) => broken(error.message));
    socket.on('close', () => broken('the connection was closed'));
    socket.on('connect', () => {
      sent = true;
      const length = Buffer.alloc(2);
      length.writeUInt16BE(bytes.length);
      socket.write(Buffer.concat([length, bytes]));
    });
    socket.on('data', (piece) => {
      // Bounded: one message, whose length has two octets, and one piece.
      pieces.push(piece);
      size += piece.length;
      if (size < 2) return;
      const length = Buffer.concat(pieces.slice(0, 2)).readUInt16BE(0);
      if (size >= length + 2) end({ bytes: Buffer.concat(pieces).subarray(2, length + 2) });
    });
  });
}

function notSent(reason: 'unreachable' | 'timeout' | 'cancelled' | 'unencodable', detail: string): UpdateOutcome {
  return { state: 'not_sent', reason, message: `The change was not sent: ${detail}.` };
}
