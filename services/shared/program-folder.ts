import { existsSync } from 'node:fs';
import path from 'node:path';

/**
 * The folder of this program's package.json, `data/` and `migrations/`, run from the sources or from dist/.
 */
export function programFolder(): string {
  const sources = path.resolve(import.meta.dirname, '../..');
  return existsSync(path.join(sources, 'package.json')) ? sources : path.dirname(sources);
}
