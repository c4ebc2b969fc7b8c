import type { GrantWorker } from './grant-kind.ts';

/**
 * Roles of the console. The right is its row in the store, which the console reads with each request: it ends
 * with the row.
 */
export const consoleWorker: GrantWorker = {
  kind: 'access.console',
  apply: async () => ({ state: 'active', answer: 'The console knows it from the next page on.' }),
  end: async () => ({ state: 'ended', answer: 'It counts for nothing any more.' }),
};
