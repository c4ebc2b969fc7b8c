import { createDnsClient } from '../dns/client/client.ts';
import type { Dns } from '../dns/client/types.ts';
import { RECORD_TYPES } from '../dns/client/types.ts';
import type { RawMessage } from '../dns/wire/message.ts';
import { CLASS, encodeMessage, OPCODE } from '../dns/wire/message.ts';
import { RCODES, type Rcode, type UpdateOutcome } from '../dns/wire/outcome.ts';
import type { ReceivedUpdate } from '../dns/wire/received.ts';
import { type RrSet, sameRrSet } from '../dns/wire/rrset.ts';
import { sendSigned } from '../dns/wire/send.ts';
import { messageOf } from '../shared/errors.ts';
import { type DnsTarget, targetFor, type UpdatedServer } from '../shared/settings/dns-servers.ts';
import { type Mail, refuseHarm, withPrimary } from './harm.ts';
import type { Ledger, LentKey, Settled, Step } from './ledger.ts';
import { checkScope, isRefused, type Prepared, prepare, type Refused, refuse } from './plan.ts';
import { readWithWildcards } from './wildcards.ts';

const SEND_MS = 10_000;
/**
 * An update without conditions of its own is tried again when somebody else's change came between reading and
 * sending.
 */
const TRIES = 3;

export interface UpdateMeans {
  ledger: Ledger;
  targets: readonly DnsTarget[];
  /** DNS as everybody sees it. */
  dns: Dns;
  mail: Mail;
  registrable: (name: string) => string;
  signal: AbortSignal;
}

export const primaryOf = ({ server }: UpdatedServer): Dns =>
  createDnsClient({ servers: [server], recursive: false, cacheEntries: 0, timeoutMs: 2_000, tries: 2 });

/** The server that holds a zone; null when none of the settings takes updates of it. */
export function serverOf(targets: readonly DnsTarget[], zone: string): UpdatedServer | null {
  const found = targets.find((one) => one.zones.includes(zone));
  return found?.kind === 'rfc2136' ? found : null;
}

/**
 * Carries out an update whose signature holds: what is outside the scope, invalid afterwards or locks out a
 * sender is refused; all else is written down, sent on the condition that nothing has changed since it was
 * read, and read back.
 * @returns how it ended, as it is written down
 * @throws when the store does not answer
 */
export async function carryOut(
  update: ReceivedUpdate,
  { key, update_key }: { key: LentKey; update_key: number },
  means: UpdateMeans,
): Promise<Settled> {
  const target = serverOf(means.targets, update.zone);
  if (target === null) return settledOf(refuse(`No server of the settings takes updates of ${update.zone}.`, 'NOTAUTH'));
  const deeper = update.changes.find(({ name }) => targetFor(means.targets, name)?.zone !== update.zone);
  if (deeper !== undefined) return settledOf(refuse(`${deeper.name} is in another zone.`, 'NOTZONE'));
  const outside = checkScope(update, key.scope);
  if (outside !== null) return settledOf(outside);
  const primary = primaryOf(target);
  for (let tries = 1; ; tries++) {
    // Where a name may have its records from a wildcard, it is taken to have none; if the server says that it
    // has them, they are its own.
    const prepared = await prepare(update, key.scope, { dns: primary, literal: tries > 1, signal: means.signal });
    if (isRefused(prepared)) return settledOf(prepared);
    const judged = await refuseHarm(prepared.steps, withPrimary(update.zone, primary, means.dns), means);
    if (judged !== null) return settledOf(judged);
    if (tries === 1 && !(await means.ledger.intend(key, update_key, target.name, prepared.steps)))
      return settledOf(refuse('The grant has ended, or has no use left.'));
    const settled = await send(update, prepared, { target, primary, signal: means.signal });
    const raced = settled.state === 'refused' && update.prerequisites.length === 0 && isStale(settled.rcode);
    if (!raced || tries === TRIES) return settled;
  }
}

const isStale = (rcode: number) =>
  rcode === RCODES.NXRRSET || rcode === RCODES.YXRRSET || rcode === RCODES.YXDOMAIN || rcode === RCODES.NXDOMAIN;

const settledOf = ({ rcode, why }: Refused): Settled => ({
  state: rcode === 'SERVFAIL' ? 'failed' : 'refused',
  rcode: RCODES[rcode],
  answer: why,
});

interface Way {
  target: UpdatedServer;
  primary: Dns;
  signal: AbortSignal;
}

async function send(update: ReceivedUpdate, prepared: Prepared, { target, primary, signal }: Way): Promise<Settled> {
  let secret: Buffer;
  try {
    secret = target.secret();
  } catch (error) {
    return failed(`The TSIG key ${target.key.name} of ${target.name} ${messageOf(error)}`);
  }
  const encode = (id: number) => encodeMessage({ ...messageFor(update, prepared), id });
  const outcome = await sendSigned(target.server, { ...target.key, secret }, encode, { timeoutMs: SEND_MS, signal });
  secret.fill(0);
  return settle(outcome, await isThere(prepared.steps, primary, signal));
}

const messageFor = ({ zone, records }: ReceivedUpdate, { prerequisites }: Prepared): Omit<RawMessage, 'id'> => ({
  opcode: OPCODE.UPDATE,
  response: false,
  flags: 0,
  rcode: 0,
  questions: [{ name: zone, type: RECORD_TYPES.SOA, class: CLASS.IN }],
  answers: prerequisites,
  authorities: records,
  additionals: [],
});

/** Which of the two states the primary server has; null for neither, or when it does not say. */
export async function isThere(steps: readonly Step[], primary: Dns, signal: AbortSignal): Promise<'before' | 'after' | null> {
  let [before, after] = [true, true];
  for (const step of steps) {
    const { found, synthesized } = await readWithWildcards(primary, step.after.name, step.after.type, signal);
    if (found === null || (found === 'alias' && !synthesized)) return null;
    const is = (wanted: RrSet) => (synthesized && wanted.members.length === 0) || (found !== 'alias' && sameRrSet(found, wanted));
    before &&= is(step.before);
    after &&= is(step.after);
  }
  return after ? 'after' : before ? 'before' : null;
}

const failed = (answer: string): Settled => ({ state: 'failed', rcode: RCODES.SERVFAIL, answer });

/**
 * @param there what the records are now: an answer that nobody signed proves nothing, and one that is signed
 *   no effect
 */
export function settle(outcome: UpdateOutcome, there: 'before' | 'after' | null): Settled {
  switch (outcome.state) {
    case 'accepted':
      return there === 'after'
        ? { state: 'applied', rcode: RCODES.NOERROR, answer: 'It was accepted, and is there.' }
        : {
            state: 'unknown',
            rcode: RCODES.SERVFAIL,
            answer: 'The name server accepted it, and has other records than were sent, or does not say.',
          };
    case 'refused': {
      const { rcode, message } = outcome;
      const stale = outcome.reason === 'stale' && rcode in RCODES ? RCODES[rcode as Rcode] : null;
      if (outcome.proven && stale !== null) return { state: 'refused', rcode: stale, answer: message };
      if (outcome.proven && (outcome.reason === 'not_allowed' || outcome.reason === 'not_in_zone'))
        return { state: 'refused', rcode: RCODES.REFUSED, answer: message };
      return failed(message);
    }
    case 'not_sent':
      return failed(outcome.message);
    case 'unknown':
      return there === 'after'
        ? { state: 'applied', rcode: RCODES.NOERROR, answer: 'The answer was lost; the records are there.' }
        : { state: 'unknown', rcode: RCODES.SERVFAIL, answer: outcome.message };
  }
}
