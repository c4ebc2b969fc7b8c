import { library } from './library.ts';

/** Reads a JSON file of `data/`, beside package.json: from the sources and from dist/ alike. It is part of the program, as a library is. */
export function bundled(file: string): unknown {
  for (const up of ['../../', '../../../']) {
    try {
      return library(`${up}data/${file}`);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND') throw error;
    }
  }
  throw new Error(`data/${file} is not where the program is; install it again.`);
}
