import { normalDomain } from '../orgdomain.ts';
import { authorOf } from './author.ts';
import type { Strays } from './charset-names.ts';
import type { Header } from './header.ts';
import { decodeWords, unreadableCharset } from './parameters.ts';

/** Whom a mail may be taken to come from. */
export interface Authors {
  /** The one author (`authorOf`): domain and address in lower case. Null when it is not clear who that is. */
  author: { domain: string; address: string } | null;
  /** Why it is not clear; null when it is. */
  unclear: string | null;
  /** Every domain that any reader of the mail may take for the author's: A-labels, lower case. */
  domains: string[];
  /**
   * Domains that are read as others as they are written: a capital "I" among small letters is an "l" to the
   * eye.
   */
  seen: { of: string; as: string }[];
  /** Every address that any reader may take for the author's: lower case. */
  addresses: string[];
  /** What is shown beside the addresses, of each From field: names, comments, quoted strings; decoded. */
  names: string[];
  /** Names that programs show otherwise: octets that are no text are dropped, or shown as a mark. */
  marked: string[];
  /** Domains of addresses that are written in these names. */
  named: string[];
  /** Whom some programs show as who sent it on behalf of the author. */
  sender: { names: string[]; domains: string[] };
  /**
   * A charset of these names or addresses that programs may read otherwise than here; null when there is
   * none.
   */
  unread: string | null;
}

/** Characters of one From field, and From fields, that are looked at; a mail with more is unclear. */
const LENGTH = 8_192;
const MOST_FIELDS = 20;
/** An address, with the blanks and comments that RFC 5322 section 4.4 allowed around its dots. */
const ADDRESS =
  /([^\s@<>,;:()"\x00-\x1f\ufffd]{0,256})\s{0,16}@\s{0,16}([^\s@<>,;:()"[\]\x00-\x1f\ufffd]{1,256}(?:\s{0,4}\.\s{0,4}[^\s@<>,;:()"[\]\x00-\x1f\ufffd]{1,256}){0,40})/g;

/**
 * Reads the From fields of a mail (RFC 5322 section 3.6.2) twice: strictly, for the one author that DMARC is
 * about, and as any program that shows mail may read them, for rules about whom a mail pretends to come from.
 * Programs differ: some show the last of two fields, some decode encoded words within an address, some show a
 * comment as the name.
 */
export function authorsOf(header: Header): Authors {
  const fields = header.fields.filter(({ name }) => name === 'from');
  const { domain, address, why } = authorOf(header.fields);
  const long = fields.length > MOST_FIELDS || fields.some(({ value }) => value.length > LENGTH);
  const unclear = header.doubt ?? (long ? 'the mail has From fields that are too long' : why);
  const domains = new Set<string>();
  const addresses = new Set<string>();
  const seen: Authors['seen'] = [];
  const names: string[] = [];
  const marked: string[] = [];
  const named = new Set<string>();
  let unread: string | null = null;
  if (domain !== null) {
    domains.add(domain);
    addresses.add(address);
  }
  for (const { value } of fields.slice(0, MOST_FIELDS)) {
    const text = Buffer.from(value.slice(0, LENGTH), 'latin1').toString('latin1');
    unread ??= unreadableCharset(text);
    const { places, shown } = taken(text);
    for (const [whole, host, as] of addressesIn(places)) {
      domains.add(host);
      addresses.add(whole);
      if (as !== host) seen.push({ of: host, as });
    }
    const name = nameIn(shown, 'latin1');
    if (name !== '') names.push(name);
    const other = nameIn(shown, 'mark');
    if (other !== name) marked.push(other);
    for (const [, host] of found(name)) named.add(host);
  }
  return {
    author: unclear === null && domain !== null ? { domain, address } : null,
    unclear,
    domains: [...domains],
    seen,
    addresses: [...addresses],
    names,
    marked,
    named: [...named],
    sender: senderOf(header),
    unread,
  };
}

/** What a Sender field shows; of several all. */
function senderOf({ fields }: Header): Authors['sender'] {
  const texts = fields.filter(({ name }) => name === 'sender').slice(0, MOST_FIELDS);
  const read = texts.map(({ value }) => taken(Buffer.from(value.slice(0, LENGTH), 'latin1').toString('latin1')));
  return {
    names: read.flatMap(({ shown }) => [...new Set([nameIn(shown, 'latin1'), nameIn(shown, 'mark')])]).filter(Boolean),
    domains: read.flatMap(({ places }) => addressesIn(places).map(([, host]) => host)),
  };
}

/** Some programs decode encoded words in an address, which RFC 2047 section 5 forbids. */
const addressesIn = (places: readonly string[]): [string, string, string][] =>
  places
    .flatMap((place) => [...new Set(/[^\x00-\x7f]/.test(place) ? [decodeWords(place)] : [place, decodeWords(place)])])
    .flatMap(found);

/** Programs drop other control characters than blanks, or show a mark: neither makes two words of one. */
const nameIn = (shown: string, strays: Strays): string =>
  decodeWords(shown, strays)
    .replace(/[\t-\r]+/g, ' ')
    .replace(/[\x00-\x1f\x7f-\x9f]+/g, '\ufffd')
    .trim();

/** The addresses in a text, their domains, and these as they look. */
function found(text: string): [string, string, string][] {
  return [...text.matchAll(ADDRESS)].flatMap(([, local, host]): [string, string, string][] => {
    const written = host!.replace(/\s+/g, '');
    const domain = normalDomain(written);
    if (!domain.includes('.')) return [];
    const looks = /[a-z]/.test(written) && written.includes('I') ? normalDomain(written.replaceAll('I', 'l')) : domain;
    return [[`${local!.toLowerCase()}@${domain}`, domain, looks]];
  });
}

/** One mailbox of a From field while it is read. */
class Open {
  /** Texts in angle brackets. */
  readonly angled: string[] = [];
  /** What is neither in angle brackets nor in quotes nor a comment. */
  bare = '';
  /** Comments and quoted strings, without their marks; `all` has the bare text as well, in its place. */
  aside = '';
  all = '';
}

/**
 * Where addresses are in a From field, and what is shown beside them: of each mailbox the text in angle
 * brackets, or else all of it that is neither quoted nor a comment.
 */
function taken(value: string): { places: string[]; shown: string } {
  const places: string[] = [];
  let shown = '';
  let one = new Open();
  let quoted = false;
  let depth = 0;
  let angle: string | null = null;
  const close = () => {
    if (angle !== null) one.angled.push(angle);
    angle = null;
    places.push(...(one.angled.length > 0 ? one.angled : [one.bare]));
    shown += ` ${one.angled.length > 0 ? one.all : one.aside}`;
    one = new Open();
  };
  const aside = (c: string) => {
    one.aside += c;
    one.all += c;
  };
  for (let i = 0; i < value.length; i++) {
    const c = value[i]!;
    if (c === '\\' && (quoted || depth > 0)) aside(value[++i] ?? '');
    else if (c === '"' && depth === 0) quoted = !quoted;
    else if (quoted) {
      // Programs show a quoted local part as well.
      aside(c);
    } else if (c === '(') {
      aside(depth++ === 0 ? ' ' : c);
    } else if (depth > 0) {
      if (c === ')') depth--;
      aside(depth === 0 ? ' ' : c);
    } else if (c === '<') {
      if (angle !== null) one.angled.push(angle);
      angle = '';
    } else if (c === '>' && angle !== null) {
      one.angled.push(angle);
      angle = null;
    } else if ((c === ',' || c === ';') && angle === null) close();
    else if (angle !== null) angle += c;
    else {
      one.bare += c;
      one.all += c;
    }
  }
  close();
  // The text has one character per octet: what is no blank in ASCII may be a part of a character.
  return { places, shown: shown.replace(/[\t-\r ]+/g, ' ').replace(/^ | $/g, '') };
}
