import { isIPv4, isIPv6 } from 'node:net';
import { domainToASCII } from 'node:url';
import { asTyped } from '../copied.ts';
import { type Mechanism, parseSpf, type SpfRecord } from '../spf/record.ts';

/** The record without a term. What then says nothing about all other senders ends in "~all". */
export function withoutTerm(record: SpfRecord, { at, text }: { at: number; text: string }): string {
  return ended(`${record.text.slice(0, at).trimEnd()} ${record.text.slice(at + text.length).trimStart()}`.trim());
}

/** A record that says something about all other senders. */
function ended(text: string): string {
  const { mechanisms, redirect } = parseSpf(text);
  return redirect !== null || mechanisms.some(({ kind }) => kind === 'all') ? text : `${text} ~all`;
}

/** The record with a term replaced by another. */
export function replaced(record: SpfRecord, { at, text }: { at: number; text: string }, by: string): string {
  return record.text.slice(0, at) + by + record.text.slice(at + text.length);
}

/**
 * The record with "all" at its end: of several, the first counts (RFC 7208 section 5.1), and goes there
 * alone.
 */
export function allAtEnd(record: SpfRecord, all: Mechanism): string {
  const others = record.mechanisms.filter(({ kind }) => kind === 'all');
  const text = others.reduceRight(
    (rest, { at, text: term }) => `${rest.slice(0, at).trimEnd()} ${rest.slice(at + term.length).trimStart()}`.trimEnd(),
    record.text,
  );
  return `${text} ${all.text}`;
}

/** One record with the terms of all records, each once, and the strictest "all" at the end. */
export function merged(texts: readonly string[]): string {
  const terms = [...new Set(texts.flatMap((text) => text.slice('v=spf1'.length).split(' ').filter(Boolean)))];
  const isAll = (term: string) => /^[+?~-]?all$/i.test(term);
  const alls = terms.filter(isAll).map((term) => term.toLowerCase());
  const end = ['-all', '~all'].find((all) => alls.includes(all)) ?? '~all';
  return ['v=spf1', ...terms.filter((term) => !isAll(term)), end].join(' ');
}

/**
 * Where another term begins without the space before it: strings of a TXT record are joined without one (RFC
 * 7208 section 3.3).
 */
const GLUED = /(?<=[^\s+?~-])(?=(?:[+?~-]?(?:ip4:|ip6:|include:|exists:)|[+?~-]all$|redirect=))/gi;

/** What is meant by a term that is none, where that is plain; null where it is not. */
export function repaired(term: string): string | null {
  const parts = asTyped(term)
    .split(' ')
    .flatMap((part) => part.split(GLUED))
    .map((part) => part.replace(/[,;"']+$/, ''))
    .filter((part) => part !== '')
    .map(spelled);
  const text = parts.join(' ');
  return text !== '' && text !== term && parseSpf(`v=spf1 ${text}`).errors.length === 0 ? text : null;
}

/** One term with the mechanism that its value asks for, and its name in A-labels. */
function spelled(term: string): string {
  const [, qualifier = '', name = '', value = ''] = /^([+?~-]?)([a-z0-9]+)[:=](.*)$/is.exec(term) ?? [];
  const plain = value.replace(/^https?:\/\//i, '').replace(/^\[|\]$|\/$/g, '');
  const [address = ''] = plain.split('/');
  if (/^(?:ip|ipv?[46]|a|mx|include)$/i.test(name) && isIPv4(address)) return `${qualifier}ip4:${plain}`;
  if (/^(?:ip|ipv?[46]|a|mx|include)$/i.test(name) && isIPv6(address)) return `${qualifier}ip6:${plain}`;
  if (!/^(?:a|mx|include|exists)$/i.test(name)) return term;
  // Text of a record is octets (latin1).
  const ascii = /[^ -~]/.test(plain) ? domainToASCII(Buffer.from(plain, 'latin1').toString('utf8')) : plain;
  return `${qualifier}${name}:${ascii}`;
}

/** Whether a corrected record lets nobody send, while the one before meant to let somebody. */
export function leavesNobody(before: string, after: string): boolean {
  const { mechanisms, redirect } = parseSpf(after);
  if (redirect !== null || mechanisms.some(({ qualifier, kind }) => qualifier === '+' && kind !== 'all')) return false;
  const said = before.trim().split(/\s+/).slice(1);
  return said.some((word) => /[:/.]/.test(word) && !/^(?:exp=|[?~-])/i.test(word));
}

/**
 * A record that is meant to be SPF, with its version, spaces and terms as they must be; a term that means
 * nothing goes.
 */
export function respelled(text: string): string {
  const rest = asTyped(text)
    .replace(/^\s*["']?\s*v?\s*=?\s*spf\s*-?\s*[12](?:\.0)?/i, '')
    .replace(/["']\s*$/, '')
    // What is glued to the version: a term, or part of a version that there is not.
    .replace(/^(?![+?~-]?[a-z])[^\s]+/i, '');
  const terms = rest.split(/\s+/).filter(Boolean);
  const right = terms.flatMap((term) => (parseSpf(`v=spf1 ${term}`).errors.length === 0 ? term : (repaired(term) ?? [])));
  return ended(['v=spf1', ...right].join(' '));
}
