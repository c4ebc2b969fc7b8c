import { trimBlanks } from '../tag-list.ts';

export type Policy = 'none' | 'quarantine' | 'reject';

/** An address for reports (RFC 9989 section 4.6). */
export interface ReportUri {
  /** As written in the record. */
  text: string;
  /** Lower case: "mailto". */
  scheme: string;
  /** Of a mailto: the mail address, decoded, its domain in lower case; null otherwise. */
  address: string | null;
  /** The host that the reports go to, in lower case; null when there is none. */
  domain: string | null;
  /** Of the historic size suffix "!10m" (RFC 7489 section 6.2): octets. */
  maxBytes: number | null;
}

export type DmarcProblemCode =
  /** A part between semicolons that is not tag=value. */
  | 'dmarc_syntax'
  | 'dmarc_tag_twice'
  | 'dmarc_tag_unknown'
  /** A tag of RFC 7489 that RFC 9989 dropped: pct, rf, ri. */
  | 'dmarc_tag_historic'
  | 'dmarc_value'
  | 'dmarc_no_p'
  | 'dmarc_uri'
  | 'dmarc_size_historic'
  /** fo without ruf means nothing. */
  | 'dmarc_fo_without_ruf';

export interface DmarcProblem {
  code: DmarcProblemCode;
  /** Lower case; null where no tag is concerned. */
  tag: string | null;
  /** Where in the text it begins, from 0. */
  at: number;
  /** The part of the record that is meant. */
  text: string;
}

/** A DMARC policy record (RFC 9989 section 4.7), with what is wrong in it; a wrong value counts as absent. */
export interface DmarcRecord {
  text: string;
  p: Policy | null;
  sp: Policy | null;
  np: Policy | null;
  adkim: 'r' | 's';
  aspf: 'r' | 's';
  /** t=y: receivers should not apply the policy. */
  testing: boolean;
  psd: 'y' | 'n' | 'u';
  fo: readonly string[];
  rua: readonly ReportUri[];
  ruf: readonly ReportUri[];
  /** The values of historic tags, as written. */
  historic: { pct?: string; rf?: string; ri?: string };
  /** Whether there is a `p`, `sp` or `np` with a wrong value, or no `p` (section 4.10.1). */
  policyInvalid: boolean;
  problems: readonly DmarcProblem[];
}

/** Records of any length may be published; a DMARC record has a few hundred octets. */
const MOST_OCTETS = 8_192;

/**
 * Whether a TXT record, its strings joined, is a DMARC record at all: its first tag is v=DMARC1, in just this
 * case.
 */
export function isDmarc(text: string): boolean {
  return /^[vV][ \t]*=[ \t]*DMARC1[ \t]*(?:;|$)/.test(text) && text.length <= MOST_OCTETS;
}

/**
 * Reads a DMARC record.
 * @param text the strings of a TXT record, joined
 * @returns null when it is none (`isDmarc`)
 */
export function parseDmarc(text: string): DmarcRecord | null {
  if (!isDmarc(text)) return null;
  const problems: DmarcProblem[] = [];
  const tags = tagsOf(text, problems);
  const value = (name: string) => tags.get(name)?.value;
  const wrong = (name: string) => {
    const tag = tags.get(name)!;
    problems.push({ code: 'dmarc_value', tag: name, at: tag.at, text: tag.text });
  };
  const oneOf = <V extends string>(name: string, values: readonly V[]): V | null => {
    const found = value(name)?.toLowerCase();
    if (found === undefined) return null;
    if ((values as readonly string[]).includes(found)) return found as V;
    wrong(name);
    return null;
  };
  const policy = (name: string) => oneOf(name, ['none', 'quarantine', 'reject'] as const);
  const p = policy('p');
  const sp = policy('sp');
  const np = policy('np');
  if (!tags.has('p')) problems.push({ code: 'dmarc_no_p', tag: 'p', at: 0, text });
  const rua = urisOf('rua', tags, problems);
  const ruf = urisOf('ruf', tags, problems);
  const fo = value('fo')
    ?.toLowerCase()
    .split(/[ \t]*:[ \t]*/) ?? ['0'];
  if (fo.some((option) => !['0', '1', 'd', 's'].includes(option))) wrong('fo');
  if (tags.has('fo') && !tags.has('ruf')) {
    const { at, text: part } = tags.get('fo')!;
    problems.push({ code: 'dmarc_fo_without_ruf', tag: 'fo', at, text: part });
  }
  return {
    text,
    p,
    sp,
    np,
    adkim: oneOf('adkim', ['r', 's'] as const) ?? 'r',
    aspf: oneOf('aspf', ['r', 's'] as const) ?? 'r',
    testing: oneOf('t', ['y', 'n'] as const) === 'y',
    psd: oneOf('psd', ['y', 'n', 'u'] as const) ?? 'u',
    fo: fo.filter((option) => ['0', '1', 'd', 's'].includes(option)),
    rua,
    ruf,
    historic: Object.fromEntries(HISTORIC.flatMap((name) => (tags.has(name) ? [[name, value(name)!]] : []))),
    policyInvalid: p === null || (tags.has('sp') && sp === null) || (tags.has('np') && np === null),
    problems,
  };
}

const HISTORIC = ['pct', 'rf', 'ri'] as const;
const KNOWN = new Set(['v', 'p', 'sp', 'np', 'adkim', 'aspf', 't', 'psd', 'fo', 'rua', 'ruf']);

interface Tag {
  value: string;
  at: number;
  text: string;
}

/** The tags after the version, by name in lower case; for a repeated tag, the first. */
function tagsOf(text: string, problems: DmarcProblem[]): Map<string, Tag> {
  const tags = new Map<string, Tag>();
  let at = 0;
  for (const [n, part] of text.split(';').entries()) {
    const trimmed = trimBlanks(part);
    const begin = at + part.indexOf(trimmed);
    at += part.length + 1;
    // The version; one semicolon at the end is allowed.
    if (n === 0 || trimmed === '') continue;
    const found = /^([a-z]+)[ \t]*=(.*)$/is.exec(trimmed);
    const problem = (code: DmarcProblemCode, tag: string | null) => problems.push({ code, tag, at: begin, text: trimmed });
    const value = trimBlanks(found?.[2] ?? '');
    // A policy that is empty or has other letters is one that is not valid, and a place for reports stays one
    // beside another that is none (section 4.10.1); elsewhere such a value is no tag at all (section 4.8).
    const kept = value === '' ? /^(?:p|sp|np)$/i : /^(?:p|sp|np|rua|ruf)$/i;
    if (!found || (!/^[ -~]+$/.test(value) && !kept.test(found[1]!))) {
      problem('dmarc_syntax', null);
      continue;
    }
    const name = found[1]!.toLowerCase();
    // The version stands first, outside of these tags.
    if (tags.has(name) || name === 'v') problem('dmarc_tag_twice', name);
    else {
      tags.set(name, { value, at: begin, text: trimmed });
      if ((HISTORIC as readonly string[]).includes(name)) problem('dmarc_tag_historic', name);
      else if (!KNOWN.has(name)) problem('dmarc_tag_unknown', name);
    }
  }
  return tags;
}

function urisOf(name: 'rua' | 'ruf', tags: Map<string, Tag>, problems: DmarcProblem[]): ReportUri[] {
  const tag = tags.get(name);
  if (!tag) return [];
  return tag.value.split(',').flatMap((part) => {
    const text = trimBlanks(part);
    const uri = parseReportUri(text);
    const problem = (code: DmarcProblemCode) =>
      problems.push({ code, tag: name, at: tag.at + Math.max(0, tag.text.indexOf(text)), text });
    if (uri === null) problem('dmarc_uri');
    else if (uri.maxBytes !== null) problem('dmarc_size_historic');
    return uri ?? [];
  });
}

const UNITS: Record<string, number> = { '': 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 };

/** A local part is quoted where it has blanks or an "@" (RFC 5322 section 3.4.1). */
const ADDRESS = /^("(?:[ !#-[\]-~]|\\[ -~]){0,62}"|[^\s"@]{1,64})@([^\s@]{1,253})$/;

/** Reads an address for reports; null when it is not a URI, or a mailto without a mail address. */
export function parseReportUri(text: string): ReportUri | null {
  const found = /^([a-z][a-z0-9+.-]*):([!-~]+?)(?:!(\d{1,15})([kmgt]?))?$/i.exec(text);
  if (!found) return null;
  const scheme = found[1]!.toLowerCase();
  const rest = found[2]!;
  // A comma and an exclamation point must be encoded; anything behind the suffix is not one.
  if (rest.includes('!')) return null;
  const maxBytes = found[3] === undefined ? null : Number(found[3]) * UNITS[(found[4] ?? '').toLowerCase()]!;
  if (scheme === 'mailto') {
    // Delimiters of URIs are encoded in a local part, and the "@" is not (RFC 6068 section 2).
    const address = /^[^@:/#[\]<>]+@[^@]+$/.test(rest.split('?')[0]!) ? decoded(rest.split('?')[0]!) : null;
    const parts = ADDRESS.exec(address ?? '');
    const domain = parts?.[2]?.toLowerCase().replace(/\.$/, '');
    if (
      !parts ||
      domain === undefined ||
      !/^(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(domain)
    )
      return null;
    return { text, scheme, address: `${parts[1]}@${domain}`, domain, maxBytes };
  }
  // What stands behind a third slash is no host (RFC 9110 section 4.2.1), though browsers take it for one.
  const host =
    !rest.startsWith('///') && URL.canParse(`${scheme}:${rest}`) ? new URL(`${scheme}:${rest}`).hostname.toLowerCase() : '';
  return { text, scheme, address: null, domain: host === '' ? null : host, maxBytes };
}

function decoded(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}
