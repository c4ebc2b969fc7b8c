import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import type { EventEmitter } from 'node:events';
import { connect, isIPv6 } from 'node:net';
import { lowerName } from './name.ts';
import { WireError } from './reader.ts';
import type { Server } from './servers.ts';
import { RECORD_TYPES, type RecordType, type UnknownReason } from './types.ts';
import { encodeQuestion, type Message, type Question, readMessage } from './wire.ts';

/** Wrong packets after which a query is repeated over TCP, where an attacker cannot guess his way in. */
const MOST_STRAYS = 8;

/** The answer of one server, or why it cannot be used. */
export type Exchange = { message: Message } | { reason: UnknownReason; detail: string; extended?: string };

export interface ExchangeOptions {
  timeoutMs: number;
  recursive: boolean;
  unchecked?: boolean | undefined;
  signal: AbortSignal;
}

/**
 * Sends one query to one server: over UDP, and over TCP when the answer is truncated or an attacker may be
 * guessing. Each query has a socket of its own (and so a random source port), a random id, and the letters of
 * its name in random case; the answer must match all of them (RFC 5452, draft-vixie-dnsext-dns0x20).
 */
export async function exchange(server: Server, name: string, type: RecordType, options: ExchangeOptions): Promise<Exchange> {
  const deadline = performance.now() + options.timeoutMs;
  let edns = true;
  let tcp = false;
  // UDP, without EDNS, TCP: each is tried once.
  for (let round = 0; round < 4; round++) {
    const question: Question = { id: randomInt(65_536), name: randomCase(name), type };
    const bytes = encodeQuestion(question, { recursive: options.recursive, edns, unchecked: options.unchecked });
    const left = Math.max(1, deadline - performance.now());
    const said = await (tcp ? overTcp : overUdp)(server, { bytes, question }, left, options.signal);
    if (said === 'over TCP') {
      if (tcp) return { reason: 'malformed', detail: 'the answer over TCP is truncated' };
      tcp = true;
    } else if ('message' in said && edns && (said.message.rcode === FORMERR || said.message.rcode === NOTIMP)) edns = false;
    else return said;
  }
  return { reason: 'malformed', detail: 'every way of asking was answered with another way' };
}

const FORMERR = 1;
const NOTIMP = 4;

/** A question, and its bytes as they go out. */
interface Query {
  bytes: Buffer;
  question: Question;
}

type Said = Exchange | 'over TCP';

/**
 * On a machine that is busy this process may sleep for longer than a time-out. Timers run first when it
 * wakes, though the answer may have been there all the time: what has arrived is read before it is given up.
 */
function afterReading(giveUp: () => void): () => void {
  return () => void setImmediate(giveUp);
}

function overUdp(server: Server, { bytes, question }: Query, timeoutMs: number, signal: AbortSignal): Promise<Said> {
  const socket = createSocket(isIPv6(server.address) ? 'udp6' : 'udp4');
  return firstOf({ socket, close: () => socket.close(), late: 'no answer in time' }, { timeoutMs, signal }, (end) => {
    let strays = 0;
    socket.on('message', (packet) => {
      const match = matches(packet, question);
      if (typeof match !== 'string') return end(match.truncated ? 'over TCP' : { message: match });
      // After an answer in another case, or many wrong packets, only an answer over TCP is accepted.
      if (match === 'case' || ++strays >= MOST_STRAYS) end('over TCP');
    });
    // Connected: the system drops packets of other senders and reports a closed port.
    socket.once('connect', () => socket.send(bytes));
    socket.connect(server.port, server.address);
  });
}

function overTcp(server: Server, { bytes, question }: Query, timeoutMs: number, signal: AbortSignal): Promise<Said> {
  const socket = connect({ host: server.address, port: server.port });
  return firstOf({ socket, close: () => socket.destroy(), late: 'no answer over TCP in time' }, { timeoutMs, signal }, (end) => {
    const received: Buffer[] = [];
    let size = 0;
    socket.on('close', () => end({ reason: 'malformed', detail: 'the connection ended in the middle of an answer' }));
    socket.on('data', (bytes) => {
      received.push(bytes);
      size += bytes.length;
      if (size < 2) return;
      const length = lengthOf(received);
      if (size < length + 2) return;
      const match = matches(Buffer.concat(received, length + 2).subarray(2), question);
      if (match === 'case') return end({ reason: 'malformed', detail: 'the answer repeats another question' });
      if (typeof match === 'string') return end({ reason: 'malformed', detail: match });
      end(match.truncated ? 'over TCP' : { message: match });
    });
    const head = Buffer.alloc(2);
    head.writeUInt16BE(bytes.length);
    socket.write(Buffer.concat([head, bytes]));
  });
}

interface Way {
  socket: EventEmitter;
  close: () => void;
  /** What is said where the time runs out. */
  late: string;
}

/**
 * What a socket comes to: the first of what `listen` ends it with, an error, the end of the time, and the
 * signal.
 */
function firstOf(
  { socket, close, late }: Way,
  { timeoutMs, signal }: { timeoutMs: number; signal: AbortSignal },
  listen: (end: (said: Said) => void) => void,
): Promise<Said> {
  return new Promise((resolve) => {
    let ended = false;
    const end = (said: Said) => {
      if (ended) return;
      ended = true;
      clearTimeout(timer);
      signal.removeEventListener('abort', cancel);
      socket.removeAllListeners();
      // Errors of a socket that is being closed do not matter.
      socket.on('error', ignore);
      close();
      resolve(said);
    };
    const cancel = () => end(CANCELLED);
    const timer = setTimeout(
      afterReading(() => end({ reason: 'timeout', detail: late })),
      timeoutMs,
    );
    signal.addEventListener('abort', cancel, { once: true });
    socket.on('error', (error: Error) => end({ reason: 'unreachable', detail: error.message }));
    listen(end);
  });
}

const CANCELLED: Exchange = { reason: 'cancelled', detail: 'the question was cancelled' };

function ignore(): void {
  // Nothing to do: the query has ended.
}

/** The two octets before a message on TCP (RFC 1035 section 4.2.2), which may arrive one by one. */
function lengthOf(received: readonly Buffer[]): number {
  const first = received[0]!;
  if (first.length >= 2) return first.readUInt16BE(0);
  return Buffer.concat(received as Buffer[], 2).readUInt16BE(0);
}

/**
 * The message if it answers the query; "case" if only the case of letters differs; else a text that says what
 * is wrong.
 */
function matches(packet: Buffer, question: Question): Message | string {
  let message: Message;
  try {
    message = readMessage(packet);
  } catch (error) {
    if (error instanceof WireError) return error.message;
    throw error;
  }
  if (message.id !== question.id || !message.response || message.opcode !== 0) return 'the message is no answer';
  const asked = message.question;
  if (asked === null) {
    // FORMERR and NOTIMP may come without the question (RFC 1035 section 4.1.1 demands less of them).
    return message.rcode === FORMERR || message.rcode === NOTIMP ? message : 'the answer repeats no question';
  }
  if (asked.type !== RECORD_TYPES[question.type] || asked.class !== 1) return 'the answer repeats another question';
  if (asked.name === question.name) return message;
  return lowerName(asked.name) === lowerName(question.name) ? 'case' : 'the answer repeats another question';
}

/** Letters in random case: about 20 more bits that an attacker must guess. */
function randomCase(name: string): string {
  return name.replace(/[a-z]/gi, (letter) => (randomInt(2) === 0 ? letter.toLowerCase() : letter.toUpperCase()));
}
