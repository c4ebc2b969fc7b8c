import { createRequire } from 'node:module';

/**
 * Loads a CommonJS package, as `require` does. Node's `import` first searches the whole text of a package for
 * names that it may export, in JavaScript and once per thread, which takes several times as long as loading
 * it.
 */
export const library = createRequire(import.meta.url);
