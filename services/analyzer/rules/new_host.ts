import type { Ending } from '../../findings/end-reasons.ts';
import { addDays, earlier } from '../../shared/days.ts';
import type { Candidate, KnownFinding } from '../../store/findings/findings.ts';
import { recordsQuery } from '../../store/findings/kind-queries.ts';
import { certainty, witnesses } from '../statistics/confidence.ts';
import { endOfNews, HISTORY, LEAST, NEWS } from './new_source.ts';
import type { SourceRule } from './rule.ts';
import { coveredRows, isEvidence, openOf, reportersOf, type SourceWindow, settledUntil, total } from './window.ts';

const KIND = 'new_source';
/**
 * The other own servers sign at least this part of their mail, and the new one at most this part of its own.
 */
const SIGNED = 0.95;
const UNSIGNED = 0.1;
const PASSING = 0.8;
/**
 * From so many messages, and such a part of the domain's mail, a machine that nobody set up is more severe.
 */
const GRAVE = 100;
const LARGE = 0.1;
/** How likely it is that the owner set it up and forgot to let it sign. */
const OURS = 0.3;

/**
 * One of the own servers by its confirmed name, never seen before, whose mail passes by SPF alone while the
 * others sign: a web host that the SPF record names (`a`, `mx`, RFC 7208 section 5.3) and that somebody broke
 * into, or a form that nobody remembers. A server that signs as the others do is no news.
 */
export const newHost: SourceRule = {
  kind: KIND,
  facts: 'new_host',
  scope: 'source',
  severity: ['low', 'medium'],
  tested: true,
  yieldsTo: ['unauthorized_source', 'alignment_failure'],
  find,
  over,
};

function find(window: SourceWindow): Candidate[] {
  const { domain, source, listed, broken, own, signs, firstSeen } = window;
  if (listed !== null || broken || !own || signs == null || signs < SIGNED || window.rows.length === 0) return [];
  const first = window.rows.map(({ day }) => day).reduce(earlier);
  const open = openOf(window.known, KIND, source);
  if (!open) {
    if (first < addDays(window.today, 1 - NEWS) || settledUntil(window.known, KIND, source) !== '') return [];
    if (firstSeen !== null && firstSeen < first) return [];
    if (window.attendance.first === '' || window.attendance.first > addDays(first, -HISTORY)) return [];
  }
  const rows = open ? window.rows : coveredRows(window);
  const sum = total(rows);
  if (sum.passed < LEAST || sum.passed < PASSING * sum.messages || sum.dkim_aligned > UNSIGNED * sum.passed) return [];
  const days = [...new Set(rows.map(({ day }) => day))].sort();
  const reporters = reportersOf(rows);
  if (!open && !isEvidence({ messages: sum.passed, reporters, days: days.length }, window.domainDays, LEAST)) return [];
  const last_day = days.at(-1)!;
  const all = window.domainDays.reduce((n, { day, messages }) => n + (day >= first ? messages : 0), 0);
  const of = Math.max(all, sum.passed);
  return [
    {
      kind: KIND,
      subject: source,
      severity: sum.passed >= GRAVE && sum.passed >= LARGE * of ? 'medium' : 'low',
      confidence: certainty({ otherwise: OURS, witnesses: witnesses(rows) }),
      first_day: first,
      last_day,
      evidence: {
        who: [{ source, messages: sum.passed, delivered: Math.min(sum.passed, sum.delivered) }],
        senders: 1,
        messages: sum.passed,
        of,
        share: sum.passed / of,
        per_day: sum.passed / days.length,
        since: first,
        last_day,
        reporters,
        usual: 0,
        delivered: sum.delivered,
        quarantined: sum.quarantined,
        rejected: sum.rejected,
        facts: { rule: 'new_host', host: window.host ?? null },
        query: recordsQuery({ domain, source, from: first, to: last_day, rows: 'all' }),
      },
    },
  ];
}

/** Resolved like a new sender: when it is known, or has been silent for as long as the rule looks back. */
function over(finding: KnownFinding, window: SourceWindow): Ending | null {
  if (window.listed !== null) return { reason: 'listed' };
  if (window.broken) return { reason: 'regressed' };
  return endOfNews(finding, window);
}
