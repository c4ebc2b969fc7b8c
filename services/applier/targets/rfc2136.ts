import { createDnsClient } from '../../dns/client/client.ts';
import type { Dns } from '../../dns/client/types.ts';
import { sendUpdate } from '../../dns/wire/send.ts';
import type { Change, Prerequisite } from '../../dns/wire/update.ts';
import { stringsIn, targetIn } from '../../requests/plans/members.ts';
import { messageOf } from '../../shared/errors.ts';
import type { UpdatedServer } from '../../shared/settings/dns-servers.ts';
import { type Around, notEverywhere } from './everywhere.ts';
import type { Applied, RecordChange } from './target.ts';

const TIMEOUT_MS = 10_000;

export interface UpdateMeans {
  signal?: AbortSignal;
  /** Without it, the change is read back from the primary server alone. */
  around?: Around;
}

/**
 * Makes a change by a signed update (RFC 2136, RFC 8945) of the whole RRset, on the condition that it is what
 * the plan says. The answer's signature is verified, and the records are read back: an accepted update proves
 * no effect.
 */
export async function applyByUpdate(
  { server, key, secret }: UpdatedServer,
  zone: string,
  change: RecordChange,
  means: UpdateMeans = {},
): Promise<Applied> {
  if (change.type !== 'TXT' && change.type !== 'CNAME')
    return { state: 'failed', answer: `Records of type ${change.type} are not changed by updates.` };
  const elsewhere = await notHere(server, change, means);
  if (elsewhere !== null) return { state: 'failed', answer: elsewhere };
  let at: Signed;
  try {
    at = { server, zone, key: { ...key, secret: secret() }, means };
  } catch (error) {
    return { state: 'later', answer: `The TSIG key ${key.name} ${messageOf(error)}` };
  }
  const applied = await update(at, change);
  at.key.secret.fill(0);
  return applied;
}

/** A server with the key that is used there. */
interface Signed {
  server: UpdatedServer['server'];
  zone: string;
  key: { name: string; algorithm: 'hmac-sha256' | 'hmac-sha512'; secret: Buffer };
  means: UpdateMeans;
}

const send = ({ server, zone, key, means }: Signed, parts: { prerequisites: Prerequisite[]; changes: Change[] }) =>
  sendUpdate(server, key, { zone, ...parts }, { timeoutMs: TIMEOUT_MS, ...means });

async function update(at: Signed, change: RecordChange): Promise<Applied> {
  const outcome = await send(at, partsOf(change));
  switch (outcome.state) {
    case 'accepted':
      return readBack(at, change);
    case 'refused': {
      // Whoever is on the way can say no as well: what nobody signed decides nothing.
      if (outcome.reason === 'bad_time' || !outcome.proven) return { state: 'later', answer: outcome.message };
      if (outcome.reason !== 'stale') return { state: 'failed', answer: outcome.message };
      // An update whose answer was lost, sent again, is stale and done.
      const there = await isThere(at, change);
      if (there === null) return { state: 'later', answer: 'The server does not say what is there now.' };
      return there ? { state: 'applied', answer: 'It is there already.' } : { state: 'stale', answer: outcome.message };
    }
    case 'not_sent':
      return { state: outcome.reason === 'unencodable' ? 'failed' : 'later', answer: outcome.message };
    case 'unknown':
      return { state: 'later', answer: outcome.message };
  }
}

/**
 * Whether a record is at a server as it is after the change, by its signed word: an update that changes
 * nothing, on the condition that it is. An answer to a plain question can come from anybody on the way.
 * @returns null when the server does not say
 */
async function isThere(at: Signed, { name, type, after }: RecordChange): Promise<boolean | null> {
  const condition: Prerequisite =
    type === 'CNAME'
      ? { kind: 'equals', name, type, records: after.map(targetIn) }
      : { kind: 'equals', name, type: 'TXT', records: after.map(stringsIn) };
  const outcome = await send(at, { prerequisites: [condition], changes: [] });
  if (outcome.state === 'accepted') return true;
  return outcome.state === 'refused' && outcome.proven && outcome.reason === 'stale' ? false : null;
}

/**
 * The prerequisites and steps of a change: the RRset is what it was and no alias, then it is what it is to
 * be.
 */
function partsOf({ name, type, ttl: ttls, before, after }: RecordChange): { prerequisites: Prerequisite[]; changes: Change[] } {
  // Null only where nothing is left.
  const ttl = ttls.after!;
  if (type === 'CNAME')
    return {
      // An alias is beside no other record (RFC 1034 section 3.6.2).
      prerequisites: [
        before.length === 0 ? { kind: 'name_not_in_use', name } : { kind: 'equals', name, type, records: before.map(targetIn) },
      ],
      changes: [
        ...(before.length > 0 ? [{ kind: 'delete_rrset' as const, name, type }] : []),
        ...after.map((member) => ({ kind: 'add' as const, name, type, ttl, data: targetIn(member) })),
      ],
    };
  return {
    prerequisites: [
      { kind: 'equals', name, type: 'TXT', records: before.map(stringsIn) },
      { kind: 'absent', name, type: 'CNAME' },
    ],
    changes: [
      ...(before.length > 0 ? [{ kind: 'delete_rrset' as const, name, type: 'TXT' as const }] : []),
      ...after.map((member) => ({
        kind: 'add' as const,
        name,
        type: 'TXT' as const,
        ttl,
        data: stringsIn(member),
      })),
    ],
  };
}

const direct = (server: UpdatedServer['server']): Dns =>
  createDnsClient({ servers: [server], recursive: false, cacheEntries: 0, timeoutMs: 3_000, tries: 3 });

/**
 * Why a record is not to be changed at this server: the name is in a zone of its own below (BIND and Knot
 * would accept a record that nobody ever sees), or an alias. Null when neither is seen; what is not known is
 * for the update's own condition.
 */
async function notHere(
  server: UpdatedServer['server'],
  { name, type }: RecordChange,
  { signal }: UpdateMeans,
): Promise<string | null> {
  const dns = createDnsClient({ servers: [server], recursive: false, cacheEntries: 0, timeoutMs: 1_500, tries: 1 });
  const answer = await dns.ask(name, type === 'CNAME' ? 'CNAME' : 'TXT', { signal });
  if (answer.state === 'unknown')
    return answer.reason === 'lame'
      ? `${name} is not in the zone that this server holds: a zone below it was delegated (a zone cut). Name the server of that zone in dns.servers.`
      : null;
  const alias = type === 'CNAME' ? undefined : answer.aliases[0];
  return alias === undefined
    ? null
    : `${name} is an alias (CNAME) of ${alias}: change the record there, or take the alias away first.`;
}

async function readBack(at: Signed, change: RecordChange): Promise<Applied> {
  const { server, zone, means } = at;
  const there = await isThere(at, change);
  if (there === null) return { state: 'later', answer: 'The server accepted it, and does not say what is there now.' };
  if (!there)
    return { state: 'failed', answer: 'The server accepted it, and has other records than were sent: look at it by hand.' };
  const others =
    means.around === undefined ? '' : await notEverywhere(change, { zone, primary: direct(server) }, means.around, means.signal);
  return { state: 'applied', answer: `It was accepted, and is there.${others}` };
}
