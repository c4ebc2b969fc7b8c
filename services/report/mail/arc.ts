import { normalDomain } from '../orgdomain.ts';
import { canonicalField, relaxedField } from './canonical.ts';
import { asSignature, formRefusal, type Signature, signedData, signedNames, tagsOf, withoutSignature } from './dkim.ts';
import type { Field, Header } from './header.ts';
import { type BodyDigests, bodyRefusal } from './signatures.ts';

/**
 * Sets of one mail that are looked at; RFC 8617 section 4.2.1 allows 50, and each costs two public-key
 * operations.
 */
const MOST_SETS = 20;

/** The ARC sets of a mail before any key is known. */
export type ArcChain =
  | { state: 'none' }
  | { state: 'fail'; why: string }
  | {
      state: 'open';
      /** The domains that sealed, the first one first; lower case. */
      sealers: string[];
      /** All that must verify: the last message signature, and every seal. */
      signatures: Signature[];
      /**
       * The value of the first ARC-Authentication-Results, without its instance: what was found before
       * anybody changed the mail.
       */
      original: string;
    };

interface ArcSet {
  results: Field;
  message: { field: Field; tags: Map<string, string> };
  seal: { field: Field; tags: Map<string, string> };
}

const NAMES = ['arc-authentication-results', 'arc-message-signature', 'arc-seal'] as const;

/**
 * Reads the ARC chain of a mail (RFC 8617 section 5.2): all that can be found out without keys. Only the last
 * message signature is checked, as the RFC demands; those before it were broken by whoever sealed next.
 * @param raw the bytes of the header section
 */
export function openArc(raw: Buffer, header: Header, bodies: BodyDigests): ArcChain {
  const sets = setsOf(header);
  if (typeof sets === 'string') return { state: 'fail', why: sets };
  if (sets.length === 0) return { state: 'none' };
  const last = sets.at(-1)!;
  const form = formRefusal(last.message.tags) ?? bodyRefusal(last.message.tags, bodies);
  if (form !== null) return { state: 'fail', why: `ARC-Message-Signature: ${form.why}` };
  const names = signedNames(last.message.tags);
  if (!names.includes('from')) return { state: 'fail', why: 'the last ARC-Message-Signature does not cover the From field' };
  if (names.includes('arc-seal')) return { state: 'fail', why: 'the last ARC-Message-Signature covers ARC-Seal' };
  const relaxed = (last.message.tags.get('c') ?? 'simple').toLowerCase().split('/')[0] === 'relaxed';
  const data = signedData(raw, header.fields, { own: last.message.field, names, relaxed });
  const signatures = [asSignature(last.message.tags, false, data)];
  for (const [n, { seal }] of sets.entries()) {
    const wrong = formRefusal(new Map([...seal.tags].filter(([tag]) => tag !== 'h')));
    if (wrong !== null) return { state: 'fail', why: `ARC-Seal: ${wrong.why}` };
    signatures.push(asSignature(seal.tags, false, sealedData(raw, sets.slice(0, n + 1))));
  }
  return {
    state: 'open',
    sealers: sets.map(({ seal }) => normalDomain(seal.tags.get('d')!)),
    signatures,
    original: sets[0]!.results.value.replace(/^\s*i\s*=\s*\d+\s*;/, ''),
  };
}

/** The sets in the order of their instances, or what is wrong with them (section 5.2, steps 1 to 3). */
function setsOf(header: Header): ArcSet[] | string {
  const found = new Map<number, Partial<Record<(typeof NAMES)[number], { field: Field; tags: Map<string, string> | null }>>>();
  for (const field of header.fields) {
    const name = NAMES.find((one) => one === field.name);
    if (name === undefined) continue;
    const tags = name === 'arc-authentication-results' ? null : tagsOf(field.value);
    const instance = name === 'arc-authentication-results' ? /^\s*i\s*=\s*(\d{1,2})\s*;/.exec(field.value)?.[1] : tags?.get('i');
    if (instance === undefined || !/^\d{1,2}$/.test(instance)) return `${name} has no instance`;
    const set = found.get(Number(instance)) ?? {};
    if (set[name] !== undefined) return `${name} is there twice for one instance`;
    set[name] = { field, tags };
    found.set(Number(instance), set);
  }
  if (found.size > MOST_SETS) return `there are more than ${MOST_SETS} sets`;
  const sets: ArcSet[] = [];
  for (let i = 1; i <= found.size; i++) {
    const set = found.get(i);
    const [results, message, seal] = NAMES.map((name) => set?.[name]);
    if (!results || !message?.tags || !seal?.tags) return `set ${i} is not complete`;
    // Section 4.1.3: the seal says how the chain was found before it; the first sealer found none.
    if (seal.tags.get('cv')?.toLowerCase() !== (i === 1 ? 'none' : 'pass'))
      return `the seal of set ${i} says that the chain failed`;
    if (seal.tags.has('h') || seal.tags.has('bh')) return `the seal of set ${i} has tags that it must not have`;
    sets.push({
      results: results.field,
      message: { field: message.field, tags: message.tags },
      seal: { field: seal.field, tags: seal.tags },
    });
  }
  return sets;
}

/**
 * What a seal is over: the fields of all sets up to its own, relaxed, in order; its own last, without b=
 * (section 5.1.1).
 */
function sealedData(raw: Buffer, sets: readonly ArcSet[]): string {
  let data = '';
  for (const [n, { results, message, seal }] of sets.entries()) {
    data += `${canonicalField(raw, results, true)}\r\n${canonicalField(raw, message.field, true)}\r\n`;
    data +=
      n === sets.length - 1
        ? relaxedField(withoutSignature(canonicalField(raw, seal.field, false)))
        : `${canonicalField(raw, seal.field, true)}\r\n`;
  }
  return data;
}
