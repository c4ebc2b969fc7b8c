import { isIPv4, isIPv6 } from 'node:net';
import { type Piece, parseDomainSpec, parseMacros } from './macro.ts';

export type Qualifier = '+' | '-' | '~' | '?';
export type MechanismKind = 'all' | 'include' | 'a' | 'mx' | 'ptr' | 'ip4' | 'ip6' | 'exists';

/** A mechanism with its qualifier (RFC 7208 section 5). */
export interface Mechanism {
  kind: MechanismKind;
  qualifier: Qualifier;
  /** The domain-spec; null when there is none, and the domain of the record is meant. */
  domain: readonly Piece[] | null;
  /** As written in the record, without the colon; null when there is none. */
  domainText: string | null;
  /** Of ip4 and ip6: the address. */
  address: string | null;
  /** Prefix lengths: of ip4, a and mx; of ip6, a and mx. */
  prefix4: number;
  prefix6: number;
  text: string;
  /** Where it begins in the record, from 0. */
  at: number;
}

export interface Modifier {
  name: string;
  value: readonly Piece[];
  valueText: string;
  text: string;
  at: number;
}

export interface SpfSyntaxError {
  /** A sentence without its end: "a:foo names a domain without a dot". */
  message: string;
  text: string;
  at: number;
}

/**
 * An SPF record as it is written. With errors it is a permerror, whatever comes before them (section 4.6).
 */
export interface SpfRecord {
  text: string;
  /** In the order of the record. */
  mechanisms: readonly Mechanism[];
  redirect: Modifier | null;
  exp: Modifier | null;
  /** Unknown modifiers, which are ignored. */
  others: readonly Modifier[];
  errors: readonly SpfSyntaxError[];
}

/** Whether a TXT record, its strings joined, is an SPF record (section 4.5). */
export function isSpf(text: string): boolean {
  return /^v=spf1(?: |$)/i.test(text);
}

/**
 * Reads an SPF record.
 * @param text the strings of a TXT record, joined without blanks, one character an octet
 */
export function parseSpf(text: string): SpfRecord {
  const errors: SpfSyntaxError[] = [];
  const mechanisms: Mechanism[] = [];
  const others: Modifier[] = [];
  const once: { redirect: Modifier | null; exp: Modifier | null } = { redirect: null, exp: null };
  for (const { term, at } of termsOf(text)) {
    const wrong = (message: string) => errors.push({ message: `${term} ${message}`, text: term, at });
    const modifier = /^([a-z][a-z0-9._-]*)=(.*)$/is.exec(term);
    if (modifier) {
      const name = modifier[1]!.toLowerCase();
      const valueText = modifier[2]!;
      const known = name === 'redirect' || name === 'exp';
      const value = known ? parseDomainSpec(valueText) : parseMacros(valueText, 'any');
      if (typeof value === 'string') wrong(value);
      else if (!known) others.push({ name, value, valueText, text: term, at });
      else if (once[name] !== null) wrong('stands twice in the record');
      else once[name] = { name, value, valueText, text: term, at };
      continue;
    }
    const mechanism = parseMechanism(term, at);
    if (typeof mechanism === 'string') wrong(mechanism);
    else mechanisms.push(mechanism);
  }
  return { text, mechanisms, ...once, others, errors };
}

/** The terms behind the version: only blanks are between them. */
function termsOf(text: string): { term: string; at: number }[] {
  return [...text.slice('v=spf1'.length).matchAll(/[^ ]+/g)].map((found) => ({
    term: found[0],
    at: 'v=spf1'.length + found.index,
  }));
}

const KINDS = new Set<string>(['all', 'include', 'a', 'mx', 'ptr', 'ip4', 'ip6', 'exists']);

/** @returns the mechanism, or a sentence that says what is wrong with it */
function parseMechanism(text: string, at: number): Mechanism | string {
  const found = /^([+?~-]?)([a-z][a-z0-9._-]*)([:/].*)?$/is.exec(text);
  if (!found) return 'is neither a mechanism nor a modifier';
  const kind = found[2]!.toLowerCase();
  if (!KINDS.has(kind)) return 'is no mechanism that there is';
  const rest = found[3] ?? '';
  const mechanism: Mechanism = {
    kind: kind as MechanismKind,
    qualifier: (found[1] || '+') as Qualifier,
    domain: null,
    domainText: null,
    address: null,
    prefix4: 32,
    prefix6: 128,
    text,
    at,
  };
  const withDomain = (domainText: string): Mechanism | string => {
    const domain = parseDomainSpec(domainText);
    return typeof domain === 'string' ? domain : { ...mechanism, domain, domainText };
  };
  switch (mechanism.kind) {
    case 'all':
      return rest === '' ? mechanism : 'has something behind "all"';
    case 'include':
    case 'exists':
      return rest.startsWith(':') ? withDomain(rest.slice(1)) : 'needs a domain behind a colon';
    case 'ptr':
      if (rest === '') return mechanism;
      return rest.startsWith(':') ? withDomain(rest.slice(1)) : 'takes no prefix length';
    case 'a':
    case 'mx': {
      const cut = /^(.*?)(?:\/(\d+))?(?:\/\/(\d+))?$/s.exec(rest)!;
      const prefix4 = prefixOf(cut[2], 32);
      const prefix6 = prefixOf(cut[3], 128);
      if (prefix4 === null || prefix6 === null) return 'has a prefix length that is none';
      const prefixes = { prefix4, prefix6 };
      if (cut[1] === '') return { ...mechanism, ...prefixes };
      if (!cut[1]!.startsWith(':')) return 'has a prefix length that is none';
      const named = withDomain(cut[1]!.slice(1));
      return typeof named === 'string' ? named : { ...named, ...prefixes };
    }
    case 'ip4':
    case 'ip6': {
      const four = mechanism.kind === 'ip4';
      const cut = /^:([^/]*)(?:\/(\d+))?$/.exec(rest);
      if (!cut) return 'needs an address behind a colon';
      const address = cut[1]!;
      const right = four ? isIPv4(address) && !/(?:^|\.)0\d/.test(address) : isIPv6(address) && !address.includes('%');
      if (!right) return `has "${address}", which is no IPv${four ? 4 : 6} address`;
      const prefix = prefixOf(cut[2], four ? 32 : 128);
      if (prefix === null) return 'has a prefix length that is none';
      return { ...mechanism, address, ...(four ? { prefix4: prefix } : { prefix6: prefix }) };
    }
  }
}

/** @returns null when it is none: above the most, or with a zero in front */
function prefixOf(text: string | undefined, most: number): number | null {
  if (text === undefined) return most;
  return /^(?:0|[1-9]\d{0,2})$/.test(text) && Number(text) <= most ? Number(text) : null;
}
