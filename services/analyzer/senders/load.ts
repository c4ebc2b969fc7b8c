import { readFileSync } from 'node:fs';
import path from 'node:path';
import { messageOf, SettingsError } from '../../shared/errors.ts';
import { programFolder } from '../../shared/program-folder.ts';
import type { Config } from '../../shared/settings/config.ts';
import type { ListEntry } from '../../store/sources/sender-list.ts';
import { type Catalogue, CatalogueError, mergeCatalogues, parseCatalogue } from './catalogue.ts';

const read = new Map<string, Catalogue>();

/**
 * The catalogue of mail services that comes with the program, the user's own laid over it; each file is read
 * once a process.
 * @throws SettingsError when the user's file cannot be read or is not valid
 */
export function catalogueOf(config: Pick<Config, 'sendersFile'>): Catalogue {
  const key = config.sendersFile ?? '';
  let catalogue = read.get(key);
  if (!catalogue) {
    catalogue = load(path.join(programFolder(), 'data', 'senders.json'));
    if (config.sendersFile !== null) catalogue = mergeCatalogues(catalogue, load(config.sendersFile));
    read.set(key, catalogue);
  }
  return catalogue;
}

/**
 * The entry of the domain's own list that names a source: the domain's before '*', the source's before
 * that of its service.
 * @param list the current entries for the domain, from loadSenderList
 */
export function entryOf(list: readonly ListEntry[], source: string, service: string | null): ListEntry | null {
  const about = list.filter((entry) => entry.source === (entry.is_service ? service : source));
  const rank = (entry: ListEntry) => (entry.domain === '*' ? 2 : 0) + (entry.is_service ? 1 : 0);
  return about.sort((a, b) => rank(a) - rank(b))[0] ?? null;
}

/**
 * Every domain that leads to a mail service, by its id; none of an id that the catalogue does not (or no
 * longer) have.
 */
export function domainsOf(catalogue: Catalogue, service: string): string[] {
  const sender = catalogue.senders.get(service);
  return sender ? [...new Set([...sender.dkim_domains, ...sender.spf_domains])] : [];
}

function load(file: string): Catalogue {
  try {
    return parseCatalogue(JSON.parse(readFileSync(file, 'utf8')));
  } catch (error) {
    const why = error instanceof CatalogueError ? error.message : `It cannot be read: ${messageOf(error)}.`;
    throw new SettingsError(`senders_file ${path.basename(file)}: ${why}`, error);
  }
}
