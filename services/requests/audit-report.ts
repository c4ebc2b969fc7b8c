import type { Kind } from './plan.ts';
import type { State } from './states.ts';

/** A request within the time of an audit report, with all that was done about it. */
export interface AuditedRequest {
  request_key: number;
  kind: Kind;
  domain: string;
  summary: string;
  requester: string;
  requester_kind: 'person' | 'playbook' | 'service';
  why: string;
  rule: string;
  automatic: boolean;
  emergency: boolean;
  state: State;
  created_at: Date;
  decided_at: Date | null;
  applied_at: Date | null;
  outcome: string | null;
  decisions: {
    person: string;
    decision: 'approve' | 'deny' | 'override';
    why: string;
    via: string;
    at: Date;
    of_this_plan: boolean;
    /** Of a deputy: in whose place. */
    in_place_of?: string | null;
  }[];
  changes: { name: string; is_return: boolean; state: string; answer: string | null; settled_at: Date | null }[];
  /** Of a break-glass: the request that looks back at it, and its state; null without one. */
  review: { request_key: number; state: State } | null;
}

/** A change of who may decide. */
export interface GroupChange {
  number: number;
  at: Date;
  added: string[];
  removed: string[];
  deputies_added: string[];
  deputies_removed: string[];
}

/** What an auditor asks about. */
export const CONTROLS = {
  change: {
    iso: 'A.8.32',
    soc: 'CC8.1',
    title: 'Change management',
    says: 'changes are requested, assessed, approved and carried out',
  },
  duties: { iso: 'A.5.3', soc: 'CC6.3', title: 'Segregation of duties', says: 'nobody decides about his own request' },
  access: {
    iso: 'A.5.15, A.5.18',
    soc: 'CC6.2, CC6.3',
    title: 'Access rights',
    says: 'who may decide is granted and withdrawn on record',
  },
  privileged: {
    iso: 'A.8.2',
    soc: 'CC6.1',
    title: 'Privileged access',
    says: 'break-glass is an exception, with a reason, and reviewed',
  },
  logging: { iso: 'A.8.15', soc: 'CC7.2', title: 'Logging', says: 'the record is complete and protected against change' },
} as const;
export type Control = keyof typeof CONTROLS;

export interface Exception {
  control: Control;
  /** Null when it is about no request. */
  request_key: number | null;
  /** A sentence. */
  says: string;
}

/** What an auditor must look at, of each request. Pure. */
export function exceptionsOf(request: AuditedRequest): Exception[] {
  const { request_key, requester, emergency, state, review, decisions, changes, automatic, decided_at, applied_at } = request;
  const one = (control: Control, says: string): Exception => ({ control, request_key, says });
  const found: Exception[] = [];
  const alone = decisions.find(({ decision }) => decision === 'override');
  if (emergency)
    found.push(
      one('privileged', `It was approved by break-glass${alone === undefined ? '' : ` by ${alone.person}: ${alone.why}`}.`),
    );
  if (emergency && review?.state !== 'done')
    found.push(
      one(
        'privileged',
        review === null
          ? 'Nobody has looked back at the break-glass.'
          : `The look back at the break-glass (request ${review.request_key}) is ${review.state}.`,
      ),
    );
  for (const { person, decision } of decisions)
    if (person === requester && decision !== 'override')
      found.push(one('duties', `${person} decided about a request of his or her own.`));
  if (alone !== undefined && alone.person === requester)
    found.push(one('duties', `${alone.person} approved a request of his or her own by break-glass.`));
  for (const { person, of_this_plan } of decisions)
    if (!of_this_plan) found.push(one('change', `${person} decided about another text than the plan that is stored.`));
  if (applied_at !== null && !automatic && decisions.every(({ decision }) => decision === 'deny'))
    found.push(one('change', 'Its records were published without a decision: somebody else made the change.'));
  if (applied_at !== null && decided_at !== null && applied_at < decided_at)
    found.push(one('change', 'It was applied before it was decided.'));
  if (state === 'failed' || state === 'stale')
    found.push(one('change', `It was approved and not applied: ${request.outcome ?? state}`));
  if (state === 'returned') found.push(one('change', `It was applied and rolled back: ${request.outcome ?? ''}`.trim()));
  if (state === 'expired') found.push(one('change', request.outcome ?? 'It expired.'));
  for (const { name, state: end, answer } of changes)
    if (end === 'failed') found.push(one('change', `The change at ${name} failed: ${answer ?? 'no answer'}`));
  return found;
}

/** The controls that a request is evidence for. */
export function controlsOf({ emergency, kind }: Pick<AuditedRequest, 'emergency' | 'kind'>): Control[] {
  return ['change', 'duties', ...(emergency || kind === 'review' ? (['privileged'] as const) : [])];
}
