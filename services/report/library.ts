import { createRequire } from 'node:module';

/**
 * Loads a CommonJS package, as `require` does. Node's `import` first searches all of its text for names that it may export, in
 * JavaScript and once in each thread, which takes several times as long as loading it.
 */
export const library = createRequire(import.meta.url);
