import { parsePolicy } from '../../shared/policy.ts';
import type { PolicyDayLine } from '../../store/console/domain.ts';
import { words } from '../page-words/en.ts';
import { type Table, tableOf } from '../tables.ts';

/** Days on which reports found one policy. */
export interface PolicySpan {
  policy: string;
  from: string;
  to: string;
  /** Reports of these days that found it, and all of them. */
  reports: number;
  all: number;
}

/**
 * What a policy says of mail as the domain, as names below it, and as such as do not exist; however a
 * reporter spells that.
 */
function tagsOf(text: string): string {
  const { p, sp, np } = parsePolicy(text);
  if (p === null) return '';
  return [`p=${p}`, ...(sp !== p ? [`sp=${sp}`] : []), ...(np !== sp ? [`np=${np}`] : [])].join('; ');
}

/** How the policy changed: each day has the one that most of its reports found. The newest comes first. */
export function policySpans(days: readonly PolicyDayLine[]): PolicySpan[] {
  const byDay = new Map<string, Map<string, number>>();
  for (const { day, policy, reports } of days) {
    const tags = tagsOf(policy);
    if (tags === '') continue;
    const of = byDay.get(day) ?? new Map<string, number>();
    byDay.set(day, of.set(tags, (of.get(tags) ?? 0) + reports));
  }
  const spans: PolicySpan[] = [];
  for (const [day, found] of [...byDay].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const [policy, reports] = [...found].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1))[0]!;
    const all = [...found.values()].reduce((sum, n) => sum + n, 0);
    const last = spans.at(-1);
    if (last?.policy !== policy) spans.push({ policy, from: day, to: day, reports, all });
    else spans[spans.length - 1] = { ...last, to: day, reports: last.reports + reports, all: last.all + all };
  }
  return spans.reverse();
}

export function policyTable(spans: readonly PolicySpan[]): Table {
  const w = words.domain;
  return tableOf<PolicySpan>(
    'policies',
    [
      { key: 'policy', label: w.policy, as: 'head', of: (one) => one.policy },
      { key: 'from', label: w.from, as: 'date', of: (one) => one.from },
      { key: 'to', label: w.to, as: 'date', of: (one) => one.to },
      { key: 'reports', label: w.policy_reports, as: 'number', of: (one) => one.reports },
      { key: 'reports_in_all', label: w.policy_all, as: 'number', of: (one) => one.all },
    ],
    spans,
  );
}
