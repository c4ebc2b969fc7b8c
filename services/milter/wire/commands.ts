import { isIP } from 'node:net';
import type { Packet } from './frames.ts';
import { type Command, ProtocolError } from './protocol.ts';

/**
 * Reads one packet of a mail server.
 * @throws ProtocolError when the data does not fit its command
 */
export function readCommand({ command, data }: Packet): Command {
  switch (command) {
    case 'O':
      return negotiation(data);
    case 'D':
      return macros(data);
    case 'C':
      return connection(data);
    case 'H':
      return { type: 'helo', name: strings(data)[0] ?? '' };
    case 'M': {
      const [sender, ...parameters] = strings(data);
      return { type: 'mail', sender: addressOf(sender, 'MAIL FROM'), parameters };
    }
    case 'R': {
      const [recipient, ...parameters] = strings(data);
      return { type: 'recipient', recipient: addressOf(recipient, 'RCPT TO'), parameters };
    }
    case 'T':
      return { type: 'data' };
    case 'L': {
      const [name, value, ...more] = strings(data);
      if (name === undefined || name === '' || value === undefined || more.length > 0)
        throw new ProtocolError('a header field is not a name and a value');
      return { type: 'header', name, value };
    }
    case 'N':
      return { type: 'endOfHeader' };
    case 'B':
      return { type: 'body', bytes: data };
    case 'E':
      return { type: 'endOfBody', bytes: data };
    case 'A':
      return { type: 'abort' };
    case 'Q':
      return { type: 'quit' };
    case 'K':
      return { type: 'quitNewConnection' };
    case 'U':
      return { type: 'unknownSmtp', text: strings(data)[0] ?? '' };
    default:
      return { type: 'unknown', command };
  }
}

function negotiation(data: Buffer): Command {
  if (data.length < 12) throw new ProtocolError('the negotiation is cut off');
  return { type: 'negotiate', version: data.readUInt32BE(0), actions: data.readUInt32BE(4), steps: data.readUInt32BE(8) };
}

function macros(data: Buffer): Command {
  if (data.length === 0) throw new ProtocolError('macros without a stage');
  const list = strings(data.subarray(1));
  if (list.length % 2 !== 0) throw new ProtocolError('a macro has no value');
  const values = new Map<string, string>();
  for (let i = 0; i < list.length; i += 2) values.set(list[i]!, list[i + 1]!);
  return { type: 'macros', stage: String.fromCharCode(data[0]!), values };
}

/** Host name, family, port and address; the family "U" has neither port nor address, "L" is a path. */
function connection(data: Buffer): Command {
  const end = data.indexOf(0);
  if (end < 0) throw new ProtocolError('the connection is cut off');
  const host = data.toString('latin1', 0, end);
  const family = String.fromCharCode(data[end + 1]!);
  if (family === 'U' || family === 'L') return { type: 'connect', host, address: null };
  if (family !== '4' && family !== '6') throw new ProtocolError('the connection is of an unknown family');
  const [given] = strings(data.subarray(end + 4));
  // Sendmail writes "IPv6:" before an address of version 6. The zone of a link-local one says something on
  // its machine alone (RFC 4007).
  const address = given?.replace(/^IPv6:/i, '').replace(/%.*$/s, '') ?? '';
  if (isIP(address) === 0) throw new ProtocolError('the connection has no address');
  return { type: 'connect', host, address };
}

/** Strings that each end with a NUL; one character per octet. */
function strings(data: Buffer): string[] {
  if (data.length === 0) return [];
  if (data.at(-1) !== 0) throw new ProtocolError('a string does not end');
  return data.toString('latin1', 0, data.length - 1).split('\0');
}

const CONTROLS = /\p{Cc}/u;

/** The address in an envelope without its angle brackets; a route (RFC 5321 section 4.1.1.3) is left out. */
function addressOf(text: string | undefined, what: string): string {
  if (text === undefined) throw new ProtocolError(`${what} has no address`);
  // Nobody can be told such an address, and behind a line end a server would read a command (RFC 5321 section
  // 4.1.2).
  if (CONTROLS.test(text)) throw new ProtocolError(`${what} has an address with controls`);
  const bare = /^<(.*)>$/s.exec(text)?.[1] ?? text;
  return bare.replace(/^@[^:]*:/, '');
}
