import { bundled } from '../bundled.ts';
import { normalDomain, organizationalDomain } from '../orgdomain.ts';
import { type KnownReporter, parseReporters } from './catalogue.ts';
import { isEmpty, nameKeys, unglued, wordsOf } from './names.ts';

/** The reporter that a report names. */
export interface Claim {
  org_name: string | null;
  org_email: string | null;
}

/** Who a report is from, as far as it is proven. */
export interface Reporter {
  /**
   * The key of its sums, lower case, at most 255 characters. For a proven reporter: the first name of its
   * catalogue entry when it wrote from an address listed there, else the organizational domain that was
   * proven, so nobody can write under the key of another. For an unproven report: the reporter it claims to
   * be from.
   */
  key: string;
  /**
   * For display: the name, followed by the proven domain unless the address is in the catalogue. Not escaped.
   */
  label: string;
  /** In the catalogue, and proven to write from one of its addresses there. */
  known: boolean;
}

/** How the author of a proven mail relates to the reporter named in its report. */
export type Belonging =
  /** An address in the catalogue. */
  | 'known'
  /** The reporter's own organization. */
  | 'own'
  /** An account that anybody can open: it speaks for no organization. */
  | 'free_mail'
  /** Somebody else. */
  | 'other';

/** Longest key, as in store/sql-text.ts. */
const KEY_LENGTH = 255;
const CACHE_SIZE = 5_000;

interface Index {
  keys: ReadonlyMap<string, KnownReporter>;
  addresses: ReadonlyMap<string, KnownReporter>;
  domains: ReadonlyMap<string, KnownReporter>;
  /** By nameKeys: names that are reserved as a whole. */
  names: ReadonlyMap<string, KnownReporter>;
  /** By all their words, joined: names that are reserved wherever they occur. */
  brands: ReadonlyMap<string, KnownReporter>;
  organizations: ReadonlySet<string>;
  /** Letters of the longest name or brand. */
  longest: number;
  freeMail: ReadonlySet<string>;
  freeMailBelow: readonly string[];
}

let loaded: Index | null = null;

function index(): Index {
  if (loaded !== null) return loaded;
  const reporters = parseReporters(bundled('reporters.json'));
  const free = bundled('free_mail.json') as { domains: string[]; with_subdomains: string[] };
  const by = (field: 'addresses' | 'domains' | 'brands', as: (text: string) => string = (text) => text) =>
    new Map(reporters.flatMap((reporter) => reporter[field].map((text) => [as(text), reporter] as const)));
  loaded = {
    keys: new Map(reporters.map((reporter) => [keyOf(reporter), reporter])),
    addresses: by('addresses'),
    domains: by('domains'),
    names: new Map(
      reporters
        .filter(({ reserved }) => reserved)
        .flatMap((reporter) => reporter.names.flatMap(nameKeys).map((name) => [name, reporter] as const)),
    ),
    brands: by('brands', (brand) => wordsOf(brand)[0]!.join('')),
    organizations: new Set(reporters.flatMap(({ org_domains }) => org_domains)),
    longest: 0,
    freeMail: new Set(free.domains),
    freeMailBelow: free.with_subdomains,
  };
  loaded.longest = Math.max(...[...loaded.names.keys(), ...loaded.brands.keys()].map((name) => name.length));
  return loaded;
}

/** The key of a catalogue entry: its first name, lower case, which was its key before version 0.2. */
const keyOf = (reporter: KnownReporter) => reporter.names[0]!.toLowerCase();

/**
 * Whether a key is that of a catalogue entry. Reports have such a key only when proven from one of its
 * addresses, or not verified at all.
 */
export const isKnown = (key: string): boolean => index().keys.has(key);

/** What people call the reporter of a catalogue entry; null for any other key. */
export const commonName = (key: string): string | null => index().keys.get(key)?.name ?? null;

/**
 * The organization behind a key, which it keeps when it changes its name or its address: the catalogue entry
 * of the key or of its domain, else the organizational domain, else the key.
 */
export function organizationOf(key: string): string {
  const { keys } = index();
  const listed = keys.get(key);
  if (listed) return listed.id;
  const domain = domainOf(key);
  if (domain === null) return key;
  const organization = organizationalDomain(domain);
  const owner = [...keys.values()].find(({ org_domains }) => org_domains.includes(organization));
  return owner?.id ?? organization;
}

/** The key of a catalogue entry; null when there is none of that id. */
export function keyOfId(id: string): string | null {
  const entry = [...index().keys.values()].find((one) => one.id === id);
  return entry === undefined ? null : keyOf(entry);
}

/** The key of the catalogue entry with an organizational domain; null when none has it, or several have. */
export function keyOfOrganization(organization: string): string | null {
  const [entry, ...others] = [...index().keys.values()].filter(({ org_domains }) => org_domains.includes(organization));
  return entry === undefined || others.length > 0 ? null : keyOf(entry);
}

/** Whether a domain belongs to the organization of a catalogue entry. */
export function isOfKnown(domain: string): boolean {
  return index().organizations.has(organizationalDomain(domain));
}

/** All organizational domains for which isOfKnown holds, for a query. */
export const knownOrganizations = (): string[] => [...index().organizations];

/** All keys for which isKnown holds, for a query. */
export const knownKeys = (): string[] => [...index().keys.keys()];

/**
 * Who a report is from.
 * @param provenDomain the domain in the From field of a mail that is proven and belongs to the claim
 *   (belongingOf); null: only the claim of the report is known
 * @param fromAddress the whole address of that field
 */
export function reporterOf(claim: Claim, provenDomain: string | null, fromAddress: string | null): Reporter {
  if (provenDomain === null) return claimed(claim);
  const writer = writerOf(fromAddress);
  if (writer) return { key: keyOf(writer), label: writer.name, known: true };
  const domain = organizationalDomain(provenDomain);
  return { key: unlisted(domain), label: labelOf(claim.org_name, domain), known: false };
}

/** How the author of a proven mail relates to the reporter named in its report. */
export function belongingOf(claim: Claim, from: string, fromAddress: string | null): Belonging {
  const named = namedBy(claim);
  const writer = writerOf(fromAddress);
  if (writer) return named === null || named === writer ? 'known' : 'other';
  if (isFreeMail(from)) return 'free_mail';
  const domain = organizationalDomain(from);
  if (named !== null) return named.org_domains.includes(domain) ? 'own' : 'other';
  const own = (text: string | null) => text !== null && organizationalDomain(text) === domain;
  const name = domainOf(claim.org_name);
  // A report under the name of a mailbox provider, from somebody else.
  if (name !== null && isFreeMail(name) && !own(name)) return 'other';
  return own(domainOf(claim.org_email)) || own(name) ? 'own' : 'other';
}

/** Whether anybody can get an address in this domain. */
export function isFreeMail(domain: string): boolean {
  const { freeMail, freeMailBelow } = index();
  const normal = normalDomain(domain);
  return freeMail.has(normal) || freeMailBelow.some((suffix) => normal === suffix || normal.endsWith(`.${suffix}`));
}

/** The domain of an address or a bare domain name; null when the text is neither. */
export function domainOf(text: string | null): string | null {
  const domain = /(?:^|@|<)([^\s@<>]+\.[^\s@<>]+?)\.?>?$/.exec((text ?? '').trim().slice(-320))?.[1];
  return domain?.toLowerCase() ?? null;
}

/** Whether a name belongs to a catalogue entry, so that only this reporter can prove it. */
export const isReserved = (name: string): boolean => ownerOf(name) !== null;

/** The catalogue entry with this address. */
function writerOf(address: string | null): KnownReporter | null {
  if (address === null) return null;
  const { addresses, domains } = index();
  const normal = address.toLowerCase();
  const listed = addresses.get(normal);
  if (listed) return listed;
  for (let rest = normal.slice(normal.lastIndexOf('@') + 1); rest.includes('.'); rest = rest.slice(rest.indexOf('.') + 1)) {
    const reporter = domains.get(rest);
    if (reporter) return reporter;
  }
  return null;
}

const named = new Map<string, KnownReporter | null>();

/**
 * The catalogue entry whose name a report uses; by the address in the report when the name belongs to no
 * entry.
 */
function namedBy({ org_name, org_email }: Claim): KnownReporter | null {
  const byName = org_name === null ? null : ownerOf(org_name);
  return byName ?? writerOf(addressOf(org_email));
}

function ownerOf(name: string): KnownReporter | null {
  const known = named.get(name);
  if (known !== undefined) return known;
  const { names, brands, longest } = index();
  let owner: KnownReporter | null = null;
  for (const words of wordsOf(name)) {
    for (const word of words) {
      if (word.length <= 2 * longest)
        owner ??=
          unglued(word)
            .map((stem) => brands.get(stem))
            .find((one) => one) ?? null;
    }
    for (let from = 0; from < words.length && owner === null; from++) {
      let run = '';
      for (let to = from; to < words.length && owner === null; to++) {
        run += words[to];
        if (run.length > longest) break;
        owner = brands.get(run) ?? null;
        const whole = names.get(run);
        if (owner === null && whole && [...words.slice(0, from), ...words.slice(to + 1)].every(isEmpty)) owner = whole;
      }
    }
  }
  if (named.size >= CACHE_SIZE) named.clear();
  named.set(name, owner);
  return owner;
}

/** The bare address in a field that may hold a display name. */
function addressOf(text: string | null): string | null {
  return /([^\s<>@"]+@[^\s<>@"]+?)\.?>?\s*$/.exec((text ?? '').slice(-320))?.[1]?.toLowerCase() ?? null;
}

/** The reporter that an unproven report claims to be from. */
function claimed(claim: Claim): Reporter {
  const reporter = namedBy(claim);
  if (reporter) return { key: keyOf(reporter), label: reporter.name, known: false };
  const domain = domainOf(claim.org_email);
  const name = (claim.org_name ?? '').trim();
  if (domain !== null) {
    const key = isFreeMail(domain) ? addressOf(claim.org_email)! : unlisted(organizationalDomain(domain));
    return { key: key.slice(0, KEY_LENGTH), label: labelOf(name, key), known: false };
  }
  const key = (domainOf(name) === null ? name.toLowerCase() : unlisted(organizationalDomain(name))).slice(0, KEY_LENGTH);
  return { key: key || 'unknown', label: name || 'unknown', known: false };
}

/** A domain as a key; marked where it would equal the key of a catalogue entry. */
const unlisted = (domain: string) => (isKnown(domain) ? `@${domain}` : domain).slice(0, KEY_LENGTH);

/** A name followed by the proven domain; the domain alone where the name adds nothing. Not escaped. */
export function labelOf(name: string | null, domain: string): string {
  const text = (name ?? '').trim().slice(0, 100);
  return text === '' || text.toLowerCase() === domain ? domain : `${text} (${domain})`;
}
