import { groupBy } from '../../shared/group-by.ts';
import type { Tx } from '../../shared/runtime/db.ts';
import {
  type EarlierDay,
  loadEarlierDays,
  loadSeenSources,
  loadSenderDays,
  loadSendersBefore,
  loadUnnamed,
  type SeenSource,
} from '../../store/analysis/senders.ts';
import type { CountedDays, SourceDay } from '../../store/analysis/window-reads.ts';
import type { Identity } from '../../store/sources/identities.ts';
import { isNetwork } from '../sources/network.ts';
import { type Catalogue, lookup, type Sender } from './catalogue.ts';
import { isProvider } from './providers.ts';
import { mayRise, standsOut } from './rising.ts';

/** Sources that are looked at, and senders that they make: the largest of each. */
const SOURCES = 5000;
const SENDERS = 500;
/**
 * A new sender with fewer passing messages is no finding yet; with so many it is held against the largest.
 */
const WORTH = 20;
const COMPARED = 40;
/** The share of a source's mail that passes before the source counts as its sender's. */
const ALIGNED = 0.8;

/** A sender of a domain's aligned mail: what a person would call one, whatever the number of its networks. */
export interface SenderData {
  /** The subject of its findings: the id of a service, a domain, or the one source that it is. */
  key: string;
  name: string;
  /** The service that the catalogue knows. */
  service: Sender | null;
  /**
   * Whether it is known by more than one source can show: a service, a signing domain, a confirmed name. A
   * new network of it has its standing. False for a source that is a sender by itself.
   */
  grouped: boolean;
  /** Its sources, those with the most passing mail first. */
  sources: readonly SeenSource[];
  /**
   * The daily mail of those most of whose mail passes, added up; `source` is the key. Empty where nothing is
   * new: no rise, no open finding, a sender of old.
   */
  rows: readonly SourceDay[];
  /** Whether one of its sources waits for its name. */
  unnamed: boolean;
  /** Its first day as far back as rollups are kept; null when it has none. */
  firstSeen: string | null;
  /** Of one that may have risen: its largest days before the window. */
  earlier?: readonly EarlierDay[];
}

/**
 * The key of the sender that a source belongs to, by the strongest evidence there is: the service, the
 * signing or envelope domain, the domain of confirmed reverse names. The owner of a network and the name of a
 * cloud or hoster show where mail comes from and not whose it is: such a source is a sender by itself. So is
 * what passes mail on: it sends nothing of its own.
 */
export function senderOf(
  seen: Pick<SeenSource, 'source' | 'identified_by' | 'grouped_as' | 'class' | 'messages' | 'passed'>,
  catalogue: Catalogue,
): string {
  const { source, identified_by, grouped_as } = seen;
  if (grouped_as === null || seen.class === 'forwarded') return source;
  if (identified_by === 'dkim' || identified_by === 'spf') return isAligned(seen) ? ofService(grouped_as, catalogue) : grouped_as;
  if (identified_by !== 'reverse_name') return source;
  const service = catalogue.senders.get(grouped_as);
  return isProvider(grouped_as) || service?.kind === 'hosting' ? source : grouped_as;
}

/** The same of a source whose mail used to be aligned, by what it is identified as now. */
export function senderOfPart({ source, identified_by, grouped_as }: Identity, catalogue: Catalogue): string {
  const seen = { source, identified_by, grouped_as, class: null, messages: 1, passed: 1 };
  return senderOf(seen, catalogue);
}

/** Of mail that is aligned, a customer's name at a service is our own: that of the service will do. */
function ofService(name: string, catalogue: Catalogue): string {
  return lookup(catalogue, { dkim_domains: [name], spf_domain: name, reverse_name: null })?.id ?? name;
}

/**
 * Loads the senders of a domain's aligned mail in the window: all of them, not only those that the work
 * names, since one network says nothing about its sender.
 * @param days.fresh the first day of the newest, which are listed one by one; a sender first seen since is
 * looked up in the days before the window
 * @param given.told what open findings are about: senders or sources
 * @param given.examined networks that were first seen since then wait for their names
 */
export async function loadSenders(
  tx: Tx,
  domain: string,
  days: CountedDays & { fresh: string },
  {
    catalogue,
    told,
    examined,
    ofDomain,
  }: { catalogue: Catalogue; told: ReadonlySet<string>; examined: Date; ofDomain: ReadonlyMap<string, number> },
): Promise<SenderData[]> {
  const { from, to, counted, fresh } = days;
  const sources = await loadSeenSources(tx, domain, { from, to, counted, recent: fresh }, SOURCES);
  const known = largestOf(groupBy(sources, (source) => senderOf(source, catalogue)));
  const young = known.filter(([, some]) => firstDay(some) >= fresh).map(([sender]) => sender);
  const before = await loadSendersBefore(tx, domain, young, { before: from, counted });
  const largest = largestOf(joinNewcomers(new Map(known), new Set(young.filter((key) => !before.has(key))), told));
  const members = largest.flatMap(([sender, some]) => some.filter(isAligned).map(({ source }) => ({ source, sender })));
  const isTold = (sender: string, some: readonly SeenSource[]) => told.has(sender) || some.some(({ source }) => told.has(source));
  const isNew = (sender: string, some: readonly SeenSource[]) => firstDay(some) >= fresh && !before.has(sender);
  // A new sender is held against all: it may have taken the place of another.
  const asked = largest.some(([sender, some]) => isNew(sender, some) && passed(some) >= WORTH);
  const isLooked = ([sender, some]: [string, SeenSource[]], n: number) =>
    (asked && n < COMPARED) ||
    isTold(sender, some) ||
    isNew(sender, some) ||
    isRenumbered(some, fresh) ||
    standsOut(some.filter(isAligned), to);
  const looked = new Set(largest.filter(isLooked).map(([sender]) => sender));
  const read = members.filter(({ sender }) => looked.has(sender));
  const rows = groupBy(await loadSenderDays(tx, domain, read, { from, to, counted }), ({ source }) => source);
  const rising = [...rows].filter(([, own]) => mayRise(own, ofDomain, to)).map(([sender]) => sender);
  const earlier = await loadEarlierDays(tx, domain, rising, { before: from, counted });
  const waiting = sources.filter((one) => one.examined_at !== null && one.examined_at > examined && isNetwork(one.source));
  const unnamed = await loadUnnamed(
    tx,
    waiting.map(({ source }) => source),
  );
  return largest.map(([key, some]) => {
    const service = catalogue.senders.get(key) ?? null;
    return {
      key,
      name: service?.name ?? some.find(({ name }) => name !== null)?.name ?? key,
      service,
      grouped: some.some(({ source, identified_by }) => source !== key || identified_by === 'dkim' || identified_by === 'spf'),
      sources: some,
      rows: rows.get(key) ?? [],
      unnamed: some.some(({ source }) => unnamed.has(source)),
      firstSeen: before.get(key) ?? firstDay(some),
      earlier: earlier.get(key) ?? [],
    };
  });
}

function passed(some: readonly SeenSource[]): number {
  return some.reduce((n, one) => n + one.passed, 0);
}

function largestOf(senders: ReadonlyMap<string, SeenSource[]>): [string, SeenSource[]][] {
  return [...senders].sort(([a, m], [b, n]) => passed(n) - passed(m) || (a < b ? -1 : 1)).slice(0, SENDERS);
}

/**
 * Puts new networks of one owner together, each of which sends too little to be a finding: many of them at
 * once are one newcomer. None has a standing to pass on, and none gets that of older networks of the owner.
 * @param fresh the senders that were never seen before
 * @param told what open findings are about: what was put together stays so
 */
function joinNewcomers(
  senders: ReadonlyMap<string, SeenSource[]>,
  fresh: ReadonlySet<string>,
  told: ReadonlySet<string>,
): Map<string, SeenSource[]> {
  const newcomers = new Map<string, SeenSource[]>();
  for (const [key, [one, ...others]] of senders) {
    const owner = one !== undefined && others.length === 0 && fresh.has(key) ? groupOf(one) : null;
    if (owner === null || !isAligned(one!) || (one!.passed >= WORTH && !told.has(owner))) continue;
    newcomers.set(owner, [...(newcomers.get(owner) ?? []), one!]);
  }
  const all = new Map(senders);
  for (const [owner, some] of newcomers) {
    if (some.length < 2 || (passed(some) < WORTH && !told.has(owner)) || senders.has(owner)) continue;
    for (const { source } of some) all.delete(source);
    all.set(owner, some);
  }
  return all;
}

/**
 * What a network that is a sender by itself is put together by: the number of its owner, or the name its
 * addresses have from a hoster.
 */
export function groupOf({ source, identified_by, grouped_as, class: of }: SeenSource): string | null {
  if (!isNetwork(source) || of === 'forwarded') return null;
  return identified_by === 'asn' || identified_by === 'reverse_name' ? grouped_as : null;
}

/** Whether own servers, or what has no name of a service, have a new network. */
function isRenumbered(sources: readonly SeenSource[], fresh: string): boolean {
  return sources.length > 1 && sources.some(({ first_day, passed }) => first_day >= fresh && passed >= WORTH);
}

/**
 * The first day in the window of what is its own mail, set up or not: what was passed on for others gives a
 * service no standing.
 */
function firstDay(sources: readonly SeenSource[]): string {
  const own = sources.filter((one) => isAligned(one) || one.class === 'misaligned');
  return (own.length > 0 ? own : sources).map(({ first_day }) => first_day).sort()[0]!;
}

/** Whether most of a source's mail is aligned: only such mail has a share in its sender's standing. */
export function isAligned({ messages, passed }: Pick<SeenSource, 'messages' | 'passed'>): boolean {
  return passed >= ALIGNED * messages;
}
