import { addDays, earlier } from '../../shared/days.ts';
import { type Candidate, type KnownFinding, recordsQuery } from '../../store/findings/findings.ts';
import type { Standing } from '../standing.ts';
import { count, list, short } from '../text.ts';
import { openOf, type UndecidedWindow } from '../window.ts';
import type { UndecidedRule } from './rule.ts';
import { numbersOf, type Rise, riseOf, UNAUTHORIZED_DAYS } from './unauthorized_source.ts';

const KIND = 'unconfirmed_report';
/** However much they tell of: it is a guess until somebody known tells of it too. */
const CERTAINTY = 0.2;
/** Reporters named in the evidence. */
const NAMED = 10;

/**
 * Reporters whose word decides nothing tell of unauthenticated mail that rises above their own habit, and nobody whose word counts does.
 *
 * It may be true: a small receiver sees an attack on its own people that no large one sees. Or somebody wants it to be believed. So it is one finding for
 * the domain, whatever they tell and however many they are; low, of little certainty, never mailed by itself, and marked as resting on them
 * alone. No other finding is opened, changed or ended by it.
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
  const { who, first, evidence } = numbersOf(window, { ...rise, open });
  const standings = new Map(others.map((one) => [one.reporter, one.standing]));
  const resting = evidence.reporters.map((reporter) => ({ reporter, standing: standings.get(reporter) ?? 'new' }));
  const since = open ? earlier(open.first_day, evidence.since) : evidence.since;
  const domain = short(window.domain);
  return [
    {
      kind: KIND,
      subject: window.domain,
      severity: 'low',
      quiet: true,
      confidence: CERTAINTY,
      first_day: since,
      last_day: evidence.last_day,
      summary: `${inWords(resting)} ${resting.length === 1 ? 'alone tells' : 'alone tell'} of unauthenticated mail as ${domain}: ${count(evidence.messages, 'message')} since ${since}`,
      evidence: {
        what: `${count(evidence.messages, 'message')} in the name of ${domain} from ${who} had neither a passing SPF nor a passing DKIM of anybody. This rests on the word of ${inWords(resting)} alone${standingInWords(resting)}.`,
        ...evidence,
        since,
        resting_on: resting.slice(0, NAMED),
        advice: [
          'Nothing else rests on it: classes, other findings and readiness follow from the reporters whose word counts, and those tell of nothing of the kind.',
          `Ask who ${resting.length === 1 ? `${short(resting[0]!.reporter, 60)} is` : 'they are'}: a receiver that you know to be genuine may well see mail that nobody else does.`,
        ],
        query: recordsQuery({ domain: window.domain, from: first, to: evidence.last_day, rows: 'unauthenticated' }),
      },
    },
  ];
}

/** Over when others tell of it, when those it rested on decide now, or when they tell of nothing for as long as the rule looks back. */
function over(finding: KnownFinding, { window, others, told }: UndecidedWindow): string | null {
  if (told.has('unauthorized_source') || told.has('subdomain_abuse')) return 'Reporters whose word counts tell of such mail.';
  const named = new Set((finding.evidence.resting_on ?? []).map(({ reporter }) => reporter));
  if (window === null || !others.some(({ reporter }) => named.has(reporter)))
    return 'None of those it rested on is without a say any more, or they report no more.';
  return finding.last_day <= addDays(window.today, -UNAUTHORIZED_DAYS)
    ? `They told of no such mail for ${UNAUTHORIZED_DAYS} days.`
    : null;
}

function messagesOf({ told, others }: Rise): number {
  return told.reduce((n, one) => n + one.messages, others.failed);
}

function inWords(resting: readonly { reporter: string }[]): string {
  return list(
    resting.map(({ reporter }) => short(reporter, 60)),
    3,
  );
}

function standingInWords(resting: readonly { standing: Standing }[]): string {
  const standings = [...new Set(resting.map(({ standing }) => standing))].sort();
  return resting.length === 1
    ? `, whose standing is ${standings[0]}`
    : `, whose standing is ${list(standings)} and who are not known`;
}
