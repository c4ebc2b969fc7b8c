import { library } from './library.ts';

/**
 * Loads a JSON file from `data/`, beside package.json, whether run from the sources or from dist/. The file
 * is part of the program.
 */
export function bundled(file: string): unknown {
  for (const up of ['../../', '../../../']) {
    try {
      return library(`${up}data/${file}`);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND') throw error;
    }
  }
  throw new Error(`data/${file} is missing from the program's folder; reinstall ruawatch.`);
}
