import { addDays } from '../../shared/days.ts';
import type { Candidate } from '../../store/findings/findings.ts';
import { recordsQuery } from '../../store/findings/kind-queries.ts';
import { predecessorOf, renumberingOf } from '../senders/moves.ts';
import { whoOf } from '../senders/who.ts';
import { HISTORY, LEAST, NEWS } from './new_source.ts';
import type { SenderRule } from './rule.ts';
import { coveredDays, reportersOf, type SenderWindow, total } from './window.ts';

const KIND = 'sender_moved';

/**
 * A sender has moved: a server has a new address and the old one is silent, or one service falls as another
 * rises, and the mail of both passes. For information: somebody did it on purpose.
 */
export const senderMoved: SenderRule = {
  kind: KIND,
  scope: 'sender',
  severity: ['info'],
  tested: false,
  find,
  over: () => null,
};

function find(window: SenderWindow): Candidate[] {
  const { attendance, firstSeen, today, of, rows } = window;
  const since = addDays(today, 1 - NEWS);
  if (rows.length === 0 || attendance.first === '') return [];
  if (firstSeen !== null && firstSeen < since) return within(window, since);
  const first = rows.map(({ day }) => day).sort()[0]!;
  const sum = total(rows);
  if (attendance.first > addDays(first, -HISTORY) || sum.passed < LEAST || of.unnamed) return [];
  if (coveredDays(window).filter(({ day }) => day > first).length < 2) return [];
  const before = predecessorOf(window, first);
  if (before === null) return [];
  const { how, name, sources } = before;
  return [candidateOf(window, first, { how, from: name, to: of.name, left: sources })];
}

/** A service's networks come and go every day; own servers move. */
function within(window: SenderWindow, since: string): Candidate[] {
  if (window.sender !== null) return [];
  const moved = renumberingOf(window, since);
  if (moved === null) return [];
  const { from, to, first } = moved;
  return [
    candidateOf(window, first, { how: 'moved', from: from.slice(0, 3).join(', '), to: to.slice(0, 3).join(', '), left: from }),
  ];
}

interface Move {
  how: 'moved' | 'migrated';
  from: string;
  to: string;
  left: readonly string[];
}

/** The day it began is its last day too: however long it goes on, it is recorded once. */
function candidateOf(window: SenderWindow, first: string, { how, from, to, left }: Move): Candidate {
  const { domain, source, of, rows, today } = window;
  const since = rows.filter(({ day }) => day >= first);
  const sum = total(since);
  const who = whoOf(of, first, today);
  return {
    kind: KIND,
    subject: source,
    severity: 'info',
    confidence: 0.8,
    first_day: first,
    last_day: first,
    evidence: {
      ...who,
      messages: sum.messages,
      of: sum.messages,
      share: 1,
      per_day: sum.messages / Math.max(1, new Set(since.map(({ day }) => day)).size),
      since: first,
      last_day: first,
      reporters: reportersOf(since),
      delivered: sum.delivered,
      quarantined: sum.quarantined,
      rejected: sum.rejected,
      facts: { rule: KIND, how, from, to },
      query: recordsQuery({
        domain,
        sources: [...who.who.map((one) => one.source), ...left].slice(0, 20),
        from: first,
        to: today,
        rows: 'all',
      }),
    },
  };
}
