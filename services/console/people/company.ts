import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import * as client from 'openid-client';
import { messageOf, TransientError } from '../../shared/errors.ts';
import type { Db } from '../../shared/runtime/db.ts';
import type { Oidc } from '../../shared/settings/oidc.ts';
import { type CompanyPerson, type Confirmed, confirmCompanyPerson } from '../../store/console/company.ts';
import { words } from '../page-words/en.ts';
import { Refusal } from '../routes.ts';

const SECONDS = 10;
/** The provider confirms people at least this often: whoever is removed there is out within five minutes. */
export const CONFIRM_MS = 4 * 60_000;

const found = new WeakMap<Oidc, Promise<client.Configuration>>();

/** What the provider publishes of itself, asked for once. @throws TransientError when it does not answer */
async function provider(oidc: Oidc): Promise<client.Configuration> {
  let configuration = found.get(oidc);
  if (configuration === undefined) {
    // The signature of ID tokens is checked, although they come from the provider itself.
    const insecure = oidc.issuer.startsWith('http:') ? [client.allowInsecureRequests] : [];
    const options = { timeout: SECONDS, execute: [client.enableNonRepudiationChecks, ...insecure] };
    configuration = client.discovery(new URL(oidc.issuer), oidc.client_id, oidc.client_secret, undefined, options);
    found.set(oidc, configuration);
  }
  try {
    return await configuration;
  } catch (error) {
    found.delete(oidc);
    throw silent(error);
  }
}

const silent = (error: unknown) =>
  new TransientError('provider_silent', `The provider cannot be used: ${messageOf(error)}`, error);

/** What the browser keeps while somebody is at the provider. */
export interface Flow {
  state: string;
  nonce: string;
  verifier: string;
  next: string;
}

/** Where the browser goes to sign in, and what it keeps for the way back (state, nonce, PKCE). */
export async function beginAtProvider(oidc: Oidc, redirect_uri: string, next: string): Promise<{ address: URL; flow: Flow }> {
  const configuration = await provider(oidc);
  const flow = { state: client.randomState(), nonce: client.randomNonce(), verifier: client.randomPKCECodeVerifier(), next };
  const address = client.buildAuthorizationUrl(configuration, {
    redirect_uri,
    scope: oidc.scopes.join(' '),
    state: flow.state,
    nonce: flow.nonce,
    code_challenge: await client.calculatePKCECodeChallenge(flow.verifier),
    code_challenge_method: 'S256',
  });
  return { address, flow };
}

type Claims = Record<string, unknown>;
type Grant = client.TokenEndpointResponse & client.TokenEndpointResponseHelpers;

/**
 * Who comes back from the provider.
 * @param url the address of the request, with all that the provider added
 * @throws Refusal `provider_refused`, `no_group`; TransientError when the provider does not answer
 */
export async function returnedFromProvider(oidc: Oidc, url: URL, flow: Flow): Promise<CompanyPerson> {
  const configuration = await provider(oidc);
  let grant: Grant;
  try {
    grant = await client.authorizationCodeGrant(configuration, url, {
      pkceCodeVerifier: flow.verifier,
      expectedState: flow.state,
      expectedNonce: flow.nonce,
      idTokenExpected: true,
    });
  } catch (error) {
    throw isSilence(error) ? silent(error) : new Refusal(403, 'provider_refused', words.company.refused);
  }
  const id = grant.claims()!;
  const claims = await allClaims(configuration, grant, id);
  const rights = rightsOf(oidc, claims);
  if (rights === null) throw new Refusal(403, 'no_group', words.company.no_group);
  const email = emailOf(claims, oidc);
  // A name that is an address would stand for whoever has it: approvals know people by their addresses.
  const chosen = textOf(claims.preferred_username);
  const name = email ?? (chosen === null || chosen.includes('@') ? id.sub.replaceAll('@', ' at ') : chosen);
  const refresh = grant.refresh_token === undefined ? null : sealed(grant.refresh_token, oidc);
  return { issuer: oidc.issuer, subject: id.sub, name, email, rights, refresh };
}

/** The claims of the ID token, and those that only the user-info endpoint has. */
async function allClaims(configuration: client.Configuration, grant: Grant, id: Claims & { sub: string }): Promise<Claims> {
  if (configuration.serverMetadata().userinfo_endpoint === undefined) return id;
  try {
    return { ...(await client.fetchUserInfo(configuration, grant.access_token, id.sub)), ...id };
  } catch (error) {
    throw silent(error);
  }
}

const textOf = (value: unknown): string | null => (typeof value === 'string' && value.trim() !== '' ? value.trim() : null);

/**
 * Printable ASCII: other letters may become those of another address in lower case, as the Kelvin sign does.
 */
const ADDRESS = /^[\x21-\x7e]{1,64}@[\x21-\x7e]{1,190}$/;

/**
 * An address that the provider does not say is verified may be anybody's, unless the settings say that it
 * gives the addresses.
 */
function emailOf(claims: Claims, { emails }: Pick<Oidc, 'emails'>): string | null {
  const verified = claims.email_verified === true || (emails === 'all' && claims.email_verified !== false);
  const email = verified ? textOf(claims.email) : null;
  return email !== null && ADDRESS.test(email) ? email.toLowerCase() : null;
}

/** What the first group of the settings that the person belongs to allows; null where there is none. */
export function rightsOf(
  { groups_claim, groups }: Pick<Oidc, 'groups_claim' | 'groups'>,
  claims: Claims,
): CompanyPerson['rights'] | null {
  const claim = claims[groups_claim];
  const own = new Set((Array.isArray(claim) ? claim : [claim]).filter((one) => typeof one === 'string'));
  const first = groups.find(({ group }) => own.has(group));
  return first === undefined ? null : { role: first.role, domains: first.domains ?? null };
}

/** Whether the provider, or the way to it, failed: not the person. */
function isSilence(error: unknown): boolean {
  const { name, code } = error as { name?: string; code?: string };
  return name === 'TimeoutError' || name === 'TypeError' || code === 'OAUTH_TIMEOUT' || code === 'OAUTH_PARSE_ERROR';
}

/**
 * Has the provider confirm that somebody who is signed in still belongs to the company, by their refresh
 * token.
 * @returns false when not, or when nobody can say: sessions and tokens have ended
 * @throws TransientError when the provider does not answer
 */
export function confirm(db: Db, oidc: Oidc | null, person_key: number, now: Date): Promise<boolean> {
  return confirmCompanyPerson(db, person_key, { due: new Date(now.getTime() - CONFIRM_MS), now }, async (refresh, subject) => {
    const token = refresh === null || oidc === null ? null : opened(refresh, oidc);
    return token === null || oidc === null ? null : refreshed(oidc, token, subject);
  });
}

async function refreshed(oidc: Oidc, token: string, subject: string): Promise<Confirmed> {
  const configuration = await provider(oidc);
  let grant: Grant;
  try {
    grant = await client.refreshTokenGrant(configuration, token);
  } catch (error) {
    if (error instanceof client.ResponseBodyError && error.status < 500) return null;
    throw silent(error);
  }
  const id = { ...(grant.claims() ?? {}), sub: grant.claims()?.sub ?? subject };
  if (id.sub !== subject) return null;
  const claims = await allClaims(configuration, grant, id);
  const rights = rightsOf(oidc, claims);
  return rights === null ? null : { email: emailOf(claims, oidc), rights, refresh: sealed(grant.refresh_token ?? token, oidc) };
}

const keyOf = ({ client_secret, issuer }: Oidc) =>
  Buffer.from(hkdfSync('sha256', client_secret, issuer, 'ruawatch refresh token', 32));

/** A refresh token as it is stored: whoever reads the tables can do nothing with it. */
function sealed(token: string, oidc: Oidc): Buffer {
  const iv = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', keyOf(oidc), iv);
  const text = Buffer.concat([cipher.update(token, 'utf8'), cipher.final()]);
  return Buffer.concat([iv, cipher.getAuthTag(), text]);
}

/** Null where it was sealed with another secret. */
function opened(stored: Buffer, oidc: Oidc): string | null {
  const decipher = createDecipheriv('aes-256-gcm', keyOf(oidc), stored.subarray(0, 12)).setAuthTag(stored.subarray(12, 28));
  try {
    return Buffer.concat([decipher.update(stored.subarray(28)), decipher.final()]).toString('utf8');
  } catch {
    return null;
  }
}
