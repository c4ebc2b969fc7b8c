import { addDays } from '../../shared/days.ts';
import { byGravity } from '../../shared/severity.ts';
import type { ListedFinding } from '../../store/findings/list.ts';
import { words } from '../page-words/en.ts';
import { day } from './format.ts';

/**
 * The gravest open finding of a domain that nobody has acknowledged or snoozed, or that goes on although
 * somebody resolved it.
 */
export interface Gravest {
  finding_key: number;
  severity: string;
  kind: string;
  /** Who resolved it; null while it is open. */
  resolved_by: string | null;
  /** Receivers delivered none of the forged mail that it is about: there is nothing to do but to look. */
  kept_out: boolean;
}

/** What the next step of a domain rests on. */
export interface Standing {
  last_report_at: Date | null;
  gravest: Gravest | null;
  /** What the view of postures says is next, and the sentence about it; null before the first analysis. */
  next_step: string | null;
  advice: string | null;
}

/** What to do about a domain first: the same on the overview, on its page and in its monthly report. */
export interface NextStep {
  /** A few words, for a list. */
  short: string;
  /** The whole of it. */
  sentence: string;
  /** The finding that it is about. */
  finding: Gravest | null;
  /** Whether the sentence is the advice of the posture. */
  advised: boolean;
  /** Nothing is left to do. */
  done: boolean;
}

/** Without a report for so many days, none come. */
const SILENT_DAYS = 8;
/** Steps that are taken although no reports come, as they are what brings them, or need none. */
const WITHOUT_REPORTS = new Set(['publish_dmarc', 'ask_for_reports', 'park', 'fix_records']);
/** Steps that can wait for findings. */
const LATER = new Set(['keep', 'gather_reports', 'publish_tls_rpt', 'publish_mta_sts', 'publish_bimi']);

export function nextStepOf({ last_report_at, gravest, next_step, advice }: Standing, today: string): NextStep {
  const w = words.next;
  const of = (short: string, sentence: string, more: Partial<NextStep> = {}): NextStep => ({
    short,
    sentence,
    finding: null,
    advised: false,
    done: false,
    ...more,
  });
  const advised = (more: Partial<NextStep> = {}) =>
    of(w.steps[next_step ?? ''] ?? w.other, advice ?? '', { advised: true, ...more });
  const shortOf = ({ finding_key, resolved_by, kept_out }: Gravest) =>
    (resolved_by !== null ? w.goes_on : kept_out ? w.kept_out : w.finding)(finding_key);
  const aboutFinding = (finding: Gravest) => {
    const kind = words.kinds[finding.kind] ?? finding.kind;
    const { resolved_by: by } = finding;
    const says = finding.kept_out ? w.kept_out_says(finding, kind) : w.finding_says(finding, kind);
    return of(shortOf(finding), by === null ? says : w.goes_on_says(finding, kind, by), { finding });
  };
  const grave = gravest !== null && (gravest.severity === 'critical' || gravest.severity === 'high');
  if (next_step === 'mend_senders') {
    if (!grave) return advised();
    const by = gravest.resolved_by;
    const sentence = by === null ? (advice ?? '') : `${advice ?? ''} ${w.goes_on_by(gravest.finding_key, by)}`;
    return advised({ short: shortOf(gravest), finding: gravest, sentence });
  }
  if (gravest?.severity === 'critical' && next_step !== 'fix_records') return aboutFinding(gravest);
  const silent = last_report_at === null || day(last_report_at) < addDays(today, -SILENT_DAYS);
  if (silent && !WITHOUT_REPORTS.has(next_step ?? '')) return of(w.no_reports, w.no_reports_says);
  if (next_step !== null && !LATER.has(next_step)) return advised();
  if (gravest !== null && gravest.severity !== 'info') return aboutFinding(gravest);
  if (next_step !== null) return advised({ done: next_step === 'keep' });
  return of(w.nothing, w.nothing_says, { done: true });
}

/** The same of what the pages of one domain have read anyway. @param findings those that are open */
export function stepOfDomain(
  { last_report_at }: Pick<Standing, 'last_report_at'>,
  posture: Pick<Standing, 'next_step' | 'advice'> | null,
  findings: Parameters<typeof gravestOf>[0],
  today: string,
): NextStep {
  const { next_step, advice } = posture ?? { next_step: null, advice: null };
  return nextStepOf({ last_report_at, gravest: gravestOf(findings), next_step, advice }, today);
}

/** The finding that the next step may be about, of findings that are sorted with the gravest first. */
export function gravestOf(
  findings: readonly Pick<
    ListedFinding,
    'finding_key' | 'severity' | 'kind' | 'state' | 'acknowledged_at' | 'snoozed_until' | 'resolved_by' | 'goes_on' | 'kept_out'
  >[],
): Gravest | null {
  const standing = findings.filter((one) =>
    one.state === 'open' ? one.acknowledged_at === null && one.snoozed_until === null : one.goes_on === true,
  );
  // What is for information is no step; what is kept out is one, after all that asks for more.
  const later = (one: (typeof standing)[number]) => Number(one.severity === 'info' || one.kept_out === true);
  const [first] = standing.sort((a, b) => later(a) - later(b) || byGravity(a, b));
  if (first === undefined) return null;
  const { finding_key, severity, kind, state, resolved_by = null, kept_out = false } = first;
  return { finding_key, severity, kind, resolved_by: state === 'open' ? null : resolved_by, kept_out };
}
