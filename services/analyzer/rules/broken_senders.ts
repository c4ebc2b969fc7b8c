import { organizationalDomain } from '../../report/orgdomain.ts';
import { addDays, earlier, later } from '../../shared/days.ts';
import type { FailedCheck } from '../../store/analysis/signatures.ts';
import {
  type BrokenSender,
  type Candidate,
  type Evidence,
  type KnownFinding,
  type MendedSender,
  recordsQuery,
  type Severity,
} from '../../store/findings/findings.ts';
import { publishedTag } from '../policy.ts';
import { count, list, number, percent, short } from '../text.ts';

export const KIND = 'authentication_regression';
/** Why a finding about a source is over when a person denies the source. */
export const DENIED = 'The source is denied by the list of senders: there is nothing to mend.';
/** What an incident is told of: the mechanism that its senders lost. A source is a domain or a network, and never called so. */
export const CAUSES = ['dkim', 'spf'] as const;
type Cause = (typeof CAUSES)[number];
/** Senders that broke within so many days of each other did so by one cause, most likely; further apart only the mechanism is the same. */
const ONE_CAUSE_DAYS = 3;
/** So many senders are told by name; the others are in the evidence. */
const TOLD = 20;
/** So many are kept in the evidence. One that is beyond is looked at as if it were new. */
const KEPT = 1000;

/** What an open incident says of a source; null when it is part of none. */
export function openPart(known: readonly KnownFinding[], source: string): BrokenSender | null {
  for (const finding of known) {
    const part = finding.kind === KIND && finding.state === 'open' && partOf(finding, source);
    if (part) return part;
  }
  return null;
}

/** The report day up to which a source is settled: what it rests on until then does not break it again. */
export function settledPart(known: readonly KnownFinding[], source: string): string {
  let settled = '';
  for (const finding of known) {
    if (finding.kind !== KIND) continue;
    const mended = finding.evidence.mended?.find((one) => one.source === source);
    if (mended) settled = later(settled, mended.day);
    if (finding.state === 'resolved' && partOf(finding, source))
      settled = later(settled, finding.evidence.resolved_day ?? finding.last_day);
  }
  return settled;
}

function partOf({ evidence }: KnownFinding, source: string): BrokenSender | undefined {
  return evidence.broken?.find((one) => one.source === source);
}

/**
 * The senders of a domain that broke, put together by what they lost: a key that is gone, a record that was changed, shows at every sender that
 * rests on it, and is one thing to mend. The cause is the incident's name from the first sender on, so that it does not matter which one
 * was seen first or how often anybody looked: who breaks later joins it (a change), and it is over when all of them are.
 * A source whose DKIM broke is of cause `dkim`, whatever its SPF did.
 */
export class BrokenSenders {
  private readonly domain: string;
  private readonly today: string;
  private readonly parts = new Map<string, BrokenSender>();
  private readonly causes = new Map<string, Cause>();
  /** Senders whose cause nobody has heard of: it is what it is found to be now. */
  private readonly unheard = new Set<string>();
  private readonly found: BrokenSender[] = [];
  private readonly mended = new Map<string, MendedSender & { cause: Cause }>();

  /** @param known all that is on file, heard of or not: what this work does not name stays as it was found */
  constructor(domain: string, today: string, known: readonly KnownFinding[]) {
    this.domain = domain;
    this.today = today;
    for (const { kind, state, subject, evidence, heard } of known) {
      if (kind !== KIND || state !== 'open') continue;
      const cause = subject as Cause;
      for (const one of (heard && evidence.mended) || []) this.mended.set(one.source, { ...one, cause });
      for (const part of evidence.broken ?? []) {
        this.parts.set(part.source, part);
        this.causes.set(part.source, cause);
        if (!heard) this.unheard.add(part.source);
      }
    }
  }

  get sources(): string[] {
    return [...this.parts.keys()];
  }

  part(source: string): BrokenSender | null {
    return this.parts.get(source) ?? null;
  }

  /** Those that were found to fail now, not what was on file. */
  get failing(): readonly BrokenSender[] {
    return this.found;
  }

  fail(part: BrokenSender): void {
    this.found.push(part);
    this.parts.set(part.source, part);
    if (!this.causes.has(part.source) || this.unheard.has(part.source))
      this.causes.set(part.source, part.mechanism === 'spf' ? 'spf' : 'dkim');
    this.mended.delete(part.source);
  }

  /** Names the keys and records by which those fail that were found now. @param checks what did not pass in their mail */
  nameChecks(checks: readonly FailedCheck[]): void {
    for (const part of this.found) {
      const names = namesOf(this.domain, part, checks);
      if (names.length > 0 && this.parts.has(part.source)) this.parts.set(part.source, { ...part, names });
    }
  }

  recover(source: string, why: string): void {
    const cause = this.causes.get(source);
    if (!this.parts.delete(source) || cause === undefined || this.unheard.has(source)) return;
    this.mended.set(source, { source, day: this.today, why, cause });
  }

  /** Why an incident is over: because all its senders are. Null while one is not. */
  ended(finding: KnownFinding): string | null {
    const senders = (finding.evidence.broken ?? []).map(({ source }) => source);
    if (senders.length === 0 || senders.some((source) => this.parts.has(source))) return null;
    const whys = [...new Set(senders.map((source) => this.mended.get(source)?.why ?? ''))];
    return whys.length === 1
      ? whys[0] || 'None of its senders fails any more.'
      : `All ${count(senders.length, 'sender')} are mended or silent. Of the largest: ${whys[0]}`;
  }

  /** One finding a cause. @param policy the published record, as most reporters saw it last */
  candidates(policy: string | null): Candidate[] {
    return CAUSES.flatMap((cause) => {
      const of = (source: string) => this.causes.get(source) === cause;
      const parts = [...this.parts.values()].filter(({ source }) => of(source)).sort(largestFirst);
      const mended = [...this.mended.values()]
        .filter((one) => one.cause === cause)
        .map(({ cause: _, ...one }) => one)
        .sort((a, b) => (a.source < b.source ? -1 : 1));
      return parts.length === 0 ? [] : [incidentOf(this.domain, cause, parts, mended, policy)];
    });
  }
}

/** So many names of one sender are worth looking at. */
const NAMES = 3;

/** The domain's own keys and records that did not pass at a sender, those of the most messages first. */
function namesOf(domain: string, { source, mechanism }: BrokenSender, checks: readonly FailedCheck[]): string[] {
  const organization = organizationalDomain(domain);
  const sums = new Map<string, number>();
  for (const check of checks) {
    if (check.source !== source || (mechanism !== 'both' && check.mechanism !== mechanism)) continue;
    if (organizationalDomain(check.domain) !== organization) continue;
    const name = check.mechanism === 'spf' ? check.domain : `${check.selector}._domainkey.${check.domain}`;
    sums.set(short(name), (sums.get(short(name)) ?? 0) + check.messages);
  }
  const ranked = [...sums].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1));
  return ranked.slice(0, NAMES).map(([name]) => name);
}

function largestFirst(a: BrokenSender, b: BrokenSender): number {
  return b.messages - a.messages || (a.source < b.source ? -1 : 1);
}

function incidentOf(
  domain: string,
  cause: Cause,
  parts: readonly BrokenSender[],
  mended: readonly MendedSender[],
  policy: string | null,
): Candidate {
  const sum = (name: 'messages' | 'of' | 'per_day' | 'delivered' | 'quarantined' | 'rejected') =>
    parts.reduce((n, part) => n + part[name], 0);
  const messages = sum('messages');
  const since = parts.map((part) => part.since).reduce(earlier);
  const lastSince = parts.map((part) => part.since).reduce(later);
  const last_day = parts.map((part) => part.last_day).reduce(later);
  const mechanism = parts.some((part) => part.mechanism === 'both') ? 'both' : cause;
  const name = { dkim: 'DKIM', spf: 'SPF', both: 'DKIM and SPF' }[mechanism];
  const sources = parts.map(({ source }) => source);
  const one = parts.length === 1 ? parts[0]! : null;
  const through = one ? short(one.source) : count(parts.length, 'sender');
  const days = since === lastSince ? `on ${since}` : `between ${since} and ${lastSince}`;
  return {
    kind: KIND,
    subject: cause,
    severity: severityOf(messages, sum('quarantined') + sum('rejected')),
    confidence: Math.max(...parts.map((part) => part.confidence)),
    first_day: since,
    last_day,
    summary: `Mail of ${short(domain)} through ${through} stopped passing DMARC ${days} (${name}): ${count(messages, 'message')} failed since`,
    evidence: {
      what: one
        ? `${name} of ${short(one.source)} aligned with ${short(domain)} until ${one.last_good_day} and ${mechanism === 'both' ? 'do' : 'does'} not since ${since}: ${number(messages)} of ${count(one.of, 'message')} fail${one.before === undefined ? '' : `; ${one.before}`}.`
        : `${name} of ${through} stopped aligning with ${short(domain)} ${days}${lastSince <= addDays(since, ONE_CAUSE_DAYS) ? ', so one cause is likely' : ', each on its own day'}: ${list(sources.map((source) => short(source, 40)))}; ${number(messages)} of their ${count(sum('of'), 'message')} fail (${percent(messages / sum('of'))}).`,
      who: parts.slice(0, TOLD).map((part) => ({ source: part.source, messages: part.messages, delivered: part.delivered })),
      senders: parts.length,
      messages,
      of: sum('of'),
      share: messages / sum('of'),
      per_day: sum('per_day'),
      since,
      last_day,
      reporters: [...new Set(parts.flatMap((part) => part.reporters))],
      delivered: sum('delivered'),
      quarantined: sum('quarantined'),
      rejected: sum('rejected'),
      mechanism,
      last_good_day: parts.map((part) => part.last_good_day).reduce(earlier),
      broken: parts.slice(0, KEPT),
      ...(mended.length > 0 && { mended: mended.slice(0, KEPT) }),
      advice: adviceOf(short(domain), mechanism, parts, since, policy),
      query: recordsQuery({
        domain,
        ...(sources.length <= TOLD && { sources }),
        from: since,
        to: last_day,
        rows: 'failing',
      }),
    },
  };
}

function severityOf(messages: number, lost: number): Severity {
  if (lost >= 1000) return 'critical';
  if (messages >= 100 || lost >= 20) return 'high';
  return 'medium';
}

function adviceOf(
  domain: string,
  mechanism: NonNullable<Evidence['mechanism']>,
  parts: readonly BrokenSender[],
  since: string,
  policy: string | null,
): string[] {
  const source = parts.length === 1 ? short(parts[0]!.source) : null;
  const isKey = (name: string) => name.includes('._domainkey.');
  const keys = common(parts, isKey);
  const records = common(parts, (name) => !isKey(name));
  const replaced = 'a key replaced on one side only is the usual cause.';
  const dkim = source
    ? keys.all.length > 0
      ? `It signs with the key ${list(keys.all, 2)}, which does not verify: compare what DNS publishes there with the key at ${source}; ${replaced}`
      : `Compare the DKIM selector that ${source} signs with, and its public key, with what is published under _domainkey.${domain}: ${replaced}`
    : keys.shared !== null
      ? `They share the key ${keys.shared}, which does not verify: look at what DNS publishes there since ${since} (withdrawn, replaced, cut short), and compare it with the key that signs.`
      : `Look first at what these senders share: the DKIM keys published under _domainkey.${domain} (${keys.all.length > 0 ? `${list(keys.all)} do not verify; ` : ''}a zone that lost its records or its delegation, a selector withdrawn or replaced) around ${since}.`;
  const record = records.shared ?? domain;
  const spf = `Look at what changed in the SPF record of ${record} around ${since} (a dropped include or address, more than 10 DNS lookups), and whether the return path (MAIL FROM) is still at ${domain}.`;
  const strict = (['adkim', 'aspf'] as const).filter(
    (tag) => publishedTag(policy, tag) === 's' && mechanism !== (tag === 'adkim' ? 'spf' : 'dkim'),
  );
  return [
    ...(mechanism === 'spf' ? [] : [dkim]),
    ...(mechanism === 'dkim' ? [] : [spf]),
    ...(source === null && keys.shared === null && strict.length > 0
      ? [
          `The published record asks for strict alignment (${strict.map((tag) => `${tag}=s`).join(', ')}): if that is new, it is what they all fail by.`,
        ]
      : []),
  ];
}

/** The names of one kind that these senders fail by: all of them, and the one that most of those share whose names are known. */
function common(parts: readonly BrokenSender[], which: (name: string) => boolean): { all: string[]; shared: string | null } {
  const sums = new Map<string, number>();
  const known = parts.filter(({ names }) => names?.some(which));
  for (const name of known.flatMap(({ names = [] }) => names.filter(which))) sums.set(name, (sums.get(name) ?? 0) + 1);
  const ranked = [...sums].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1));
  const shared = ranked.find(([, n]) => n * 2 > known.length)?.[0] ?? null;
  return { all: ranked.map(([name]) => name), shared };
}
