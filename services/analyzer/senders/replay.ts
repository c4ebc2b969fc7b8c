import { addDays, daysBetween } from '../../shared/days.ts';
import type { Candidate, KnownFinding } from '../../store/findings/findings.ts';
import { recordsQuery } from '../../store/findings/kind-queries.ts';
import type { DomainData } from '../domain-data.ts';
import { isEvidence, reportersOf, rounded, type SenderWindow } from '../rules/window.ts';
import { passesOn } from '../sources/identity.ts';
import { certainty, witnesses } from '../statistics/confidence.ts';
import { isAligned, type SenderData } from './units.ts';

const KIND = 'new_source';
/** New networks that begin within so many days of each other came at once. */
const AT_ONCE = 5;
/** So many networks, and so many messages of theirs, are worth a word. */
const NETWORKS = 5;
const MESSAGES = 100;
/** And this part of what the owners of the key send on the same days: new forwarders pass on less. */
const PART = 0.05;
/**
 * And so many times what new networks brought at once before, as some domains have new forwarders every week.
 */
const TIMES = 3;
/** The key has been known for so many days before. */
const KNOWN_DAYS = 14;
/** SPF aligns for no more than this part: what the SPF record admits needs no copied signature. */
const SPF_STRAY = 0.01;
/** How likely it is that so many at once pass on mail of the domain after all. */
const FORWARDERS = 0.1;
/** Sources listed in the evidence. */
const LISTED = 20;

/** A new network that signs with a key of the domain's, and passes by that alone. */
interface Newcomer {
  window: SenderWindow;
  source: string;
  first: string;
  passed: number;
}

/** Whether the key of new senders is worth looking up, of which none may send enough by itself. */
export function mayReplay(senders: readonly SenderData[], fresh: string): boolean {
  const young = senders.filter((one) => isStranger(one, fresh));
  return young.length >= NETWORKS && young.reduce((n, { sources }) => n + sources[0]!.passed, 0) >= MESSAGES;
}

/**
 * A signed mail that is sent again and again from rented machines or a botnet (RFC 6376 section 8.6), or a
 * copied key that is used from many: each network looks like one more forwarder, as it passes by an old key
 * alone and sends little. What distinguishes them from forwarders is that they come at once, that there are
 * many, and that together they bring more than new forwarders do.
 * @param given.windows those of the senders of the domain
 * @param given.told what the rule about single senders found: no source is counted twice
 */
export function replaysOf(
  data: Pick<DomainData, 'domain' | 'today' | 'from' | 'keyUses'>,
  {
    windows,
    told,
    known,
    fresh,
  }: { windows: readonly SenderWindow[]; told: readonly Candidate[]; known: readonly KnownFinding[]; fresh: string },
): Candidate[] {
  const taken = new Set(
    told.filter(({ kind }) => kind === KIND).flatMap(({ evidence }) => evidence.who.map(({ source }) => source)),
  );
  const { byKey, before } = newcomersOf(data, windows, fresh);
  return [...byKey].flatMap(([key, some]) => {
    const most = mostAtOnce(some);
    const messages = sum(most);
    if (most.length < NETWORKS || messages < MESSAGES || messages < TIMES * (before.get(key) ?? 0)) return [];
    const first = most.map((one) => one.first).sort()[0]!;
    const owners = ownersOf(data, key, first, windows);
    if (owners === null || messages < PART * owners.sent) return [];
    const left = most.filter(({ source }) => !taken.has(source));
    const found = left.length === 0 ? null : candidate(data, { key, first, some: left, known, owners });
    return found === null ? [] : [found];
  });
}

/** The newest networks by key, and by key what new ones brought at once before them, at most. */
function newcomersOf(
  { keyUses = [], from }: Pick<DomainData, 'keyUses' | 'from'>,
  windows: readonly SenderWindow[],
  fresh: string,
) {
  const byKey = new Map<string, Newcomer[]>();
  const former = new Map<string, { first: string; passed: number }[]>();
  const main = new Map<string, { key: string; passed: number; first_day: string }>();
  for (const { source, key, passed, first_day } of keyUses)
    if (passed > (main.get(source)?.passed ?? 0)) main.set(source, { key, passed, first_day });
  for (const window of windows) {
    const { of } = window;
    const [one] = of.sources;
    const use = one && main.get(one.source);
    if (use === undefined || window.listed !== null) continue;
    if (isStranger(of, fresh)) put(byKey, use.key, { window, source: one!.source, first: one!.first_day, passed: use.passed });
    else if (isStranger(of, addDays(from, KNOWN_DAYS))) put(former, use.key, { first: one!.first_day, passed: use.passed });
  }
  const before = new Map([...former].map(([key, some]) => [key, sum(mostAtOnce(some))]));
  return { byKey, before };
}

function put<T>(map: Map<string, T[]>, key: string, one: T): void {
  const some = map.get(key);
  if (some) some.push(one);
  else map.set(key, [one]);
}

/**
 * Whether a sender is one network or name that began since a day, that the catalogue does not know, and
 * passes by signature alone.
 */
function isStranger({ sources, service, unnamed, firstSeen }: SenderData, since: string): boolean {
  const [one, ...others] = sources;
  if (one === undefined || others.length > 0 || unnamed || one.first_day < since) return false;
  if (firstSeen !== null && firstSeen < one.first_day) return false;
  // Services and known forwarders pass on mail from ever new networks.
  if (service !== null && (service.kind !== 'hosting' || passesOn(service))) return false;
  return isAligned(one) && one.dkim_aligned > 0 && one.spf_aligned <= SPF_STRAY * one.messages;
}

/** Those of them that began within AT_ONCE days and brought the most. */
function mostAtOnce<T extends { first: string; passed: number }>(some: readonly T[]): T[] {
  const spans = [...new Set(some.map(({ first }) => first))].map((day) => {
    const last = addDays(day, AT_ONCE - 1);
    return some.filter(({ first }) => first >= day && first <= last);
  });
  return spans.sort((a, b) => sum(b) - sum(a))[0] ?? [];
}

function sum(some: readonly { passed: number }[]): number {
  return some.reduce((n, { passed }) => n + passed, 0);
}

/**
 * Who signed with the key long before and goes on, and what they sent under it since; null for a new key, or
 * one whose owners are gone.
 */
function ownersOf(
  { keyUses = [], today }: Pick<DomainData, 'keyUses' | 'today'>,
  key: string,
  first: string,
  windows: readonly SenderWindow[],
) {
  const since = addDays(first, -KNOWN_DAYS);
  const owned = new Map(
    keyUses.filter((one) => one.key === key && one.first_day <= since && one.last_day >= first).map((one) => [one.source, one]),
  );
  if (owned.size === 0) return null;
  // What is passed on of a large mailing may arrive on the day after.
  const days = new Set(daysBetween(addDays(first, -1), today));
  const names: { name: string; passed: number }[] = [];
  let sent = 0;
  for (const { of } of windows) {
    const own = of.sources.filter(({ source }) => owned.has(source));
    if (own.length === 0) continue;
    names.push({ name: of.name, passed: own.reduce((n, { source }) => n + owned.get(source)!.passed, 0) });
    for (const { recent } of own) for (const day of recent) if (days.has(day.day)) sent += day.messages;
  }
  const all = keyUses.reduce((n, { passed }) => n + passed, 0);
  const under = keyUses.reduce((n, one) => n + (one.key === key ? one.passed : 0), 0);
  names.sort((a, b) => b.passed - a.passed || (a.name < b.name ? -1 : 1));
  return { names: names.slice(0, 3).map(({ name }) => name), sent, carries: under / Math.max(1, all) };
}

/** What each of the newcomers sent, the largest first. */
function sentBy(some: readonly Newcomer[]): { source: string; messages: number; delivered: number }[] {
  const who = some.map(({ window: { of }, source, passed }) => {
    const delivered = of.sources[0]!.recent.reduce((n, day) => n + day.delivered, 0);
    return { source, messages: passed, delivered: Math.min(passed, delivered) };
  });
  return who.sort((a, b) => b.messages - a.messages || (a.source < b.source ? -1 : 1));
}

/** The source that the finding is about: that of an open finding about the key, while it is among them. */
function subjectOf(who: readonly { source: string }[], key: string, known: readonly KnownFinding[]): string {
  const open = known.find(
    ({ kind, state, evidence: { facts } }) =>
      kind === KIND && state === 'open' && facts?.rule === KIND && facts.key?.name === key,
  );
  return who.some(({ source }) => source === open?.subject) ? open!.subject : who[0]!.source;
}

interface Replay {
  key: string;
  first: string;
  some: readonly Newcomer[];
  known: readonly KnownFinding[];
  owners: NonNullable<ReturnType<typeof ownersOf>>;
}

function candidate({ domain }: Pick<DomainData, 'domain'>, { key, first, some, known, owners }: Replay): Candidate | null {
  const who = sentBy(some);
  const rows = some.flatMap(({ window }) => window.rows);
  const days = [...new Set(some.flatMap(({ window: { of } }) => of.sources[0]!.recent.map(({ day }) => day)))].sort();
  const reporters = reportersOf(rows);
  const messages = sum(some);
  const { domainDays } = some[0]!.window;
  if (!isEvidence({ messages, reporters, days: days.length }, domainDays)) return null;
  const last_day = days.at(-1)!;
  const of = Math.max(
    messages,
    domainDays.reduce((n, day) => n + (day.day >= first ? day.messages : 0), 0),
  );
  const all = (name: 'quarantined' | 'rejected') => rows.reduce((n, row) => n + row[name], 0);
  return {
    kind: KIND,
    subject: subjectOf(who, key, known),
    severity: 'medium',
    confidence: certainty({ otherwise: FORWARDERS, witnesses: witnesses(rows) }),
    first_day: first,
    last_day,
    evidence: {
      who: who.slice(0, LISTED),
      senders: who.length,
      messages,
      of,
      share: messages / of,
      per_day: messages / days.length,
      since: first,
      last_day,
      reporters,
      usual: 0,
      delivered: who.reduce((n, { delivered }) => n + delivered, 0),
      quarantined: all('quarantined'),
      rejected: all('rejected'),
      facts: {
        rule: KIND,
        by: 'dkim',
        service: null,
        name: who[0]!.source,
        joined: who.length,
        signer: null,
        key: { name: key, age: 'old', carries: rounded(owners.carries), others: owners.names },
      },
      query: recordsQuery({
        domain,
        sources: who.slice(0, LISTED).map(({ source }) => source),
        from: first,
        to: last_day,
        rows: 'all',
      }),
    },
  };
}
