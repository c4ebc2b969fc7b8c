import { library } from '../../report/library.ts';
import { normalDomain } from '../../report/orgdomain.ts';

const { getDomain } = library('tldts') as typeof import('tldts');

/** What a sender is to the owner of a domain. */
export const SENDER_KINDS = [
  'mailbox_provider',
  'hosting',
  'transactional',
  'bulk',
  'crm',
  'helpdesk',
  'billing',
  'ecommerce',
  'survey',
  'hr',
  'events',
  'nonprofit',
  'productivity',
  'signature',
  'security_gateway',
  'forwarder',
  'mailing_list',
  'other',
] as const;
export type SenderKind = (typeof SENDER_KINDS)[number];

/** A record that a service's customers publish below their domain. */
export interface SenderRecord {
  readonly name: string;
  readonly type: 'CNAME' | 'TXT';
  readonly value: string;
}

/**
 * A mail service or forwarder, as `data/senders.schema.json` describes it. Names are lower case A-labels
 * without a trailing dot.
 */
export interface Sender {
  readonly id: string;
  readonly name: string;
  readonly kind: SenderKind;
  /** Domains of the service itself that are in `d=` until a customer sets up signing with their own. */
  readonly dkim_domains: readonly string[];
  /** Domains of the service itself that are in the envelope sender (return path). */
  readonly spf_domains: readonly string[];
  /** Names that a customer authorizes in his SPF record. */
  readonly include: readonly string[];
  /** Suffixes of its servers' reverse names, on label boundaries. */
  readonly reverse_suffixes: readonly string[];
  /** One sentence: what to publish so that its mail aligns. */
  readonly align: string | null;
  /**
   * Records that align its mail, where they are the same for every customer; `{domain}` is the customer's
   * domain.
   */
  readonly records: readonly SenderRecord[];
  /** URL of the documentation that the facts come from. */
  readonly source: string | null;
  /** Month in which they were read there, "YYYY-MM". */
  readonly checked: string | null;
}

/** Senders by id and by every name they are known by. */
export interface Catalogue {
  readonly senders: ReadonlyMap<string, Sender>;
  readonly dkim: ReadonlyMap<string, Sender>;
  readonly spf: ReadonlyMap<string, Sender>;
  readonly reverse: ReadonlyMap<string, Sender>;
}

/** What is known of a source. Names in any case, with or without a trailing dot. */
export interface SenderEvidence {
  /** Domains of signatures that pass, the strongest evidence first. */
  dkim_domains: readonly string[];
  /** The domain that passes SPF. */
  spf_domain: string | null;
  /** The forward-confirmed reverse name; one that is not confirmed proves nothing. */
  reverse_name: string | null;
}

/** A catalogue that cannot be read; the message names the entry and says what to write instead. */
export class CatalogueError extends Error {
  override readonly name = 'CatalogueError';
  readonly code = 'bad_catalogue';

  /**
   * @param entry its id, or its number from 1 when it has none, or null when the file as a whole is wrong
   */
  constructor(entry: string | null, problem: string) {
    super(entry === null ? `The sender catalogue is not valid: ${problem}` : `Sender ${entry} is not valid: ${problem}`);
  }
}

const NAMES = ['dkim_domains', 'spf_domains', 'reverse_suffixes'] as const;
const LISTS = [...NAMES, 'include'] as const;
const TEXTS = ['align', 'source', 'checked'] as const;
const FIELDS = new Set<string>(['id', 'name', 'kind', 'records', ...LISTS, ...TEXTS]);

const ID = /^[a-z0-9]+(?:-[a-z0-9]+)*$/;
const DOMAIN = /^(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const MONTH = /^\d{4}-(?:0[1-9]|1[0-2])$/;
/** The longest name DNS has (RFC 1035 section 2.3.4). Longer evidence is not worth a look. */
const LONGEST = 253;

/**
 * Reads a catalogue: `{ "senders": [ … ] }`, already parsed from JSON or YAML.
 *
 * @throws CatalogueError for a field that is missing, unknown or malformed, an id used twice, and a name
 *   claimed by two senders in the same role (each name has to lead to one sender).
 */
export function parseCatalogue(json: unknown): Catalogue {
  if (!isObject(json) || !Array.isArray(json.senders)) {
    throw new CatalogueError(null, 'it has to be an object with a list "senders".');
  }
  const unknown = Object.keys(json).find((key) => key !== 'senders' && key !== '$schema');
  if (unknown !== undefined) throw new CatalogueError(null, `"${unknown}" is unknown beside "senders"; remove it.`);
  const senders = new Map<string, Sender>();
  json.senders.forEach((entry: unknown, index: number) => {
    const sender = parseSender(entry, index + 1);
    if (senders.has(sender.id))
      throw new CatalogueError(`"${sender.id}"`, `entry ${index + 1} uses the id again; give it another.`);
    senders.set(sender.id, sender);
  });
  return {
    senders,
    dkim: claims(senders, 'dkim_domains'),
    spf: claims(senders, 'spf_domains'),
    reverse: claims(senders, 'reverse_suffixes'),
  };
}

/**
 * Lays a user's catalogue over another. An entry with the same id replaces the whole entry; a name that both
 * claim leads to the user's sender.
 */
export function mergeCatalogues(base: Catalogue, users: Catalogue): Catalogue {
  const overlay = (under: ReadonlyMap<string, Sender>, over: ReadonlyMap<string, Sender>) => {
    const names = new Map<string, Sender>();
    for (const [name, sender] of under) if (!users.senders.has(sender.id)) names.set(name, sender);
    for (const [name, sender] of over) names.set(name, sender);
    return names;
  };
  return {
    senders: new Map([...base.senders, ...users.senders]),
    dkim: overlay(base.dkim, users.dkim),
    spf: overlay(base.spf, users.spf),
    reverse: overlay(base.reverse, users.reverse),
  };
}

/**
 * The sender a source is known as, or null. The strongest evidence that leads anywhere decides: a signature,
 * then the domain that passes SPF, then the reverse name. A name belongs to the sender that claims it or the
 * nearest of its parents.
 */
export function lookup(catalogue: Catalogue, evidence: SenderEvidence): Sender | null {
  for (const domain of evidence.dkim_domains) {
    const sender = nearest(catalogue.dkim, domain);
    if (sender !== null) return sender;
  }
  return nearest(catalogue.spf, evidence.spf_domain) ?? nearest(catalogue.reverse, evidence.reverse_name);
}

function nearest(names: ReadonlyMap<string, Sender>, name: string | null): Sender | null {
  if (name === null || name.length > LONGEST + 1) return null;
  let rest = normalDomain(name);
  for (;;) {
    const sender = names.get(rest);
    if (sender !== undefined) return sender;
    const dot = rest.indexOf('.');
    if (dot < 0) return null;
    rest = rest.slice(dot + 1);
  }
}

function claims(senders: ReadonlyMap<string, Sender>, role: (typeof NAMES)[number]): Map<string, Sender> {
  const names = new Map<string, Sender>();
  for (const sender of senders.values()) {
    for (const name of sender[role]) {
      const other = names.get(name);
      if (other !== undefined) {
        const whose = other === sender ? 'twice' : `as "${other.id}" does`;
        throw new CatalogueError(`"${sender.id}"`, `it claims "${name}" in ${role} ${whose}; a name leads to one sender only.`);
      }
      names.set(name, sender);
    }
  }
  return names;
}

function parseSender(entry: unknown, number: number): Sender {
  if (!isObject(entry)) throw new CatalogueError(`number ${number}`, 'it has to be an object.');
  const { id } = entry;
  if (typeof id !== 'string' || !ID.test(id)) {
    throw new CatalogueError(
      `number ${number}`,
      '"id" has to be lower case letters, digits and single hyphens, such as "my-crm".',
    );
  }
  const refuse = (problem: string): never => {
    throw new CatalogueError(`"${id}"`, problem);
  };
  const unknown = Object.keys(entry).find((key) => !FIELDS.has(key));
  if (unknown !== undefined) refuse(`"${unknown}" is not a field; the fields are ${[...FIELDS].join(', ')}.`);

  const name = text(entry.name) ?? refuse('"name" has to be a text.');
  const kind =
    SENDER_KINDS.find((known) => known === entry.kind) ?? refuse(`"kind" has to be one of ${SENDER_KINDS.join(', ')}.`);
  const lists = Object.fromEntries(LISTS.map((field) => [field, domains(entry[field], field, refuse)])) as Record<
    (typeof LISTS)[number],
    string[]
  >;
  if (NAMES.every((field) => lists[field].length === 0)) {
    refuse('it has no name to be known by; give it one at least in dkim_domains, spf_domains or reverse_suffixes.');
  }
  const texts = Object.fromEntries(
    TEXTS.map((field) => {
      const value = entry[field] ?? null;
      return [field, value === null ? null : (text(value) ?? refuse(`"${field}" has to be a text, or left out.`))];
    }),
  ) as Record<(typeof TEXTS)[number], string | null>;
  if (texts.source !== null && !/^https?:\/\/\S+$/.test(texts.source))
    refuse('"source" has to be a URL, https://…, or left out.');
  if (texts.checked !== null && !MONTH.test(texts.checked))
    refuse('"checked" has to be a month, such as "2026-11", or left out.');
  return { id, name, kind, ...lists, records: records(entry.records, refuse), ...texts };
}

const RECORD_NAME = /^(?:[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?\.)+\{domain\}$/;
const MOST_RECORDS = 20;
const MOST_VALUE = 2000;

function records(value: unknown, refuse: (problem: string) => never): SenderRecord[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value) || value.length > MOST_RECORDS)
    return refuse(`"records" has to be a list of at most ${MOST_RECORDS} records.`);
  return value.map((one: unknown) => {
    const { name, type, value: data, ...rest } = isObject(one) ? one : {};
    if (typeof name !== 'string' || name.length > LONGEST || !RECORD_NAME.test(name) || Object.keys(rest).length > 0)
      return refuse('each of "records" has to have name, type and value; the name ends in ".{domain}".');
    if (type !== 'CNAME' && type !== 'TXT') return refuse(`"${name}" in "records" has to be of type CNAME or TXT.`);
    if (typeof data !== 'string' || data.length > MOST_VALUE || !/^[ -~]+$/.test(data))
      return refuse(`"${name}" in "records" has to have a value in ASCII.`);
    return { name, type, value: data };
  });
}

function domains(value: unknown, field: string, refuse: (problem: string) => never): string[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) return refuse(`"${field}" has to be a list of domain names.`);
  return value.map((domain: unknown) => {
    if (typeof domain !== 'string' || domain.length > LONGEST || !DOMAIN.test(domain)) {
      const hint = typeof domain === 'string' && DOMAIN.test(normalDomain(domain)) ? `; write ${normalDomain(domain)}` : '';
      return refuse(`${JSON.stringify(domain)} in "${field}" is not a domain name in lower case${hint}.`);
    }
    // Private suffixes (myshopify.com) are a service's own names; a registry's suffix would take every domain
    // under it.
    if (getDomain(domain, { allowPrivateDomains: false }) === null) {
      return refuse(`"${domain}" in "${field}" is a public suffix, under which others register; name a domain of the sender.`);
    }
    return domain;
  });
}

function text(value: unknown): string | null {
  return typeof value === 'string' && value.trim() !== '' ? value : null;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
