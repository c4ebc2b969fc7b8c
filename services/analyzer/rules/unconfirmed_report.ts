import type { Ending } from '../../findings/end-reasons.ts';
import { addDays, earlier } from '../../shared/days.ts';
import type { Candidate, KnownFinding } from '../../store/findings/findings.ts';
import { recordsQuery } from '../../store/findings/kind-queries.ts';
import { numbersOf } from '../unauthenticated/numbers.ts';
import { UNAUTHORIZED_DAYS } from '../unauthenticated/part.ts';
import { type Rise, riseOf } from '../unauthenticated/rise.ts';
import type { UndecidedRule } from './rule.ts';
import { openOf, type UndecidedWindow } from './window.ts';

const KIND = 'unconfirmed_report';
/** However much they report: it is a guess until a known reporter reports it too. */
const CERTAINTY = 0.2;
/** Reporters named in the evidence. */
const NAMED = 10;

/**
 * Reporters whose word decides nothing report unauthenticated mail that rises above their own habit, and no
 * deciding reporter does.
 *
 * It may be true: a small receiver may see an attack on its own users that no large one sees. Or somebody
 * wants it to be believed. So it is one finding for the domain, whatever they report and however many they
 * are; low, with little confidence, never mailed by itself, and marked as resting on them alone. No other
 * finding is opened, changed or ended by it.
 */
export const unconfirmedReport: UndecidedRule = {
  kind: KIND,
  scope: 'undecided',
  severity: ['low'],
  tested: false,
  find,
  over,
};

function find({ window, others, told }: UndecidedWindow): Candidate[] {
  if (window === null) return [];
  const rises = [
    ...(told.has('unauthorized_source') ? [] : [riseOf(window, 'domain')]),
    ...(told.has('subdomain_abuse') ? [] : [riseOf(window, 'below')]),
  ].filter((rise): rise is Rise => rise !== null);
  const [rise] = rises.sort((a, b) => messagesOf(b) - messagesOf(a));
  if (rise === undefined) return [];
  const open = openOf(window.known, KIND, window.domain);
  const { evidence } = numbersOf(window, { ...rise, open });
  const standings = new Map(others.map((one) => [one.reporter, one.standing]));
  const resting = evidence.reporters.map((reporter) => ({ reporter, standing: standings.get(reporter) ?? 'new' }));
  const since = open ? earlier(open.first_day, evidence.since) : evidence.since;
  return [
    {
      kind: KIND,
      subject: window.domain,
      severity: 'low',
      quiet: true,
      confidence: CERTAINTY,
      first_day: since,
      last_day: evidence.last_day,
      evidence: {
        ...evidence,
        since,
        resting_on: resting.slice(0, NAMED),
        facts: { rule: KIND },
        query: recordsQuery({ domain: window.domain, from: since, to: evidence.last_day, rows: 'unauthenticated' }),
      },
    },
  ];
}

/**
 * Over when deciding reporters report it, when those it rested on decide now, or when they report nothing for
 * as long as the rule looks back.
 */
function over(finding: KnownFinding, { window, others, told }: UndecidedWindow): Ending | null {
  if (told.has('unauthorized_source') || told.has('subdomain_abuse')) return { reason: 'confirmed' };
  const named = new Set((finding.evidence.resting_on ?? []).map(({ reporter }) => reporter));
  if (window === null || !others.some(({ reporter }) => named.has(reporter))) return { reason: 'reporters_decide' };
  return finding.last_day <= addDays(window.today, -UNAUTHORIZED_DAYS) ? { reason: 'unrepeated', days: UNAUTHORIZED_DAYS } : null;
}

function messagesOf({ told, others }: Rise): number {
  return told.reduce((n, one) => n + one.messages, others.failed);
}
