import { isIPv4, isIPv6 } from 'node:net';
import { isDeepStrictEqual } from 'node:util';
import { labelsOf, lowerName, nameOf } from './client/name.ts';
import type { RecordData, RecordType } from './client/types.ts';
import type { Planned } from './planned.ts';

/** A place in a zone file that cannot be read; the message is a sentence without its end, for "line 3: …". */
export class ZoneFileError extends Error {
  readonly line: number;

  constructor(line: number, message: string) {
    super(message);
    this.line = line;
  }
}

interface Token {
  text: string;
  quoted: boolean;
  line: number;
}

/** Octets of a zone file that are read. */
const MOST_OCTETS = 4 * 1024 * 1024;
const READ = new Set<string>(['A', 'AAAA', 'CNAME', 'MX', 'NS', 'PTR', 'TXT']);
/** A, NS, CNAME, PTR, MX, TXT, AAAA. */
const READ_NUMBERS = new Set([1, 2, 5, 12, 15, 16, 28]);
/**
 * Other record types in zone files (IANA's list, and what hosters add to it), which no check needs; nobody
 * evaluates SPF records of the type SPF (RFC 7208 section 3.1).
 */
const PASSED_OVER = new Set(
  (
    'SOA SPF CAA SRV DS DNSKEY RRSIG NSEC NSEC3 NSEC3PARAM TLSA SSHFP NAPTR HTTPS SVCB CDS CDNSKEY LOC HINFO DNAME URI SMIMEA ' +
    'OPENPGPKEY MD MF MB MG MR NULL WKS MINFO RP AFSDB X25 ISDN RT NSAP NSAP-PTR SIG KEY PX GPOS NXT EID NIMLOC ATMA KX CERT ' +
    'A6 SINK APL IPSECKEY DHCID HIP NINFO RKEY TALINK CSYNC ZONEMD UINFO UID GID UNSPEC NID L32 L64 LP EUI48 EUI64 DSYNC CLA ' +
    'IPN AVC DOA AMTRELAY RESINFO WALLET TA DLV ALIAS ANAME'
  ).split(' '),
);

/**
 * Reads the records of a zone file (RFC 1035 section 5.1): $ORIGIN, $TTL, parentheses, comments, quoted
 * strings, names without a dot at the end below the origin. What no check asks for is passed over.
 * @param origin for names before any $ORIGIN; without one, such names stand for themselves
 * @throws ZoneFileError
 */
export function parseZoneFile(text: string, origin: string | null = null): Planned {
  if (text.length > MOST_OCTETS) throw new ZoneFileError(1, 'the file is larger than 4 MiB');
  const planned: Planned = new Map();
  let base = origin === null ? null : lowerName(origin.replace(/\.$/, ''));
  let owner: string | null = null;
  for (const { tokens, indented } of entriesOf(text)) {
    const first = tokens[0]!;
    const wrong = (message: string) => new ZoneFileError(first.line, message);
    const absolute = (name: string): string => {
      const whole =
        name === '@' ? (base ?? '') : name.endsWith('.') ? name.slice(0, -1) : base === null ? name : `${name}.${base}`;
      const labels = labelsOf(whole);
      if (labels === null || labels.length === 0) throw wrong(`"${name}" is no name`);
      return lowerName(nameOf(labels));
    };
    if (!first.quoted && first.text.startsWith('$')) {
      if (/^\$origin$/i.test(first.text)) base = absolute(tokens[1]?.text ?? '').replace(/\.$/, '');
      else if (!/^\$ttl$/i.test(first.text)) throw wrong(`${first.text} is not read`);
      continue;
    }
    let rest = tokens;
    if (!indented) {
      owner = absolute(first.text);
      rest = tokens.slice(1);
    }
    if (owner === null) throw wrong('the first record has no name');
    while (rest[0] !== undefined && !rest[0].quoted && /^(?:\d+|(?:\d+[smhdw])+|IN)$/i.test(rest[0].text)) rest = rest.slice(1);
    const type = rest[0]?.text.toUpperCase() ?? '';
    const data = rest.slice(1);
    if (!READ.has(type)) {
      const number = /^TYPE(\d+)$/.exec(type)?.[1];
      if (READ_NUMBERS.has(Number(number)))
        throw wrong(`${type} is the unknown form (RFC 3597) of a type that is known: write its name and its data`);
      if (PASSED_OVER.has(type) || number !== undefined) continue;
      throw wrong(type === '' ? 'a record has no type' : `"${rest[0]!.text}" is no type of records`);
    }
    add(planned, owner, type as RecordType, dataOf(type, data, absolute, wrong));
  }
  return planned;
}

/** Adds a record to what is planned. */
export function add<T extends RecordType>(planned: Planned, name: string, type: T, data: RecordData[T]): void {
  const types: { [K in RecordType]?: RecordData[K][] } = planned.get(name) ?? {};
  // A record that stands twice in a zone is one record (RFC 2181 section 5).
  if (types[type]?.some((one) => isDeepStrictEqual(one, data))) return;
  (types as Record<string, unknown[]>)[type] = [...(types[type] ?? []), data];
  planned.set(name, types);
}

/**
 * One string of a TXT record as a zone file has it (RFC 1035 section 5.1): quoted, with all special
 * characters escaped.
 */
export function quotedString(text: string): string {
  return `"${text.replace(/[^ !#-[\]-~]/g, (c) => (c === '"' || c === '\\' ? `\\${c}` : `\\${String(c.charCodeAt(0) & 0xff).padStart(3, '0')}`))}"`;
}

/** Cuts a long text into strings as an answer holds them. */
export function stringsOf(text: string): string[] {
  const strings: string[] = [];
  for (let at = 0; at === 0 || at < text.length; at += 255) strings.push(text.slice(at, at + 255));
  return strings;
}

function dataOf(
  type: string,
  data: Token[],
  absolute: (name: string) => string,
  wrong: (message: string) => Error,
): RecordData[RecordType] {
  const one = data[0]?.text ?? '';
  switch (type) {
    case 'A':
      if (!isIPv4(one)) throw wrong(`"${one}" is no IPv4 address`);
      return one;
    case 'AAAA':
      if (!isIPv6(one)) throw wrong(`"${one}" is no IPv6 address`);
      return one.toLowerCase();
    case 'MX':
      if (!/^\d{1,5}$/.test(one) || data.length !== 2) throw wrong('an MX record is a number and a name');
      return { preference: Number(one), exchange: data[1]!.text === '.' ? '.' : absolute(data[1]!.text) };
    case 'TXT': {
      if (data.length === 0) throw wrong('a TXT record has no text');
      const strings = data.map(({ text, quoted }) => (quoted ? text : plain(text)));
      const long = strings.find((text) => text.length > 255);
      if (long !== undefined) throw wrong(`a string has ${long.length} octets, and 255 are allowed: cut it into several`);
      return strings;
    }
    default:
      if (data.length !== 1) throw wrong(`a ${type} record is one name`);
      return absolute(one);
  }
}

/** The records and directives: lines, or what parentheses make one of. */
function* entriesOf(text: string): Generator<{ tokens: Token[]; indented: boolean }> {
  let tokens: Token[] = [];
  let depth = 0;
  let indented = false;
  for (const [n, content] of text.split(/\r\n|\n|\r/).entries()) {
    const line = n + 1;
    if (depth === 0) indented = /^[ \t]/.test(content);
    let at = 0;
    while (at < content.length) {
      const c = content[at]!;
      if (c === ' ' || c === '\t') at++;
      else if (c === ';') break;
      else if (c === '(' || c === ')') {
        depth += c === '(' ? 1 : -1;
        if (depth < 0) throw new ZoneFileError(line, 'a parenthesis is closed that was not opened');
        at++;
      } else {
        const found =
          c === '"' ? /^"((?:[^"\\]|\\.)*)"/.exec(content.slice(at)) : /^((?:[^\s;()"\\]|\\.)+)/.exec(content.slice(at));
        if (!found) throw new ZoneFileError(line, 'a quoted string does not end');
        // Names keep their escapes: `labelsOf` reads them.
        tokens.push({ text: c === '"' || found[1]!.includes('"') ? plain(found[1]!) : found[1]!, quoted: c === '"', line });
        at += found[0].length;
      }
    }
    if (depth > 0) continue;
    if (tokens.length > 0) yield { tokens, indented };
    tokens = [];
  }
  if (depth > 0) throw new ZoneFileError(tokens[0]?.line ?? 1, 'a parenthesis is not closed');
}

/**
 * A string without its escapes, one character an octet: `\\DDD` is an octet, what else is not ASCII is UTF-8.
 */
function plain(text: string): string {
  return text.replace(/\\(?:(\d{3})|(.))|[^\x00-\x7f]+/gu, (whole, code: string | undefined, c: string | undefined) => {
    if (code !== undefined) return String.fromCharCode(Number(code) & 255);
    return Buffer.from(c ?? whole).toString('latin1');
  });
}
