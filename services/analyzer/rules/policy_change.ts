import type { Ending } from '../../findings/end-reasons.ts';
import type { TagChange } from '../../findings/figures.ts';
import { addDays } from '../../shared/days.ts';
import { parsePolicy, strength, TAGS, type Tag } from '../../shared/policy.ts';
import type { PolicyDay } from '../../store/analysis/window-reads.ts';
import type { Candidate, KnownFinding } from '../../store/findings/findings.ts';
import { policyQuery } from '../../store/findings/kind-queries.ts';
import { commonest } from '../policy.ts';
import { certainty } from '../statistics/confidence.ts';
import type { DomainRule } from './rule.ts';
import { type DomainWindow, openOf } from './window.ts';

const KIND = 'policy_change';
/** How long caches of DNS and of reporters may show the old policy. */
const STALE_DAYS = 2;

/** A tag whose value changed in the eyes of enough reporters. */
interface Change extends TagChange {
  tag: Tag;
  /** The newest day on which one of them reported the new value. */
  last_day: string;
  reporters: string[];
}

/**
 * The policy that receivers found published (RFC 9989 section 4.7) changed between report days.
 *
 * Each reporter is compared with itself, so that two spellings of one policy are no change. Two reporters
 * must agree on the new value, or the only one that reports since must show it on two days. Those that still
 * show the old one later than STALE_DAYS after the change outvote the others when they are more.
 *
 * A weakening (p, sp or np lower, pct lower, t=y, alignment from strict to relaxed) is a finding that stays
 * open until the policy is back at the strength it had: an unmended weakness does not become right by
 * lasting. A strengthening is recorded as `info`, settled at once, and mailed to nobody.
 */
export const policyChange: DomainRule = {
  kind: KIND,
  scope: 'domain',
  severity: ['info', 'medium', 'high'],
  tested: false,
  find,
  over,
};

function find(window: DomainWindow): Candidate[] {
  const open = openOf(window.known, KIND, window.domain);
  const changes = withoutFollowers(policyChanges(window.policyDays));
  const weaker = withOpen(changes, open).filter((change) => order(change.tag, change.to) < order(change.tag, change.from));
  if (weaker.length > 0) return [candidate(window, weaker, false)];
  if (open) return [];

  const newest = window.known.find((f) => f.kind === KIND && f.subject === window.domain);
  const settled = newest?.evidence.resolved_day ?? newest?.last_day ?? '';
  const stronger = changes.filter(
    (change) => order(change.tag, change.to) > order(change.tag, change.from) && change.since > settled,
  );
  return stronger.length > 0 ? [candidate(window, stronger, true)] : [];
}

/** Resolved when each tag that was weakened is at its old strength again, or beyond. */
function over(finding: KnownFinding, window: DomainWindow): Ending | null {
  const changes = policyChanges(window.policyDays);
  const returned = (finding.evidence.tags ?? []).map((was) =>
    changes.find((now) => now.tag === was.tag && now.since > was.since && order(now.tag, now.to) >= order(now.tag, was.from)),
  );
  if (returned.length === 0 || returned.some((change) => change === undefined)) return null;
  const since = returned
    .map((change) => change!.since)
    .sort()
    .at(-1)!;
  return { reason: 'policy_restored', tags: returned.map((change) => `${change!.tag}=${change!.to}`), since };
}

/** Unpublished, `sp` follows `p` and `np` follows `sp`: what changed with its default is reported once. */
function withoutFollowers(changes: readonly Change[]): Change[] {
  const same = (a: Change, tag: Tag) => changes.some((b) => b.tag === tag && b.from === a.from && b.to === a.to);
  return changes.filter((c) => !((c.tag === 'sp' && same(c, 'p')) || (c.tag === 'np' && (same(c, 'sp') || same(c, 'p')))));
}

/**
 * With a finding open, each of its tags is still measured against the value it had before the first
 * weakening.
 */
function withOpen(changes: readonly Change[], open: KnownFinding | undefined): Change[] {
  const old = open?.evidence.tags ?? [];
  const merged = changes.map((change) => {
    const was = old.find(({ tag }) => tag === change.tag);
    return was && change.since >= was.since ? { ...change, from: was.from, since: was.since } : change;
  });
  for (const was of old) {
    if (merged.some(({ tag }) => tag === was.tag)) continue;
    merged.push({ ...was, tag: was.tag as Tag, last_day: open!.last_day, reporters: open!.evidence.reporters });
  }
  return merged;
}

function candidate(window: DomainWindow, told: readonly Change[], stronger: boolean): Candidate {
  const { domain } = window;
  const tags = told.map(({ tag, from, to, since }): TagChange => ({ tag, from, to, since }));
  const since = told.map((c) => c.since).sort()[0]!;
  const newest = told
    .map((c) => c.last_day)
    .sort()
    .at(-1)!;
  const reporters = [...new Set(told.flatMap((c) => c.reporters))].sort();
  const known = window.policyDays.filter((row) => row.day >= since);
  const all = new Set(known.map((row) => row.reporter)).size;
  const reports = known.reduce((n, row) => n + row.reports, 0);
  return {
    kind: KIND,
    subject: domain,
    severity: stronger ? 'info' : told.some((c) => c.tag === 'p' && c.to === 'none') ? 'high' : 'medium',
    confidence: certainty({ witnesses: reporters.length }),
    first_day: since,
    last_day: stronger ? since : newest,
    evidence: {
      who: [],
      senders: 0,
      messages: 0,
      of: 0,
      share: reporters.length / Math.max(1, all),
      per_day: 0,
      since,
      last_day: newest,
      reporters,
      delivered: 0,
      quarantined: 0,
      rejected: 0,
      tags,
      facts: { rule: KIND, stronger, reports },
      query: policyQuery(domain, addDays(since, -7), newest),
    },
  };
}

/** The newest change of each tag that enough reporters agree on. */
export function policyChanges(policyDays: readonly PolicyDay[]): Change[] {
  const timelines = timelinesOf(policyDays);
  const changes: Change[] = [];
  for (const tag of TAGS) {
    const seen = [...timelines].map(([reporter, line]) => ({ reporter, ...lastStep(tag, line) })).filter((s) => s.to !== null);
    const byValue = new Map<string, typeof seen>();
    for (const step of seen) if (step.from !== null) byValue.set(step.to!, [...(byValue.get(step.to!) ?? []), step]);
    const found: Change[] = [];
    for (const [to, steps] of byValue) {
      const starts = steps.map((s) => s.since).sort();
      // The day from which two agree: one of them may date its reports a day early.
      const since = starts[1] ?? starts[0]!;
      const active = seen.filter((s) => s.last_day >= since);
      const alone = steps.length === 1 && active.length === 1 && steps[0]!.days >= 2;
      const stale = active.filter((s) => s.to !== to && s.last_day >= addDays(since, STALE_DAYS)).length;
      // Reporters that know nothing but the new value confirm it.
      const confirming = active.filter((s) => s.to === to).length;
      if ((steps.length >= 2 || alone) && stale <= confirming) {
        found.push({
          tag,
          from: commonest(steps.map((s) => s.from!))!,
          to,
          since,
          last_day: steps
            .map((s) => s.last_day)
            .sort()
            .at(-1)!,
          reporters: steps.map((s) => s.reporter).sort(),
        });
      }
    }
    found.sort((a, b) => (a.since < b.since ? 1 : a.since > b.since ? -1 : b.reporters.length - a.reporters.length));
    if (found[0]) changes.push(found[0]);
  }
  return changes;
}

type Timeline = { day: string; policy: string }[];

function timelinesOf(policyDays: readonly PolicyDay[]): Map<string, Timeline> {
  const timelines = new Map<string, Timeline>();
  const sorted = [...policyDays].sort((a, b) => (a.day < b.day ? -1 : a.day > b.day ? 1 : a.policy < b.policy ? -1 : 1));
  for (const { reporter, day, policy } of sorted) {
    const line = timelines.get(reporter) ?? [];
    line.push({ day, policy });
    timelines.set(reporter, line);
  }
  return timelines;
}

/**
 * The last step of one reporter's values: what it last showed, since when without interruption and on how
 * many days, and what came before. On the day of a change a reporter may show both; then the old one is taken
 * as the first.
 */
function lastStep(
  tag: Tag,
  line: Timeline,
): { from: string | null; to: string | null; since: string; last_day: string; days: number } {
  const byDay = new Map<string, string[]>();
  for (const { day, policy } of line) {
    const value = parsePolicy(policy)[tag];
    if (strength(tag, value) !== null) byDay.set(day, [...new Set([...(byDay.get(day) ?? []), value!])]);
  }
  let steps: { value: string; since: string; days: number }[] = [];
  let last_day = '';
  for (const [day, values] of byDay) {
    const current = steps.at(-1)?.value;
    const ordered =
      current !== undefined && values.includes(current) ? [current, ...values.filter((v) => v !== current)] : values;
    for (const value of ordered) {
      const step = steps.at(-1);
      if (step?.value === value) step.days++;
      else steps = [...steps, { value, since: day, days: 1 }];
    }
    last_day = day;
  }
  const to = steps.at(-1);
  return { from: steps.at(-2)?.value ?? null, to: to?.value ?? null, since: to?.since ?? '', last_day, days: to?.days ?? 0 };
}

function order(tag: Tag, value: string): number {
  return strength(tag, value) ?? -1;
}
