import { isReachable, type Stage } from './rules.ts';

/** What one person said of a request. A person decides once. */
export interface Vote {
  person: string;
  /** The stage in which it was given, from 0. */
  stage: number;
  decision: 'approve' | 'deny';
  /** Of a deputy: in whose place. */
  in_place_of?: string | null;
}

/** The place of a member of a group, and somebody who may decide in it: the member, or a deputy. */
export interface Seat {
  person: string;
  of: string;
}

/**
 * The places in which somebody may still decide. A person decides once, and so does a place, whoever was
 * first; the place of whoever asks is empty.
 */
export function freeSeats(
  seats: readonly Seat[],
  { askers, votes }: { askers: readonly string[]; votes: readonly Pick<Vote, 'person' | 'in_place_of'>[] },
): Seat[] {
  const out = new Set([...askers, ...votes.flatMap(({ person, in_place_of }) => [person, in_place_of ?? person])]);
  // A deputy's own place is as taken as the one that he or she has decided in.
  return seats.filter(({ person, of }) => !out.has(person) && !out.has(of));
}

export interface Counted {
  /** `next`: the stage is decided, and another follows. */
  result: 'waiting' | 'next' | 'approved' | 'denied';
  approvals: number;
  need: number;
}

/** What the votes on a request decide about its stage. */
export function count(stages: readonly Stage[], stage: number, denials: number, votes: readonly Vote[]): Counted {
  const need = stages[stage]?.need ?? 0;
  const approvals = new Set(
    votes.filter((vote) => vote.stage === stage && vote.decision === 'approve').map(({ person }) => person),
  ).size;
  const against = new Set(votes.filter(({ decision }) => decision === 'deny').map(({ person }) => person)).size;
  if (against >= denials) return { result: 'denied', approvals, need };
  if (approvals < need) return { result: 'waiting', approvals, need };
  return { result: stage + 1 < stages.length ? 'next' : 'approved', approvals, need };
}

/** Why somebody may not decide. */
export type Refusal = 'requester' | 'voted' | 'not_in_group';

/** Whether a person may decide in a stage; null when so. */
export function refusalOf(
  { requester, asked, votes }: { requester: string | null; asked: readonly string[]; votes: readonly Vote[] },
  person: string,
): Refusal | null {
  if (person === requester) return 'requester';
  if (votes.some((vote) => vote.person === person)) return 'voted';
  return asked.includes(person) ? null : 'not_in_group';
}

/** Whether the stages that are left can still be decided, by people who have not voted. */
export function canStillDecide(
  {
    stages,
    stage,
    requester,
    votes,
  }: { stages: readonly Stage[]; stage: number; requester: string | null; votes: readonly Vote[] },
  membersOf: (group: string) => readonly string[],
): boolean {
  const approvals = votes.filter((vote) => vote.stage === stage && vote.decision === 'approve').length;
  // While a stage waits, one more has to decide, even where approvals count again because somebody has come
  // back.
  const left = stages
    .slice(stage)
    .map((one, i) => ({ group: one.group, need: i === 0 ? Math.max(1, one.need - approvals) : one.need }));
  const without = new Set([
    ...votes.flatMap(({ person, in_place_of }) => [person, in_place_of ?? person]),
    ...(requester === null ? [] : [requester]),
  ]);
  return isReachable(left, membersOf, without);
}
