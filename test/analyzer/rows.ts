import type { DomainWindow, SenderWindow, SourceWindow } from '../../services/analyzer/rules/window.ts';
import type { SenderData } from '../../services/analyzer/senders/units.ts';
import { levelOf, onceLevelOf } from '../../services/analyzer/statistics/budget.ts';
import { Attendance } from '../../services/analyzer/statistics/habit.ts';
import type { Words } from '../../services/findings/kinds/kind.ts';
import { wordsOf } from '../../services/findings/sentences/finding.ts';
import { addDays } from '../../services/shared/days.ts';

import type { SeenSource } from '../../services/store/analysis/senders.ts';
import type { DomainDay, Network, PolicyDay, ReporterDay, SourceDay } from '../../services/store/analysis/window-reads.ts';
import type { Candidate, KnownFinding } from '../../services/store/findings/findings.ts';

const BUDGET = { perMonth: 1, kinds: 8 };
export const DOMAIN = 'example.com';
/** A Friday. */
export const TODAY = '2026-05-29';
export const REPORTERS = ['google.com', 'outlook.com', 'yahoo.com'];

/** The day `n` before TODAY. */
export const ago = (n: number): string => addDays(TODAY, -n);

/** Rows of the kind `below` say of their unauthenticated mail that it came from below the domain. */
const belowOf = (r: SourceDay & { failed_subdomain?: number }): number => r.failed_subdomain ?? 0;

type Kind =
  | 'below'
  | 'dkim'
  | 'spf'
  | 'both'
  | 'unauthenticated'
  | 'foreign'
  | 'foreignSpf'
  | 'foreignDkim'
  | 'list'
  | 'forwardedPass';

const SHAPES: Record<Kind, (n: number) => Partial<SourceDay> & { failed_subdomain?: number }> = {
  below: (n) => ({ failed_unauthenticated: n, rejected: n, failed_subdomain: n }),
  dkim: (n) => ({ passed: n, dkim_aligned: n, delivered: n }),
  spf: (n) => ({ passed: n, spf_aligned: n, delivered: n }),
  both: (n) => ({ passed: n, dkim_aligned: n, spf_aligned: n, delivered: n }),
  unauthenticated: (n) => ({ failed_unauthenticated: n, rejected: n }),
  foreign: (n) => ({
    failed_authenticated: n,
    failed_foreign_dkim: n,
    failed_foreign_spf: n,
    delivered: n,
    failed_delivered: n,
    signing_domain: 'service.example',
  }),
  foreignSpf: (n) => ({ failed_authenticated: n, failed_foreign_spf: n, delivered: n, failed_delivered: n }),
  foreignDkim: (n) => ({
    failed_authenticated: n,
    failed_foreign_dkim: n,
    delivered: n,
    failed_delivered: n,
    signing_domain: 'service.example',
  }),
  list: (n) => ({ failed_forwarded: n, forwarded: n, delivered: n, failed_delivered: n, failed_foreign_spf: n }),
  forwardedPass: (n) => ({ passed: n, dkim_aligned: n, forwarded: n, delivered: n }),
};

/** A rollup row of `n` messages of one kind. */
export function row(day: string, kind: Kind, n: number, extra: Partial<SourceDay> = {}): SourceDay {
  return {
    source: 'service.example',
    day,
    reporter: 'google.com',
    messages: n,
    passed: 0,
    dkim_aligned: 0,
    spf_aligned: 0,
    forwarded: 0,
    failed_forwarded: 0,
    failed_authenticated: 0,
    failed_unauthenticated: 0,
    failed_foreign_dkim: 0,
    failed_foreign_spf: 0,
    delivered: 0,
    quarantined: 0,
    rejected: 0,
    failed_delivered: 0,
    dkim_broken: 0,
    failed_signed: 0,
    failed_list: 0,
    spf_permerror: 0,
    spf_temperror: 0,
    signing_domain: null,
    ...SHAPES[kind](n),
    ...extra,
  };
}

/** Rows of `n` messages a day and reporter, from `from` to `to` days ago (from is the older). */
export function span(
  from: number,
  to: number,
  kind: Kind,
  n: number,
  reporters = REPORTERS,
  extra: Partial<SourceDay> = {},
): SourceDay[] {
  const rows: SourceDay[] = [];
  for (let d = from; d >= to; d--) for (const reporter of reporters) rows.push(row(ago(d), kind, n, { reporter, ...extra }));
  return rows;
}

/** Two rows of one key are one row in the table: adds them up. */
export function merged(rows: readonly SourceDay[]): SourceDay[] {
  const byKey = new Map<string, SourceDay>();
  for (const one of rows) {
    const key = JSON.stringify([one.source, one.day, one.reporter]);
    const before = byKey.get(key);
    if (!before) byKey.set(key, { ...one });
    else {
      for (const name of Object.keys(one) as (keyof SourceDay)[]) {
        const value = one[name];
        if (typeof value === 'number') (before[name] as number) += value;
        else if (name === 'signing_domain') before.signing_domain ??= one.signing_domain;
      }
    }
  }
  return [...byKey.values()];
}

/**
 * The domain's report days as the table would tell them: these rows, and `others` messages a day of other
 * sources.
 */
export function domainDays(rows: readonly SourceDay[], others = 1000, days = 42): DomainDay[] {
  const result: DomainDay[] = [];
  for (let d = 0; d < days && result.length < 14; d++) {
    const of = rows.filter((r) => r.day === ago(d));
    const messages = others + of.reduce((n, r) => n + r.messages, 0);
    if (messages > 0)
      result.push({
        day: ago(d),
        messages,
        reporters: [...new Set([...(others > 0 ? REPORTERS : []), ...of.map((r) => r.reporter)])],
      });
  }
  return result;
}

/**
 * What each reporter tells of each day: these rows, and `others` messages a day of other sources divided
 * among them.
 */
export function reporterDays(rows: readonly SourceDay[], others = 1000, days = 42): ReporterDay[] {
  const background = new Set(
    [...new Set(rows.map((r) => r.source))].filter((source) => {
      const of = rows.filter((r) => r.source === source);
      return of.reduce((n, r) => n + r.failed_unauthenticated - r.passed, 0) > 0;
    }),
  );
  const sums = new Map<string, number>();
  for (const r of rows) sums.set(r.source, (sums.get(r.source) ?? 0) + 2 * belowOf(r) - r.failed_unauthenticated);
  const lowly = new Set([...sums].filter(([, n]) => n > 0).map(([source]) => source));
  const result: ReporterDay[] = [];
  for (let d = days - 1; d >= 0; d--) {
    for (const reporter of REPORTERS) {
      const of = rows.filter((r) => r.day === ago(d) && r.reporter === reporter);
      const forged = of.filter((r) => background.has(r.source) && r.failed_unauthenticated > 0);
      const below = forged.filter((r) => lowly.has(r.source));
      const even = Math.floor(others / REPORTERS.length);
      const share = reporter === REPORTERS[0] ? others - even * (REPORTERS.length - 1) : even;
      const messages = share + of.reduce((n, r) => n + r.messages, 0);
      if (messages === 0) continue;
      result.push({
        day: ago(d),
        reporter,
        messages,
        background: forged.reduce((n, r) => n + r.failed_unauthenticated, 0),
        networks: new Set(forged.map((r) => r.source)).size,
        background_below: below.reduce((n, r) => n + r.failed_unauthenticated, 0),
        networks_below: new Set(below.map((r) => r.source)).size,
        contradicted: 0,
        dkim_aligned: share + of.reduce((n, r) => n + r.dkim_aligned, 0),
        spf_aligned: share + of.reduce((n, r) => n + r.spf_aligned, 0),
      });
    }
  }
  return result;
}

export function sourceWindow(rows: readonly SourceDay[], extra: Partial<SourceWindow> = {}): SourceWindow {
  const all = merged(rows);
  return {
    domain: DOMAIN,
    source: rows[0]?.source ?? 'service.example',
    from: ago(41),
    today: TODAY,
    rows: all,
    domainDays: domainDays(all),
    reporterDays: reporterDays(all),
    attendance: new Attendance(reporterDays(all)),
    firstSeen: null,
    level: levelOf(BUDGET, 10),
    onceLevel: onceLevelOf(BUDGET, 1),
    borrowed: null,
    keys: null,
    relayed: 0,
    uses: false,
    policy: 'p=none; adkim=r; aspf=r',
    sender: null,
    listed: null,
    own: false,
    broken: false,
    known: [],
    ...extra,
  };
}

/** The window of a sender that is one source. */
export function senderWindow(rows: readonly SourceDay[], extra: Partial<SenderWindow> = {}): SenderWindow {
  const window = sourceWindow(rows, extra);
  const of = senderData(window.source, window.rows, { firstSeen: window.firstSeen });
  return { ...window, of, senders: [of], keyUses: [], ...extra };
}

/** A sender with one source, unless `extra` says more. */
export function senderData(key: string, rows: readonly SourceDay[], extra: Partial<SenderData> = {}): SenderData {
  const days = [...new Set(rows.map(({ day }) => day))].sort();
  const sum = (of: 'messages' | 'passed' | 'dkim_aligned' | 'spf_aligned' | 'delivered', day?: string) =>
    rows.reduce((n, one) => n + (day === undefined || one.day === day ? one[of] : 0), 0);
  const source: SeenSource = {
    source: key,
    name: null,
    identified_by: null,
    grouped_as: null,
    asn: null,
    class: null,
    first_day: days[0] ?? '',
    last_day: days.at(-1) ?? '',
    messages: sum('messages'),
    passed: sum('passed'),
    dkim_aligned: sum('dkim_aligned'),
    spf_aligned: sum('spf_aligned'),
    examined_at: null,
    recent: days
      .filter((day) => day >= ago(13))
      .map((day) => ({ day, messages: sum('messages', day), delivered: sum('delivered', day) })),
  };
  return {
    key,
    name: key,
    service: null,
    grouped: false,
    sources: [source],
    rows,
    unnamed: false,
    firstSeen: days[0] ?? null,
    ...extra,
  };
}

/** Rows of sources without authentication, as loadNetworks would give them. */
export function networks(rows: readonly SourceDay[], days = 7): Network[] {
  const recent = new Set(Array.from({ length: days }, (_, d) => ago(d)));
  const bySource = new Map<string, Network>();
  for (const r of rows) {
    if (!recent.has(r.day)) continue;
    const network = bySource.get(r.source) ?? { source: r.source, days: [], before: beforeOf(rows, r.source, recent) };
    bySource.set(r.source, network);
    let day = network.days.find((d) => d.day === r.day);
    if (!day) {
      day = { day: r.day, passed: 0, failed: 0, below: 0, delivered: 0, quarantined: 0, rejected: 0, reporters: [] };
      network.days.push(day);
    }
    day.passed += r.passed;
    day.failed += r.failed_unauthenticated;
    day.below += belowOf(r);
    day.delivered += r.failed_delivered;
    day.quarantined += r.quarantined;
    day.rejected += r.rejected;
    if (r.failed_unauthenticated > 0) day.reporters = [...new Set([...day.reporters, r.reporter])].sort();
  }
  return [...bySource.values()].filter((n) => n.days.some((d) => d.failed > 0));
}

function beforeOf(rows: readonly SourceDay[], source: string, recent: ReadonlySet<string>): Network['before'] {
  const of = rows.filter((r) => r.source === source && !recent.has(r.day));
  return {
    passed: of.reduce((n, r) => n + r.passed, 0),
    failed: of.reduce((n, r) => n + r.failed_unauthenticated, 0),
    days: new Set(of.filter((r) => r.passed > 0).map((r) => r.day)).size,
  };
}

const NONE = { networks: 0, failed: 0, days: [] };

export function domainWindow(rows: readonly SourceDay[], extra: Partial<DomainWindow> = {}): DomainWindow {
  return {
    domain: DOMAIN,
    from: ago(41),
    today: TODAY,
    domainDays: domainDays(rows),
    reporterDays: reporterDays(rows),
    attendance: new Attendance(reporterDays(rows)),
    budget: BUDGET,
    networks: { largest: networks(rows), others: NONE, others_below: NONE },
    names: { largest: [], names: 0 },
    policyDays: [],
    policy: 'p=reject',
    excluded: new Set(),
    known: [],
    ...extra,
  };
}

/**
 * What each reporter says of the policy: `policies[i]` is that of the day i before the last listed, oldest
 * first.
 */
export function policyDays(reporter: string, policies: readonly (string | null)[], newest = 0): PolicyDay[] {
  return policies.flatMap((policy, i) =>
    policy === null ? [] : [{ day: ago(newest + policies.length - 1 - i), reporter, policy, reports: 1 }],
  );
}

/** The words of what a rule found. */
export function wordsFor(candidate: Candidate | undefined): Words {
  return wordsOf({ domain: DOMAIN, summary: '', ...candidate! });
}

/** A finding on file as the candidate would have left it. */
export function onFile(candidate: Candidate, extra: Partial<KnownFinding> = {}): KnownFinding {
  return {
    ...candidate,
    finding_key: 1,
    summary: wordsFor(candidate).summary,
    state: 'open',
    revision: 1,
    told: { severity: candidate.severity, evidence: candidate.evidence },
    heard: true,
    pending: false,
    waiting: [],
    acknowledged: false,
    snoozed: false,
    ...extra,
  };
}
