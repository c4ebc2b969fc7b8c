import { isIP } from 'node:net';
import {
  generateAuthenticationOptions,
  generateRegistrationOptions,
  verifyAuthenticationResponse,
  verifyRegistrationResponse,
} from '@simplewebauthn/server';
import { z } from 'zod';
import type { Db } from '../../shared/runtime/db.ts';
import * as store from '../../store/console/passkeys.ts';
import { words } from '../page-words/en.ts';
import { Refusal } from '../routes.ts';

/** What a browser sends of a key; the library checks all of it. */
export const responseSchema = z.looseObject({ id: z.string().min(1).max(2000) });
type Response = z.output<typeof responseSchema>;

/** Keys belong to a host name: browsers make none for an address. */
export function hostOf(origin: string): string | null {
  const host = new URL(origin).hostname.replace(/^\[|\]$/g, '');
  return isIP(host) === 0 ? host : null;
}

const refused = () => new Refusal(403, 'passkey_refused', words.passkeys.refused);

interface Here {
  db: Db;
  /** The address at which the browser reached the console. */
  origin: string;
  now: Date;
}

/** What the browser needs to make a key for a person. @throws Refusal `passkey_refused` under an address */
export async function addingOptions({ db, origin, now }: Here, person: { person_key: number; name: string }) {
  const rpID = hostOf(origin);
  const known = await store.passkeysOf(db, person.person_key);
  if (rpID === null || known.length >= store.MOST_PASSKEYS) throw refused();
  const options = await generateRegistrationOptions({
    rpName: 'ruawatch',
    rpID,
    userName: person.name,
    userID: new Uint8Array(Buffer.from(`person ${person.person_key}`)),
    attestationType: 'none',
    excludeCredentials: known.map((key) => ({ id: key.credential_id.toString('base64url') })),
    authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
  });
  await store.keepChallenge(db, options.challenge, person.person_key, now);
  return options;
}

/** Keeps a key that the browser made. @throws Refusal `passkey_refused` */
export async function addKey({ db, origin, now }: Here, person_key: number, name: string, response: Response): Promise<void> {
  const { registrationInfo } = await checked(() =>
    verifyRegistrationResponse({
      response: response as never,
      expectedChallenge: (challenge) => store.takeChallenge(db, challenge, person_key, now),
      expectedOrigin: origin,
      expectedRPID: hostOf(origin)!,
      requireUserVerification: true,
    }),
  );
  if (registrationInfo === undefined) throw refused();
  const { credential } = registrationInfo;
  const added = await store.addPasskey(
    db,
    {
      person_key,
      credential_id: Buffer.from(credential.id, 'base64url'),
      public_key: Buffer.from(credential.publicKey),
      counter: credential.counter,
      transports: (credential.transports ?? []).slice(0, 10),
      name,
    },
    now,
  );
  if (!added) throw refused();
}

/** What the browser needs to sign somebody in: whoever has a key says who it is. */
export async function signInOptions({ db, origin, now }: Here) {
  const rpID = hostOf(origin);
  if (rpID === null) throw refused();
  const options = await generateAuthenticationOptions({ rpID, userVerification: 'required' });
  await store.keepChallenge(db, options.challenge, null, now);
  return options;
}

/** Whose key has signed. @throws Refusal `passkey_refused` */
export async function personOfKey({ db, origin, now }: Here, response: Response): Promise<{ person_key: number; name: string }> {
  const key = await store.passkeyOf(db, Buffer.from(response.id, 'base64url'));
  if (key === null) throw refused();
  const { verified, authenticationInfo } = await checked(() =>
    verifyAuthenticationResponse({
      response: response as never,
      expectedChallenge: (challenge) => store.takeChallenge(db, challenge, null, now),
      expectedOrigin: origin,
      expectedRPID: hostOf(origin)!,
      requireUserVerification: true,
      credential: {
        id: key.credential_id.toString('base64url'),
        publicKey: new Uint8Array(key.public_key),
        counter: key.counter,
      },
    }),
  );
  if (!verified || !(await store.usePasskey(db, key.credential_id, authenticationInfo.newCounter, now))) throw refused();
  return { person_key: key.person_key, name: key.person };
}

/** The library throws for whatever is wrong with a response. */
async function checked<T>(verify: () => Promise<T>): Promise<T> {
  try {
    return await verify();
  } catch (error) {
    // An error of the database has a code of its own.
    if (error instanceof Error && 'code' in error) throw error;
    throw refused();
  }
}
