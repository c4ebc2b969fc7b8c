import { isDeepStrictEqual } from 'node:util';
import type { Ending } from '../../findings/end-reasons.ts';
import type { BrokenSender, MendedSender, TagChange } from '../../findings/figures.ts';
import { organizationalDomain } from '../../report/orgdomain.ts';
import { addDays, earlier, later } from '../../shared/days.ts';
import { short } from '../../shared/format.ts';
import { publishedTag } from '../../shared/policy.ts';
import type { Severity } from '../../shared/severity.ts';
import type { FailedCheck } from '../../store/analysis/signatures.ts';
import type { Candidate, KnownFinding } from '../../store/findings/findings.ts';
import { recordsQuery } from '../../store/findings/kind-queries.ts';

export const KIND = 'authentication_regression';
/**
 * The subject of an incident: the mechanism that its senders lost. A source is a domain or a network, and
 * never has these names.
 */
export const CAUSES = ['dkim', 'spf'] as const;
type Cause = (typeof CAUSES)[number];
/** Senders listed in `who`; the others are in `broken`. */
const TOLD = 20;
/** Senders kept in the evidence. Any beyond that are treated as if they were new. */
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
 * The senders of a domain that broke, put together by what they lost: a key that is gone, a record that was
 * changed, shows at every sender that rests on it, and is one thing to fix. The cause is the incident's name
 * from the first sender on, so that it does not matter which one was seen first or how often anybody looked:
 * who breaks later joins it (a change), and it is over when all of them are. A source whose DKIM broke is of
 * cause `dkim`, whatever its SPF did.
 */
export class BrokenSenders {
  private readonly domain: string;
  private readonly today: string;
  private readonly parts = new Map<string, BrokenSender>();
  private readonly causes = new Map<string, Cause>();
  /** Senders whose cause nobody has heard of: it is what it is found to be now. */
  private readonly unheard = new Set<string>();
  private readonly found: BrokenSender[] = [];
  /** Keys that verify nowhere any more, and those that do. */
  private readonly dead = new Set<string>();
  private readonly alive = new Set<string>();
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

  /** Those whose mail fails DMARC, and not merely one of the mechanisms. */
  get failingSources(): string[] {
    return [...this.parts.values()].filter(({ survives_on }) => survives_on === undefined).map(({ source }) => source);
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
    const sender = part.sender ?? this.parts.get(part.source)?.sender;
    this.parts.set(part.source, { ...part, ...(sender !== undefined && { sender }) });
    if (!this.causes.has(part.source) || this.unheard.has(part.source))
      this.causes.set(part.source, part.mechanism === 'spf' ? 'spf' : 'dkim');
    this.mended.delete(part.source);
  }

  /**
   * Names the keys and records by which those fail that were found now. @param checks what did not pass in
   * their mail
   */
  nameChecks(checks: readonly FailedCheck[]): void {
    for (const check of checks) {
      if (check.passed || check.mechanism !== 'dkim' || check.dead === null) continue;
      (check.dead ? this.dead : this.alive).add(short(keyName(check)));
    }
    for (const part of this.found) {
      const names = namesOf(this.domain, part, checks);
      const kept = this.parts.get(part.source);
      if (kept === undefined) continue;
      const unaligned = unalignedOf(this.domain, part, checks);
      const signed = unaligned.some(({ mechanism, own }) => mechanism === 'dkim' && own);
      const unsigned = !signed && (part.unsigned ?? isUnsigned(part, names, checks));
      const { unsigned: _, ...rest } = kept;
      this.parts.set(part.source, {
        ...rest,
        ...(names.length > 0 && { names }),
        ...(unsigned && { unsigned }),
        ...(unaligned.length > 0 && { unaligned }),
      });
    }
  }

  recover(source: string, ended: Ending): void {
    const cause = this.causes.get(source);
    if (!this.parts.delete(source) || cause === undefined || this.unheard.has(source)) return;
    this.mended.set(source, { source, day: this.today, ended, cause });
  }

  /** Notes whose part a source is: what breaks of one sender is one thing. */
  belongs(source: string, sender: string): void {
    const part = this.parts.get(source);
    if (part !== undefined && sender !== source) this.parts.set(source, { ...part, sender });
  }

  /** Why an incident is over: because all its senders are. Null while one is not. */
  ended(finding: KnownFinding): Ending | null {
    const senders = (finding.evidence.broken ?? []).map(({ source }) => source);
    if (senders.length === 0 || senders.some((source) => this.parts.has(source))) return null;
    const endings = senders.flatMap((source) => this.mended.get(source)?.ended ?? []);
    const [largest] = endings;
    if (largest === undefined || largest.reason === 'all_recovered') return { reason: 'none_fails' };
    const same = endings.length === senders.length && endings.every((one) => isDeepStrictEqual(one, largest));
    return same ? largest : { reason: 'all_recovered', senders: senders.length, largest };
  }

  /**
   * One finding a cause.
   * @param policy the published record, as most reporters saw it last
   * @param strengthened its tags whose value became stricter
   */
  candidates(policy: string | null, strengthened: readonly TagChange[] = []): Candidate[] {
    return CAUSES.flatMap((cause) => {
      const of = (source: string) => this.causes.get(source) === cause;
      const parts = [...this.parts.values()].filter(({ source }) => of(source)).sort(largestFirst);
      const mended = [...this.mended.values()]
        .filter((one) => one.cause === cause)
        .map(({ cause: _, ...one }) => one)
        .sort((a, b) => (a.source < b.source ? -1 : 1));
      return parts.length === 0
        ? []
        : [incidentOf({ domain: this.domain, cause, policy, strengthened, dead: this.dead, alive: this.alive }, parts, mended)];
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
    if (check.passed || check.source !== source || (mechanism !== 'both' && check.mechanism !== mechanism)) continue;
    if (organizationalDomain(check.domain) !== organization) continue;
    const name = check.mechanism === 'spf' ? check.domain : keyName(check);
    sums.set(short(name), (sums.get(short(name)) ?? 0) + check.messages);
  }
  const ranked = [...sums].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1));
  return ranked.slice(0, NAMES).map(([name]) => name);
}

/**
 * What passes in so much of the failing mail is why the mechanism is lost, or what fails in so much of it.
 */
const MOST = 0.5;

/**
 * What passes without alignment in most of the mail of a sender. A domain of the same organization counts
 * whatever else there is; a foreign one only where no signature or record of ours fails, as services sign for
 * themselves too.
 */
function unalignedOf(
  domain: string,
  { source, mechanism }: BrokenSender,
  checks: readonly FailedCheck[],
): NonNullable<BrokenSender['unaligned']> {
  const organization = organizationalDomain(domain);
  return (['dkim', 'spf'] as const).flatMap((lost) => {
    if (mechanism !== 'both' && mechanism !== lost) return [];
    const some = checks.filter((check) => check.source === source && check.mechanism === lost);
    const most = MOST * (some[0]?.of ?? 0);
    const isOwn = (check: FailedCheck) => organizationalDomain(check.domain) === organization;
    const largest = (own: boolean) => {
      const sums = new Map<string, number>();
      // As the domain itself it would be aligned: such a report contradicts itself.
      for (const check of some)
        if (check.passed && isOwn(check) === own && check.domain !== domain)
          sums.set(check.domain, (sums.get(check.domain) ?? 0) + check.messages);
      const [first] = [...sums].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1));
      return first !== undefined && first[1] >= most ? [{ mechanism: lost, domain: short(first[0]), own }] : [];
    };
    const ours = largest(true);
    const failed = some.reduce((n, check) => n + (!check.passed && isOwn(check) ? check.messages : 0), 0);
    return ours.length > 0 || failed >= most ? ours : largest(false);
  });
}

const isKey = (name: string) => name.includes('._domainkey.');

/** Whether records of its failing mail are there, and none has a signature of the domain's own. */
function isUnsigned({ source, mechanism }: BrokenSender, names: readonly string[], checks: readonly FailedCheck[]): boolean {
  return mechanism !== 'spf' && !names.some(isKey) && checks.some((check) => check.source === source);
}

function keyName({ selector, domain }: FailedCheck): string {
  return `${selector}._domainkey.${domain}`;
}

function largestFirst(a: BrokenSender, b: BrokenSender): number {
  return b.messages - a.messages || (a.source < b.source ? -1 : 1);
}

/** What is known of a cause beside its senders. */
interface Incident {
  domain: string;
  cause: Cause;
  policy: string | null;
  strengthened: readonly TagChange[];
  dead: ReadonlySet<string>;
  alive: ReadonlySet<string>;
}

/**
 * Caches keep an old record, and a reporter's day need not be ours: so near to its effect is a change of the
 * record.
 */
const NEAR_DAYS = 2;

/** The alignment tags that turned strict when the senders broke. */
function turnedStrict(changes: readonly TagChange[], parts: readonly BrokenSender[]) {
  return changes
    .filter(({ tag, to }) => (tag === 'adkim' || tag === 'aspf') && to === 's')
    .filter(({ since }) =>
      parts.some((part) => since >= addDays(part.since, -NEAR_DAYS) && since <= addDays(part.since, NEAR_DAYS)),
    )
    .map(({ tag, since }) => ({ tag: tag as 'adkim' | 'aspf', since }));
}

function incidentOf(
  { domain, cause, policy, strengthened, dead, alive }: Incident,
  parts: readonly BrokenSender[],
  mended: readonly MendedSender[],
): Candidate {
  const sum = (name: 'messages' | 'of' | 'per_day' | 'delivered' | 'quarantined' | 'rejected') =>
    parts.reduce((n, part) => n + part[name], 0);
  const messages = sum('messages');
  const since = parts.map((part) => part.since).reduce(earlier);
  const last_day = parts.map((part) => part.last_day).reduce(later);
  const mechanism = parts.some((part) => part.mechanism === 'both') ? 'both' : cause;
  const sources = parts.map(({ source }) => source);
  const names = [...new Set(parts.flatMap((part) => part.names ?? []))];
  return {
    kind: KIND,
    subject: cause,
    severity: severityOf(parts, cause),
    confidence: Math.max(...parts.map((part) => part.confidence)),
    first_day: since,
    last_day,
    evidence: {
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
      facts: {
        rule: KIND,
        dead: names.filter((name) => dead.has(name)),
        alive: names.filter((name) => alive.has(name) && !dead.has(name)),
        strict: (['adkim', 'aspf'] as const).filter((tag) => publishedTag(policy, tag) === 's'),
        turned: turnedStrict(strengthened, parts),
      },
      query: recordsQuery({
        domain,
        ...(sources.length <= TOLD && { sources }),
        from: since,
        to: last_day,
        rows: parts.some(({ survives_on }) => survives_on === undefined) ? 'failing' : 'all',
      }),
    },
  };
}

const DAYS_OF_WEEK = 7;
/**
 * A key that nothing verifies any more, while SPF hides it, is medium from so many messages a week on, where
 * it is this part of the mail of its senders.
 */
const HIDDEN = 100;
const HIDDEN_PART = 0.25;

function severityOf(parts: readonly BrokenSender[], cause: Cause): Severity {
  const failing = parts.filter(({ survives_on }) => survives_on === undefined);
  // A week of it at its pace: what merely goes on does not become more severe from day to day.
  const week = (some: readonly BrokenSender[], of: (part: BrokenSender) => number) =>
    some.reduce((n, part) => n + (DAYS_OF_WEEK * part.per_day * of(part)) / Math.max(1, part.messages), 0);
  if (failing.length === 0) {
    const hidden = parts.reduce((n, part) => n + part.messages, 0);
    const large = hidden >= HIDDEN_PART * parts.reduce((n, part) => n + part.of, 0);
    return cause === 'dkim' && week(parts, (part) => part.messages) >= HIDDEN && large ? 'medium' : 'low';
  }
  const messages = week(failing, (part) => part.messages);
  const lost = week(failing, (part) => part.quarantined + part.rejected);
  if (lost >= 1000) return 'critical';
  if (messages >= 100 || lost >= 20) return 'high';
  return 'medium';
}
