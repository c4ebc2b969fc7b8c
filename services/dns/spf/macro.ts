import { isIPv6 } from 'node:net';
import { nameOf } from '../client/name.ts';

/** A piece of a macro-string (RFC 7208 section 7.1). */
export type Piece =
  | { kind: 'literal'; text: string }
  | {
      kind: 'macro';
      /** Lower case. */
      letter: string;
      /** An upper-case letter: what it gives is URL-escaped. */
      escaped: boolean;
      /** Right-hand parts to use; 0 for all. */
      parts: number;
      reverse: boolean;
      delimiters: string;
    };

const LETTERS = 'slodiphv';
const LETTERS_OF_EXP = 'crt';
const MACRO = /^%\{([a-z])(\d*)(r?)([.\-+,/_=]*)\}/i;

/**
 * Reads a macro-string.
 * @param where "term" allows the letters of terms and visible characters; "exp" those of explanations, and
 *   blanks; "any" the letters of both, for unknown modifiers
 * @returns the parts, or a sentence that says what is wrong
 */
export function parseMacros(text: string, where: 'term' | 'exp' | 'any'): Piece[] | string {
  const pieces: Piece[] = [];
  const literal = (piece: string) => {
    const last = pieces.at(-1);
    if (last?.kind === 'literal') last.text += piece;
    else pieces.push({ kind: 'literal', text: piece });
  };
  const letters = where === 'term' ? LETTERS : LETTERS + LETTERS_OF_EXP;
  for (let i = 0; i < text.length; ) {
    const c = text[i]!;
    if (c !== '%') {
      if (!/[!-~]/.test(c) && !(c === ' ' && where === 'exp')) return 'has a character that is no visible ASCII';
      literal(c);
      i++;
      continue;
    }
    const next = text[i + 1];
    if (next === '%' || next === '_' || next === '-') {
      literal(next === '%' ? '%' : next === '_' ? ' ' : '%20');
      i += 2;
      continue;
    }
    const found = MACRO.exec(text.slice(i, i + 300));
    if (!found) return `has a "%" that begins no macro (write %% for the sign itself)`;
    const [whole, letter, digits, reverse, delimiters] = found as unknown as [string, string, string, string, string];
    if (!letters.includes(letter.toLowerCase())) return `has the macro letter "${letter}", which is not allowed here`;
    if (/^0+$/.test(digits)) return 'has a macro that keeps 0 parts';
    pieces.push({
      kind: 'macro',
      letter: letter.toLowerCase(),
      escaped: letter !== letter.toLowerCase(),
      parts: Number(digits),
      reverse: reverse !== '',
      delimiters: delimiters === '' ? '.' : delimiters,
    });
    i += whole.length;
  }
  return pieces;
}

const TOPLABEL = /^(?:[a-z0-9]*[a-z][a-z0-9]*|[a-z0-9]+-[a-z0-9-]*[a-z0-9])$/i;

/**
 * Reads a domain-spec: a macro-string that ends in a macro, or in a dot and a top label.
 * @returns the parts, or a sentence that says what is wrong
 */
export function parseDomainSpec(text: string): Piece[] | string {
  if (text === '') return 'names no domain';
  const pieces = parseMacros(text, 'term');
  if (typeof pieces === 'string') return pieces;
  if (/%(?:%|_|-|\{[^}]*\})$/.test(text) && endsInMacro(text)) return pieces;
  const end = /\.([^.]*)\.?$/.exec(text)?.[1];
  if (end === undefined) return 'names a domain without a dot';
  return TOPLABEL.test(end) ? pieces : `ends in "${end}", which is no top-level domain`;
}

/** Whether the text ends in a macro, and not in the literal that one leaves over ("%%-"). */
function endsInMacro(text: string): boolean {
  let i = 0;
  let macro = false;
  while (i < text.length) {
    const found = MACRO.exec(text.slice(i, i + 300))?.[0] ?? (/^%[%_-]/.test(text.slice(i, i + 2)) ? text.slice(i, i + 2) : null);
    macro = found !== null;
    i += found?.length ?? 1;
  }
  return macro;
}

/** What macros are made of. */
export interface MacroValues {
  ip: string;
  sender: string;
  local: string;
  senderDomain: string;
  domain: string;
  helo: string;
  /** Asked for only when a record has %{p}. */
  validated: () => Promise<string>;
  receiver: string;
  /** Seconds since 1970. */
  now: number;
}

export async function expand(pieces: readonly Piece[], values: MacroValues): Promise<string> {
  let out = '';
  for (const piece of pieces) {
    if (piece.kind === 'literal') {
      out += piece.text;
      continue;
    }
    const split = new RegExp(`[${piece.delimiters.replace(/[\]\\^-]/g, '\\$&')}]`);
    const parts = (await macroValue(piece.letter, values)).split(split);
    if (piece.reverse) parts.reverse();
    const text = parts.slice(-piece.parts).join('.');
    out += piece.escaped ? urlEscape(text) : text;
  }
  return out;
}

async function macroValue(letter: string, values: MacroValues): Promise<string> {
  switch (letter) {
    case 's':
      return values.sender;
    case 'l':
      return values.local;
    case 'o':
      return values.senderDomain;
    case 'd':
      return values.domain;
    case 'i':
      return isIPv6(values.ip) ? nibbles(values.ip).toUpperCase().split('').join('.') : values.ip;
    case 'p':
      return await values.validated();
    case 'v':
      return isIPv6(values.ip) ? 'ip6' : 'in-addr';
    case 'h':
      return values.helo;
    case 'c':
      return values.ip;
    case 'r':
      return values.receiver;
    default:
      return String(values.now);
  }
}

function urlEscape(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** The 32 hexadecimal digits of an IPv6 address. */
export function nibbles(address: string): string {
  let text = address;
  const v4 = /(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(text);
  if (v4) {
    const [a, b, c, d] = v4.slice(1).map(Number) as [number, number, number, number];
    text = `${text.slice(0, v4.index)}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  }
  const [head = '', tail] = text.split('::');
  const groups = (part: string) => (part === '' ? [] : part.split(':').map((group) => group.padStart(4, '0')));
  const first = groups(head);
  if (tail === undefined) return first.join('').toLowerCase();
  const last = groups(tail);
  return [...first, ...Array<string>(8 - first.length - last.length).fill('0000'), ...last].join('').toLowerCase();
}

/** The name of an address under in-addr.arpa or ip6.arpa (RFC 1035 section 3.5, RFC 3596 section 2.5). */
export function reverseName(ip: string): string {
  return isIPv6(ip)
    ? `${nibbles(ip).split('').reverse().join('.')}.ip6.arpa`
    : `${ip.split('.').reverse().join('.')}.in-addr.arpa`;
}

/**
 * An expanded domain as a name to query, cut on the left to the length of a name (RFC 7208 section 7.3).
 * @returns null when no zone can hold it
 */
export function toName(expanded: string): string | null {
  let labels = expanded.replace(/\.$/, '').split('.');
  while (labels.length > 1 && labels.join('.').length > 253) labels = labels.slice(1);
  const fits = labels.every((label) => label.length >= 1 && label.length <= 63 && !/[^\x00-\x7f]/.test(label));
  return fits ? nameOf(labels) : null;
}
