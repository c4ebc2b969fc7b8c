import { randomBytes } from 'node:crypto';
import { sendUpdate } from '../../dns/wire/send.ts';
import { messageOf } from '../../shared/errors.ts';
import type { UpdatedServer } from '../../shared/settings/dns-servers.ts';

const TIMEOUT_MS = 5_000;

/** What a server lets a key do beyond what we need. `unknown`: it does not say, for the reason given. */
export type Probed = { state: 'narrow' | 'wide' } | { state: 'unknown'; why: string };

/**
 * Whether a TSIG key may change more than TXT records: by an update that takes A records away from a name
 * that nobody has, which changes nothing (RFC 2136 section 3.4.2.3) and is refused where the key is limited
 * (update-type of Knot, update-policy of BIND).
 */
export async function probeKey({ server, key, secret }: UpdatedServer, zone: string): Promise<Probed> {
  let signing: { name: string; algorithm: 'hmac-sha256' | 'hmac-sha512'; secret: Buffer };
  try {
    signing = { ...key, secret: secret() };
  } catch (error) {
    return { state: 'unknown', why: messageOf(error) };
  }
  const name = `ruawatch-probe-${randomBytes(8).toString('hex')}.${zone}`;
  const tryType = (type: 'A' | 'TXT') =>
    sendUpdate(
      server,
      signing,
      { zone, prerequisites: [], changes: [{ kind: 'delete_rrset', name, type }] },
      { timeoutMs: TIMEOUT_MS },
    );
  try {
    const outcome = await tryType('A');
    if (outcome.state === 'accepted') return { state: 'wide' };
    // Knot answers a wrong key as it does a right that is missing: one that may change texts there is no
    // wrong key.
    if (outcome.state === 'refused' && (await tryType('TXT')).state === 'accepted') return { state: 'narrow' };
    return { state: 'unknown', why: outcome.message };
  } finally {
    signing.secret.fill(0);
  }
}
