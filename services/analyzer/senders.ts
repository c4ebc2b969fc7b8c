import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { type Catalogue, CatalogueError, mergeCatalogues, parseCatalogue } from '../report/catalogue.ts';
import type { Config } from '../shared/config.ts';
import { messageOf, SettingsError } from '../shared/errors.ts';

const read = new Map<string, Catalogue>();

/**
 * The catalogue of mail services that comes with the program, the user's own laid over it; each file is read once a process.
 * @throws SettingsError when the user's file cannot be read or is not valid
 */
export function catalogueOf(config: Pick<Config, 'sendersFile'>): Catalogue {
  const key = config.sendersFile ?? '';
  let catalogue = read.get(key);
  if (!catalogue) {
    catalogue = load(shipped());
    if (config.sendersFile !== null) catalogue = mergeCatalogues(catalogue, load(config.sendersFile));
    read.set(key, catalogue);
  }
  return catalogue;
}

function load(file: string): Catalogue {
  try {
    return parseCatalogue(JSON.parse(readFileSync(file, 'utf8')));
  } catch (error) {
    const why = error instanceof CatalogueError ? error.message : `It cannot be read: ${messageOf(error)}.`;
    throw new SettingsError(`senders_file ${path.basename(file)}: ${why}`, error);
  }
}

/** Beside package.json, from the sources and from dist/ alike. */
function shipped(): string {
  const up = existsSync(path.resolve(import.meta.dirname, '../../data')) ? '../..' : '../../..';
  return path.resolve(import.meta.dirname, up, 'data', 'senders.json');
}
