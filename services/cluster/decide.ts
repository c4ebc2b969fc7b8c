import { MOST_OCTETS } from '../dns/check/spf-record.ts';
import { networkContains } from '../dns/guard/spf-terms.ts';
import { editNetworks, ownNetworks } from '../dns/spf/edit.ts';
import { MOST_LOOKUPS } from '../dns/spf/evaluate.ts';
import type { State } from '../requests/states.ts';
import type { SeenAddress } from './observe.ts';

/** A way by which mail of a domain leaves, as it is known now. */
export interface Way {
  /** "environment/egress", for people. */
  name: string;
  seen: readonly SeenAddress[];
  /** Why it is not known now; null when it is. */
  unknown: string | null;
  /**
   * Networks and addresses that mail-guard.yaml declares for it, in canonical text: a network that contains
   * an address is published in its place.
   */
  declared: readonly string[];
  /** When a person last confirmed that what is gone from it is gone; null for never. */
  confirmed_at: Date | null;
}

/** The request that the cluster service opened last for a record. */
export interface LastRequest {
  request_key: number;
  state: State;
  at: Date;
  /** The record as it was, and as it was to be. */
  before: string;
  value: string;
}

/** All that is known of an SPF record and of the ways that it has to admit. */
export interface RecordNow {
  /** The published record, without errors. */
  text: string;
  /** Seconds that resolvers may keep it. */
  ttl: number;
  /** Terms that query DNS, in the worst case. */
  lookups: number;
  /** Whether SPF admits an address now, by whatever term. */
  admits: (address: string) => boolean;
  ways: readonly Way[];
  /** Networks that are declared for the domain by whatever means: never removed. */
  keep: readonly string[];
  /** Whether mail-guard.yaml says word for word, or term by term, what the record has. */
  pinned: boolean;
  /** Addresses of which reports show mail of the domain since it was last possible to tell. */
  sending: ReadonlySet<string>;
  last: LastRequest | null;
}

export interface Limits {
  debounce_ms: number;
  /** How long mail may wait in a queue and still leave. */
  queue_ms: number;
  /** Between two changes of one record. */
  every_ms: number;
  /** More than this share of a way's addresses gone at once waits for a person. */
  most_loss: number;
}

export type ProblemCode = 'unknown' | 'loss' | 'long' | 'lookups' | 'pinned' | 'shadowed' | 'sending' | 'refused';

/** What keeps the record from following. */
export interface Problem {
  code: ProblemCode;
  /** A sentence. */
  message: string;
  addresses: readonly string[];
}

export interface Decided {
  change: { value: string; come: readonly string[]; gone: readonly string[] } | null;
  /** What is waited for, as a sentence; null when nothing is. */
  waits: string | null;
  problems: readonly Problem[];
}

const DAY_MS = 86_400_000;
/** A set of addresses that never rests is followed all the same, after so many times the debounce. */
const MOST_DEBOUNCES = 5;
const WAITING: readonly State[] = ['draft', 'pending', 'approved', 'applying', 'handed_over'];
const APPLIED: readonly State[] = ['active', 'done'];
/** A person, or the reports, said no to it. */
const REFUSED: readonly State[] = ['denied', 'withdrawn', 'returned'];

/**
 * What is to be asked for now, so that SPF admits the addresses by which mail leaves: additions first,
 * removals late.
 */
export function decide(record: RecordNow, limits: Limits, now: Date): Decided {
  const problems: Problem[] = record.ways.flatMap(({ name, unknown }) =>
    unknown === null
      ? []
      : [{ code: 'unknown' as const, message: `The addresses of ${name} are not known: ${unknown}`, addresses: [] }],
  );
  const add = additions(record, limits, now, problems);
  const come = blocked(record, add.due, problems) ? [] : add.due;
  const gone = removals(record, limits, now, problems);
  const nothing = { change: null, waits: add.waits, problems };
  if (come.length + gone.length === 0) return nothing;
  const made = fitting(record.text, come, gone, problems);
  if (made === null) return nothing;
  const wait = held(record, made.value, limits, now);
  if (wait === null) return { change: made, waits: null, problems };
  if (wait.refused) problems.push({ code: 'refused', message: wait.why, addresses: come });
  return { ...nothing, waits: wait.why };
}

/** The networks that are missing, when the ways have rested for long enough. */
function additions(
  { ways, admits, text }: RecordNow,
  { debounce_ms }: Limits,
  now: Date,
  problems: Problem[],
): { due: string[]; waits: string | null } {
  const own = new Set(ownNetworks(text));
  const wanted = ways
    .filter(({ unknown }) => unknown === null)
    .flatMap(({ seen, declared }) =>
      seen
        .filter(({ gone_at, address }) => gone_at === null && !admits(address))
        .map(({ address, since }) => ({ network: widest(address, declared), since: since.getTime() })),
    );
  const missing = wanted.filter(({ network }) => !own.has(network));
  const shadowed = [...new Set(wanted.filter((one) => !missing.includes(one)).map(({ network }) => network))];
  if (shadowed.length > 0) {
    const message = `${shadowed.join(', ')} is in the record, and SPF does not admit it: a term before it decides otherwise.`;
    problems.push({ code: 'shadowed', message, addresses: shadowed });
  }
  if (missing.length === 0) return { due: [], waits: null };
  const times = missing.map(({ since }) => since);
  const rested = now.getTime() - Math.max(...times) >= debounce_ms;
  const long = now.getTime() - Math.min(...times) >= MOST_DEBOUNCES * debounce_ms;
  if (!rested && !long) return { due: [], waits: 'Addresses came a short time ago: it waits until no more come.' };
  return { due: [...new Set(missing.map(({ network }) => network))].sort(), waits: null };
}

/** The declared network that contains an address, the smallest; else the address. */
function widest(address: string, declared: readonly string[]): string {
  const length = (network: string) => Number(network.split('/')[1] ?? 128);
  return declared.filter((one) => networkContains(one, address)).sort((a, b) => length(b) - length(a))[0] ?? address;
}

function blocked({ pinned, lookups, keep }: RecordNow, due: readonly string[], problems: Problem[]): boolean {
  if (due.length === 0) return false;
  const undeclared = due.filter((network) => !keep.includes(network));
  if (pinned && undeclared.length > 0) {
    const message = `mail-guard.yaml declares the terms of the record, and none for ${undeclared.join(', ')}: declare a network that has them, or use require in place of sources.`;
    problems.push({ code: 'pinned', message, addresses: undeclared });
    return true;
  }
  if (lookups > MOST_LOOKUPS) {
    const message = `The record needs ${lookups} look-ups, and ${MOST_LOOKUPS} are allowed: reduce them before ${due.join(', ')} can be added.`;
    problems.push({ code: 'lookups', message, addresses: due });
    return true;
  }
  return false;
}

/** The networks whose addresses are gone for long enough, and that nobody needs. */
function removals({ ways, text, ttl, keep, sending }: RecordNow, limits: Limits, now: Date, problems: Problem[]): string[] {
  // While one way is not known, an address that left another may be there.
  if (ways.some(({ unknown }) => unknown !== null)) return [];
  const own = new Set(ownNetworks(text));
  const present = ways.flatMap(({ seen }) => seen.filter(({ gone_at }) => gone_at === null).map(({ address }) => address));
  const needed = (network: string) =>
    [...keep, ...ways.flatMap(({ declared }) => declared)].some((one) => networkContains(one, network)) ||
    present.some((one) => networkContains(network, one) || networkContains(one, network));
  const wait = Math.max(limits.queue_ms, ttl * 1000);
  /** When an address was gone from all ways. */
  const left = (address: string) =>
    Math.max(
      ...ways.flatMap(({ seen }) => seen.filter((one) => one.address === address).map(({ gone_at }) => gone_at!.getTime())),
    );
  const found = new Set<string>();
  for (const way of ways) {
    const gone = way.seen.filter(({ gone_at, address }) => gone_at !== null && own.has(address) && !needed(address));
    const lost = lostAtOnce(way, gone, limits.most_loss);
    const due = gone.filter(({ address }) => left(address) + wait <= now.getTime());
    if (due.some((one) => lost.includes(one))) problems.push(loss(way, lost));
    const still = due.filter(({ address }) => [...sending].some((one) => networkContains(address, one)));
    if (still.length > 0) problems.push(stillSending(way, still));
    for (const { address } of due) found.add(address);
  }
  // What is gone from one way may be held back for another.
  const held = problems.filter(({ code }) => code === 'loss' || code === 'sending').flatMap(({ addresses }) => addresses);
  return [...found].filter((address) => !held.includes(address)).sort();
}

/** What is gone and not confirmed, when that is more than may go at once. */
function lostAtOnce({ seen, confirmed_at }: Way, gone: readonly SeenAddress[], most: number): readonly SeenAddress[] {
  const there = seen.filter(({ gone_at }) => gone_at === null).length;
  const fresh = gone.filter(({ gone_at }) => confirmed_at === null || gone_at! > confirmed_at);
  return fresh.length > most * (fresh.length + there) ? fresh : [];
}

function loss({ name, seen }: Way, lost: readonly SeenAddress[]): Problem {
  const all = lost.length + seen.filter(({ gone_at }) => gone_at === null).length;
  return {
    code: 'loss',
    message: `${lost.length} of ${all} addresses of ${name} are gone: nothing of it is removed before a person confirms it (ruawatch cluster confirm ${name}).`,
    addresses: lost.map(({ address }) => address),
  };
}

const stillSending = ({ name }: Way, still: readonly SeenAddress[]): Problem => {
  const addresses = still.map(({ address }) => address);
  return {
    code: 'sending',
    message: `${addresses.join(', ')} left ${name}, and reports show mail from there since: it stays in the record.`,
    addresses,
  };
};

/** The record that is wished, or of it what fits. */
function fitting(text: string, come: readonly string[], gone: readonly string[], problems: Problem[]): Decided['change'] {
  const change = (added: readonly string[]) => ({
    value: editNetworks(text, { gone: new Set(gone), come: added }),
    come: added,
    gone,
  });
  const whole = change(come);
  // A removal makes a record shorter, whatever its length was.
  if (come.length === 0 || whole.value.length <= MOST_OCTETS) return whole;
  problems.push({
    code: 'long',
    message: `With ${come.join(', ')} the record would have ${whole.value.length} octets, and ${MOST_OCTETS} are the limit: declare a network that has them, or move terms into a record of their own.`,
    addresses: come,
  });
  return gone.length === 0 ? null : change([]);
}

/** Why a change is not asked for now; null when it can be. */
function held(
  { text, last }: RecordNow,
  value: string,
  { every_ms }: Limits,
  now: Date,
): { why: string; refused: boolean } | null {
  if (last === null) return null;
  const { request_key, state, at } = last;
  const age = now.getTime() - at.getTime();
  const because = (why: string, refused = false) => ({ why, refused });
  if (WAITING.includes(state)) return because(`Request ${request_key} is ${state.replace('_', ' ')}.`);
  if (value === last.value) {
    if (REFUSED.includes(state))
      return because(`Request ${request_key}, which asked for the same, is ${state}: ask by hand if it is wanted.`, true);
    if (state === 'expired' && age < DAY_MS)
      return because(`Nobody decided about request ${request_key}: it is asked again in a day.`);
  }
  if (APPLIED.includes(state) && text === last.before && age < DAY_MS)
    return because(`Request ${request_key} is applied, and resolvers still give the record before.`);
  return age < every_ms ? because('The record was changed a short time ago.') : null;
}
