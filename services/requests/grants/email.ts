import { createHash, randomBytes } from 'node:crypto';
import { z } from 'zod';
import type { GrantKind } from './kinds.ts';

const scope = z.strictObject({
  /** The one address that mail may be sent from. */
  from: z
    .string()
    .max(254)
    .regex(/^[a-z0-9._%+-]{1,64}@[a-z0-9-]+(?:\.[a-z0-9-]+)+$/, 'must be a mail address in lower case'),
});
export type EmailScope = z.infer<typeof scope>;

/** A login of a submission server of its own, which may send from one address. */
export const emailGrant: GrantKind<EmailScope> = {
  kind: 'access.email',
  scope,
  words: ({ from }, server) => `an account of ${server} that sends as ${from}`,
  usage: (name, server) => `Submit mail at ${server} as ${name} (SASL PLAIN or LOGIN, over TLS), with the password.`,
};

/**
 * The salted hash of a password, as Dovecot reads it (SSHA512): what we make has 192 random bits, so that
 * nobody guesses it.
 */
export function dovecotHash(password: string, salt: Buffer = randomBytes(16)): string {
  const hash = createHash('sha512').update(password).update(salt).digest();
  return `{SSHA512}${Buffer.concat([hash, salt]).toString('base64')}`;
}
