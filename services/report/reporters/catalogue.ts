import { organizationalDomain } from '../orgdomain.ts';

/**
 * An organization that sends reports, as described in `data/reporters.schema.json`. Domains and addresses are
 * lower case.
 */
export interface KnownReporter {
  readonly id: string;
  /** The name for display. */
  readonly name: string;
  /** Names it uses in `org_name`, and names that only it has; the first one is its key. */
  readonly names: readonly string[];
  /** Addresses from which its report mails come. */
  readonly addresses: readonly string[];
  /** Domains that send nothing but its reports, with all subdomains. */
  readonly domains: readonly string[];
  /** Words that identify it wherever they occur in a name. */
  readonly brands: readonly string[];
  /**
   * Nobody else may use its names. Not so for many small reporters: hosting companies report under the names
   * of their customers.
   */
  readonly reserved: boolean;
  /** Its organizational domains: an unlisted address there is taken for a new one, not for a forgery. */
  readonly org_domains: readonly string[];
  /** Where this is known from: a URL, or which samples. */
  readonly sources: readonly string[];
}

/** The reporter catalogue is invalid; the message names the entry and says what to write instead. */
export class ReporterCatalogueError extends Error {
  override readonly name = 'ReporterCatalogueError';
  readonly code = 'bad_reporter_catalogue';
  /** The entry's id, or its number from 1 when it has none; null when the file as a whole is invalid. */
  readonly entry: string | null;

  constructor(entry: string | null, problem: string) {
    super(entry === null ? `The reporter catalogue is not valid: ${problem}` : `Reporter ${entry} is not valid: ${problem}`);
    this.entry = entry;
  }
}

const LISTS = ['names', 'addresses', 'domains', 'brands', 'org_domains', 'sources'] as const;
const FIELDS = new Set<string>(['id', 'name', 'reserved', ...LISTS]);
const ID = /^[a-z0-9]+(?:-[a-z0-9]+)*$/;
const DOMAIN = /^(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const ADDRESS = /^[a-z0-9._+-]+@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const SOURCE = /^(?:https:\/\/\S+|(?:samples|public code|name only): \S.*)$/;

/**
 * Validates a catalogue: `{ "reporters": [ … ] }`, parsed from JSON.
 *
 * @throws ReporterCatalogueError for a field that is missing, unknown or malformed, an id used twice, and an
 *   address, domain or name in two entries (each must lead to one reporter).
 */
export function parseReporters(json: unknown): KnownReporter[] {
  if (!isObject(json) || !Array.isArray(json.reporters)) {
    throw new ReporterCatalogueError(null, 'it has to be an object with a list "reporters".');
  }
  const unknown = Object.keys(json).find((key) => key !== 'reporters' && key !== '$schema');
  if (unknown !== undefined) throw new ReporterCatalogueError(null, `"${unknown}" is unknown beside "reporters"; remove it.`);
  const reporters = json.reporters.map((entry: unknown, i: number) => parseReporter(entry, i + 1));
  const owners = new Map<string, string>();
  const claim = (what: string, id: string) => {
    const owner = owners.get(what);
    if (owner !== undefined) {
      throw new ReporterCatalogueError(`"${id}"`, `its ${what} is that of "${owner}" too; each leads to one reporter only.`);
    }
    owners.set(what, id);
  };
  for (const { id, names, addresses, domains, brands } of reporters) {
    claim(`id ${id}`, id);
    for (const name of names) claim(`name "${name.toLowerCase()}"`, id);
    for (const address of addresses) claim(`address ${address}`, id);
    for (const domain of domains) claim(`domain ${domain}`, id);
    for (const brand of brands) claim(`brand "${brand.toLowerCase()}"`, id);
  }
  return reporters;
}

function parseReporter(entry: unknown, number: number): KnownReporter {
  if (!isObject(entry)) throw new ReporterCatalogueError(`number ${number}`, 'it has to be an object.');
  const { id, name } = entry;
  if (typeof id !== 'string' || !ID.test(id)) {
    throw new ReporterCatalogueError(
      `number ${number}`,
      '"id" has to be lower case letters, digits and single hyphens, such as "my-isp".',
    );
  }
  const refuse = (problem: string): never => {
    throw new ReporterCatalogueError(`"${id}"`, problem);
  };
  const unknown = Object.keys(entry).find((key) => !FIELDS.has(key));
  if (unknown !== undefined) refuse(`"${unknown}" is not a field; the fields are ${[...FIELDS].join(', ')}.`);
  if (typeof name !== 'string' || name.trim() === '') return refuse('"name" has to be a text.');
  const [names, addresses, domains, brands, orgs, sources] = LISTS.map((field) => texts(entry[field], field, refuse)) as [
    string[],
    string[],
    string[],
    string[],
    string[],
    string[],
  ];
  if (entry.reserved !== undefined && typeof entry.reserved !== 'boolean') refuse('"reserved" has to be true or false.');
  const reserved = (entry.reserved as boolean | undefined) ?? brands.length > 0;
  if (names.length === 0) refuse('"names" has to hold the org_name of its reports.');
  if (sources.length === 0) refuse('"sources" has to say where its addresses are known from.');
  for (const address of addresses)
    if (!ADDRESS.test(address)) refuse(`"${address}" in "addresses" is not an address in lower case.`);
  for (const domain of [...domains, ...orgs]) if (!DOMAIN.test(domain)) refuse(`"${domain}" is not a domain name in lower case.`);
  for (const source of sources)
    if (!SOURCE.test(source)) refuse(`"${source}" in "sources" has to be a URL, or "samples: …", or "public code: …".`);
  if (addresses.length + domains.length === 0 && !sources.every((source) => source.startsWith('name only: ')))
    refuse('it has no address that it writes from; give one in "addresses" or "domains".');
  const of = [...orgs, ...domains, ...addresses.map((address) => address.slice(address.indexOf('@') + 1))];
  return {
    id,
    name,
    names,
    addresses,
    domains,
    brands,
    reserved,
    org_domains: [...new Set(of.map(organizationalDomain))],
    sources,
  };
}

function texts(value: unknown, field: string, refuse: (problem: string) => never): string[] {
  if (value === undefined) return [];
  if (!Array.isArray(value) || value.some((text) => typeof text !== 'string' || text.trim() === '')) {
    return refuse(`"${field}" has to be a list of texts.`);
  }
  return value as string[];
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
