import { createRequire } from 'node:module';

/** Loads a large CommonJS package as `require` does, which is faster than `import`: see report/library.ts. */
export const library = createRequire(import.meta.url);
