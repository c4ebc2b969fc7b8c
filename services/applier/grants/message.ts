import type { GrantWorker } from './grant-kind.ts';

/**
 * The text of held mails. The right is its row in the store, which the console asks for at each opening: it
 * ends with the row.
 */
export const messageWorker: GrantWorker = {
  kind: 'access.message',
  apply: async () => ({ state: 'active', answer: 'The page of the held mail shows its text.' }),
  end: async () => ({ state: 'ended', answer: 'It counts for nothing any more.' }),
};
