import { isReachable, type Stage } from './rules.ts';

/** What one person said of a request. A person decides once. */
export interface Vote {
  person: string;
  /** The stage in which it was given, from 0. */
  stage: number;
  decision: 'approve' | 'deny';
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
  const left = stages
    .slice(stage)
    .map((one, i) => ({ group: one.group, need: i === 0 ? Math.max(0, one.need - approvals) : one.need }));
  const without = new Set([...votes.map(({ person }) => person), ...(requester === null ? [] : [requester])]);
  return isReachable(left, membersOf, without);
}
