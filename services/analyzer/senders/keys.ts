import type { KeyUse } from '../../store/analysis/senders.ts';
import type { SenderData } from './units.ts';

/** The keys are known so far back that one of them may be called new, in days before the sender. */
const KNOWN_DAYS = 14;
/**
 * The owner of a key signs with it at least so many times as much as whoever passes its mail on; SPF aligns
 * for this part of what the owner sends, unless it is a service.
 */
const OWNER_SIGNS = 5;
const OWNER_ALIGNED = 0.8;
/** This part of what a sender signs has to be under keys of such owners. */
const OWNED = 0.5;

/** The key that most mail of a sender is signed with. */
export interface MainKey {
  /** `selector._domainkey.domain` */
  name: string;
  /** The part of the sender's signed mail under it, 0 to 1. */
  share: number;
  /** `new`: nobody signed with it before the sender began. */
  age: 'new' | 'old';
  /** The part of all signed mail of the domain under this key, 0 to 1: how much would fail without it. */
  carries: number;
  /**
   * The sender's messages under it in the newest days, as a part of those of all others; Infinity when they
   * have none.
   */
  part: number;
  /** Senders that signed with it long before and still may, those with the most mail first. */
  others: { sender: string; last_day: string }[];
}

/**
 * With which key a sender signs, and who else does; null when no report names its selectors, or the keys are
 * not known for long enough to say.
 * @param first first day of the sender, YYYY-MM-DD
 */
export function mainKeyOf(
  { key: sender, sources }: SenderData,
  first: string,
  { keyUses: uses, senders, from }: { keyUses: readonly KeyUse[]; senders: readonly SenderData[]; from: string },
): MainKey | null {
  const own = new Set(sources.map(({ source }) => source));
  const sums = new Map<string, number>();
  let signed = 0;
  let known = from > first ? from : '9999-12-31';
  for (const use of uses) {
    if (use.first_day < known) known = use.first_day;
    if (!own.has(use.source)) continue;
    sums.set(use.key, (sums.get(use.key) ?? 0) + use.passed);
    signed += use.passed;
  }
  const [largest] = [...sums].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1));
  if (largest === undefined || daysBefore(known, first) < KNOWN_DAYS) return null;
  const [name, messages] = largest;
  const senderBySource = new Map(senders.flatMap((one) => one.sources.map(({ source }) => [source, one.key] as const)));
  const others = new Map<string, { passed: number; last_day: string }>();
  let old = false;
  let under = 0;
  let all = 0;
  const recent = { own: 0, others: 0 };
  for (const use of uses) {
    all += use.passed;
    if (use.key !== name) continue;
    under += use.passed;
    recent[own.has(use.source) ? 'own' : 'others'] += use.recent;
    if (own.has(use.source)) continue;
    if (use.first_day < first) old = true;
    const of = senderBySource.get(use.source) ?? use.source;
    // What began at about the same time is as new as this sender, and no owner of the key.
    if (of === sender || daysBefore(use.first_day, first) < KNOWN_DAYS) continue;
    const other = others.get(of) ?? { passed: 0, last_day: '' };
    other.passed += use.passed;
    if (use.last_day > other.last_day) other.last_day = use.last_day;
    others.set(of, other);
  }
  return {
    name,
    share: messages / signed,
    age: old ? 'old' : 'new',
    carries: under / Math.max(1, all),
    part: recent.others === 0 ? Number.POSITIVE_INFINITY : recent.own / recent.others,
    others: [...others]
      .sort(([a, m], [b, n]) => n.passed - m.passed || (a < b ? -1 : 1))
      .map(([of, { last_day }]) => ({ sender: of, last_day })),
  };
}

/**
 * Whether most of what a sender signed of late bears keys that each have one clear owner, who sends far more
 * with it and is a sender by more than the key: then the mail was passed on, whenever the key or the owner
 * began. A key may be turned on, or its mail may come into our reports for the first time, on one day for its
 * owner and for all forwarders.
 */
export function signsForOwners(
  { key: sender, sources }: SenderData,
  { keyUses, senders }: { keyUses: readonly KeyUse[]; senders: readonly SenderData[] },
): boolean {
  const own = new Set(sources.map(({ source }) => source));
  const mine = new Map<string, number>();
  let signed = 0;
  for (const { source, key, recent } of keyUses) {
    if (!own.has(source)) continue;
    mine.set(key, (mine.get(key) ?? 0) + recent);
    signed += recent;
  }
  const owners = senders.filter((one) => one.key !== sender && isSenderByMore(one));
  const ownerOf = new Map(owners.flatMap((one) => one.sources.map(({ source }) => [source, one.key] as const)));
  const theirs = new Map<string, Map<string, number>>();
  for (const { source, key, recent } of keyUses) {
    const owner = ownerOf.get(source);
    if (owner === undefined || own.has(source) || !mine.has(key)) continue;
    const of = theirs.get(key) ?? new Map<string, number>();
    theirs.set(key, of.set(owner, (of.get(owner) ?? 0) + recent));
  }
  let owned = 0;
  for (const [key, messages] of mine) {
    const most = Math.max(0, ...(theirs.get(key)?.values() ?? []));
    if (most >= OWNER_SIGNS * messages) owned += messages;
  }
  return owned > 0 && owned >= OWNED * signed;
}

/** Whether a sender is one by its name as a service, or by SPF: whoever only has a key may have copied it. */
function isSenderByMore({ service, sources }: SenderData): boolean {
  if (service !== null) return true;
  const sum = (of: 'passed' | 'spf_aligned') => sources.reduce((n, one) => n + one[of], 0);
  return sum('passed') > 0 && sum('spf_aligned') >= OWNER_ALIGNED * sum('passed');
}

function daysBefore(known: string, first: string): number {
  return (Date.parse(first) - Date.parse(known)) / 86_400_000;
}
