import type { Mechanism, SpfRecord } from '../spf/record.ts';

/** The record without a term. */
export function withoutTerm(record: SpfRecord, { at, text }: { at: number; text: string }): string {
  const value = `${record.text.slice(0, at).trimEnd()} ${record.text.slice(at + text.length).trimStart()}`;
  return value.trim();
}

/** The record with a term replaced by another. */
export function replaced(record: SpfRecord, { at, text }: { at: number; text: string }, by: string): string {
  return record.text.slice(0, at) + by + record.text.slice(at + text.length);
}

/** The record with "all" at its end: of several, the first counts (RFC 7208 section 5.1), and goes there alone. */
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
