import { isIPv4, isIPv6 } from 'node:net';
import { labelsOf, lowerName } from '../client/name.ts';
import { WireError } from '../client/reader.ts';
import type { RecordData, RecordType, Soa } from '../client/types.ts';

/**
 * Writes the parts of a message. dns-packet is not used here: it has neither class NONE nor records without
 * data, and writes the octets of a label as UTF-8; an update must be exact to the octet.
 */
export class Writer {
  private readonly parts: Buffer[] = [];

  /** @throws WireError for a number that does not fit */
  uint(value: number, octets: 1 | 2 | 4 | 6): this {
    if (!Number.isInteger(value) || value < 0 || value >= 2 ** (8 * octets))
      throw new WireError(`${value} is no number of ${octets} octets`);
    const part = Buffer.alloc(octets);
    part.writeUIntBE(value, 0, octets);
    this.parts.push(part);
    return this;
  }

  octets(octets: Uint8Array): this {
    this.parts.push(Buffer.from(octets));
    return this;
  }

  /**
   * A name without compression, in the letters given.
   * @throws WireError for a name that no zone can hold
   */
  name(name: string): this {
    const labels = labelsOf(name);
    if (labels === null) throw new WireError(`${JSON.stringify(name.slice(0, 300))} is no name that a zone can hold`);
    for (const label of labels) this.uint(label.length, 1).octets(Buffer.from(label, 'latin1'));
    return this.uint(0, 1);
  }

  bytes(): Buffer {
    return Buffer.concat(this.parts);
  }
}

/** A name as TSIG digests it: lower case, uncompressed (RFC 8945 section 4.3.3). */
export function canonicalName(name: string): Buffer {
  return new Writer().name(lowerName(name)).bytes();
}

/**
 * The data of a record in wire form, names uncompressed; the strings of a TXT record stay as they are.
 * @throws WireError for data that the type cannot hold
 */
export function rdataOf<T extends RecordType>(type: T, data: RecordData[T]): Buffer {
  const writer = new Writer();
  const of = <K extends RecordType>() => data as RecordData[K];
  switch (type) {
    case 'A':
      if (!isIPv4(of<'A'>())) throw new WireError(`${JSON.stringify(data)} is no IPv4 address`);
      return Buffer.from(of<'A'>().split('.').map(Number));
    case 'AAAA':
      return addressOf(of<'AAAA'>());
    case 'NS':
    case 'CNAME':
    case 'PTR':
      return writer.name(of<'NS'>()).bytes();
    case 'MX':
      return writer.uint(of<'MX'>().preference, 2).name(of<'MX'>().exchange).bytes();
    case 'SOA':
      return soaOf(of<'SOA'>());
    case 'TXT':
      return textOf(of<'TXT'>());
    case 'DNSKEY': {
      const { flags, protocol, algorithm, key } = of<'DNSKEY'>();
      return writer.uint(flags, 2).uint(protocol, 1).uint(algorithm, 1).octets(key).bytes();
    }
    case 'TLSA': {
      const { usage, selector, matching, data: digest } = of<'TLSA'>();
      return writer.uint(usage, 1).uint(selector, 1).uint(matching, 1).octets(digest).bytes();
    }
    default:
      throw new WireError(`records of type ${String(type)} are not written`);
  }
}

function soaOf(soa: Soa): Buffer {
  const writer = new Writer().name(soa.mname).name(soa.rname);
  for (const number of [soa.serial, soa.refresh, soa.retry, soa.expire, soa.minimum]) writer.uint(number, 4);
  return writer.bytes();
}

function textOf(strings: readonly string[]): Buffer {
  if (strings.length === 0) throw new WireError('a TXT record has at least one string (RFC 1035 section 3.3.14)');
  const writer = new Writer();
  for (const string of strings) {
    if (string.length > 255) throw new WireError(`a string has ${string.length} octets, and 255 are allowed`);
    if (/[^\0-\xff]/.test(string)) throw new WireError('a string has a character that is no octet');
    writer.uint(string.length, 1).octets(Buffer.from(string, 'latin1'));
  }
  return writer.bytes();
}

/** The 16 octets of an IPv6 address in any of its texts (RFC 4291 section 2.2). */
function addressOf(text: string): Buffer {
  if (!isIPv6(text) || text.includes('%')) throw new WireError(`${JSON.stringify(text)} is no IPv6 address`);
  const last = text.slice(text.lastIndexOf(':') + 1);
  const [a = 0, b = 0, c = 0, d = 0] = isIPv4(last) ? last.split('.').map(Number) : [];
  const groups = isIPv4(last)
    ? `${text.slice(0, -last.length)}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`
    : text;
  const [head = '', tail] = groups.split('::');
  const numbers = (part: string) => (part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16)));
  const before = numbers(head);
  const after = tail === undefined ? [] : numbers(tail);
  const writer = new Writer();
  for (const group of [...before, ...Array<number>(8 - before.length - after.length).fill(0), ...after]) writer.uint(group, 2);
  return writer.bytes();
}
