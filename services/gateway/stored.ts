import { lowerName } from '../dns/client/name.ts';
import { dnsGrant } from '../requests/grants/dns.ts';
import { openCredential } from '../requests/grants/tsig-credential.ts';
import { sleep } from '../shared/clock.ts';
import { messageOf } from '../shared/errors.ts';
import type { Db } from '../shared/runtime/db.ts';
import type { Log } from '../shared/runtime/log.ts';
import { intendUpdate, lentKeys, receiveUpdate, settleUpdate } from '../store/grants/lent-updates.ts';
import { asDnsChange } from './harm.ts';
import type { Ledger, LentKey } from './ledger.ts';

/**
 * Milliseconds for which the list of keys is used, and how old it is at least before it is read again for a
 * key that is not in it.
 */
const KEPT_MS = 1_000;
const MISSED_MS = 50;

/**
 * The ledger in the database. A key whose grant ends is unknown within a second, and what it signs has no
 * effect from the moment of the end: each update asks the database once more before it is sent.
 * @param keyFile the octets that secrets are kept with
 */
export function storedLedger(db: Db, keyFile: () => Buffer, log: Log): Ledger {
  let kept: { at: number; keys: Promise<LentKey[]> } | null = null;
  let missed: Promise<LentKey[]> | null = null;
  const read = async (): Promise<LentKey[]> => {
    const rows = await lentKeys(db);
    if (rows.length === 0) return [];
    const octets = keyFile();
    return rows.flatMap(({ grant_key, name, scope: given, credential, over }) => {
      try {
        const { use: _, ...scope } = dnsGrant.scope.parse(given);
        const secret = openCredential(credential ?? '', octets);
        return [{ grant_key, name, algorithm: 'hmac-sha256' as const, secret, scope, over }];
      } catch (error) {
        log.error({ grant: grant_key, err: messageOf(error) }, 'a lent key cannot be read, and is refused');
        return [];
      }
    });
  };
  const fresh = (): Promise<LentKey[]> => {
    const keys = read();
    kept = { at: performance.now(), keys };
    // A failure is not kept.
    keys.catch(() => {
      kept = null;
    });
    return keys;
  };
  return {
    async keys(name) {
      if (kept === null || performance.now() - kept.at >= KEPT_MS) return fresh();
      const { at, keys: list } = kept;
      const keys = await list;
      if (keys.some((one) => one.name === lowerName(name))) return keys;
      // The key may have been lent since. One query answers all that wait, so that strangers' messages cost
      // none each.
      missed ??= sleep(Math.max(0, at + MISSED_MS - performance.now())).then(() => {
        missed = null;
        return fresh();
      });
      return missed;
    },
    receive: ({ grant_key, over = false }, { mac, client }) => receiveUpdate(db, { grant_key, mac, client, over }),
    intend: ({ grant_key }, update_key, target, steps) =>
      intendUpdate(db, { grant_key, update_key, target }, steps.map(asDnsChange)),
    settle: (_, update_key, settled) => settleUpdate(db, update_key, settled),
  };
}
