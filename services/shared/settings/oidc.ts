import { z } from 'zod';
import { readSecretFile } from './secret-file.ts';

/** Where tokens of the provider may be sent: https, or this machine. */
function isIssuer(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, search, hash, username } = new URL(text);
  const local = protocol === 'http:' && /^(?:localhost|127\.0\.0\.1|\[::1\])$/.test(hostname);
  return (protocol === 'https:' || local) && search === '' && hash === '' && username === '';
}

/** Sign-in through the company's provider (OpenID Connect). */
export const oidcSchema = z.strictObject({
  issuer: z.string().refine(isIssuer, 'must be an https address, without user, ? and #'),
  client_id: z.string().min(1),
  client_secret_file: z.string().min(1),
  /** What the button of the sign-in page says. */
  name: z.string().min(1).max(60).default('company account'),
  /** What is asked for: with offline_access, the provider confirms people while they are signed in. */
  scopes: z.array(z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/)).default(['openid', 'email', 'profile', 'offline_access']),
  /** The claim that lists a person's groups. */
  groups_claim: z.string().min(1).default('groups'),
  /**
   * Which addresses count: those that `email_verified` says are verified, or all, of a provider that gives
   * them itself.
   */
  emails: z.enum(['verified', 'all']).default('verified'),
  /** What the people of a group may do: the first group of the list that a person belongs to decides. */
  groups: z
    .array(
      z
        .strictObject({
          group: z.string().min(1),
          role: z.enum(['viewer', 'operator', 'admin']),
          domains: z.array(z.string().trim().toLowerCase().min(1).max(253)).min(1).optional(),
          all_domains: z.literal(true).optional(),
        })
        .refine(
          (one) => (one.domains === undefined) !== (one.all_domains === undefined),
          'needs either domains or all_domains: true',
        ),
    )
    .min(1, 'must name at least one group'),
});

export type OidcSettings = z.output<typeof oidcSchema>;
/** The settings with the client's secret. */
export type Oidc = OidcSettings & { client_secret: string };

/** @returns null where none is set, or its secret cannot be read, which is added to `mistakes` */
export function oidcOf(given: OidcSettings | undefined, cwd: string, mistakes: string[]): Oidc | null {
  if (given === undefined) return null;
  try {
    return { ...given, client_secret: readSecretFile(given.client_secret_file, cwd) };
  } catch (error) {
    mistakes.push(
      `console.oidc.client_secret_file ${(error as Error).message}: correct the path, or write the secret into the file.`,
    );
    return null;
  }
}
