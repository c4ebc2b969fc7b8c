import type { Figures } from '../figures.ts';

/**
 * What people call a reporter: the name that was found for its key when the finding was written, else the
 * key.
 */
export function reporterName(key: string, { reporter_names: names = {} }: Pick<Figures, 'reporter_names'>): string {
  return Object.hasOwn(names, key) ? names[key]! : key;
}
