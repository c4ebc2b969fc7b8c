import { z } from 'zod';
import type { GrantKind } from './kinds.ts';

const scope = z.strictObject({
  held: z.int().min(1),
  /** Of its octets: the right is to read this mail, whatever number it has. */
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});
export type MessageScope = z.infer<typeof scope>;

/** The one place where held mails are. */
export const HELD = 'held';

/** The text of one held mail, read in the console. */
export const messageGrant: GrantKind<MessageScope> = {
  kind: 'access.message',
  scope,
  words: ({ held }) => `the text of held mail ${held} in the console`,
  usage: () => 'Sign in to the console: the page of the held mail shows its text.',
};
