import { type Plan, readPlan } from '../../requests/plan.ts';
import { type Frozen, frozenSchema } from '../../requests/rules.ts';
import { STEPS, type State, type Step } from '../../requests/states.ts';
import { PermanentError } from '../../shared/errors.ts';
import type { Queryable, Tx } from '../../shared/runtime/db.ts';
import { ownersOfService } from '../grants/holders.ts';
import { namesOf } from './same-person.ts';

/** A row of ruawatch.requests. */
export interface Request {
  request_key: number;
  kind: Plan['kind'];
  domain: string;
  summary: string;
  /** The plan as canonical JSON: `readPlan` reads it. */
  plan: string;
  digest: string;
  rule: Frozen;
  requester: string;
  requester_kind: 'person' | 'playbook' | 'service';
  why: string;
  finding_key: number | null;
  playbook: string | null;
  state: State;
  stage: number;
  emergency: boolean;
  created_at: Date;
  changed_at: Date;
  expires_at: Date | null;
  decided_at: Date | null;
  applied_at: Date | null;
  ends_at: Date | null;
  unreachable_since: Date | null;
  outcome: string | null;
}

/** One decision of a person. */
export interface Decision {
  person: string;
  stage: number;
  decision: 'approve' | 'deny' | 'override';
  why: string;
  via: string;
  at: Date;
  /** Of a deputy: in whose place. */
  in_place_of?: string | null;
}

const COLUMNS = `request_key, kind, domain, summary, plan, digest, rule, requester, requester_kind, why, finding_key, playbook, state,
  stage, emergency, created_at, changed_at, expires_at, decided_at, applied_at, ends_at, unreachable_since, outcome`;

const read = (row: Request): Request => ({ ...row, rule: frozenSchema.parse(row.rule) });

const missing = (key: number) =>
  new PermanentError('no_request', `There is no request ${key}: "ruawatch requests" lists the open ones.`);

/** @throws PermanentError `no_request` */
export async function loadRequest(q: Queryable, key: number): Promise<Request> {
  const { rows } = await q.query<Request>(`select ${COLUMNS} from ruawatch.requests where request_key = $1`, [key]);
  if (rows[0] === undefined) throw missing(key);
  return read(rows[0]);
}

/**
 * Locks a request until the transaction ends; waits for whoever has it. @throws PermanentError `no_request`
 */
export async function lockRequest(tx: Tx, key: number): Promise<Request> {
  const { rows } = await tx.query<Request>(`select ${COLUMNS} from ruawatch.requests where request_key = $1 for update`, [key]);
  if (rows[0] === undefined) throw missing(key);
  return read(rows[0]);
}

export interface RequestFilter {
  /** Only these states; all without it. */
  states?: readonly State[];
  domain?: string | null;
  /** Only domains of this list, and those below them; null for all. */
  domains?: readonly string[] | null;
  limit: number;
}

/** Requests, the newest first. */
export async function listRequests(
  q: Queryable,
  { states, domain = null, domains = null, limit }: RequestFilter,
): Promise<Request[]> {
  const { rows } = await q.query<Request>(
    `select ${COLUMNS} from ruawatch.requests r
      where ($1::text[] is null or state = any($1)) and ($2::text is null or domain = $2)
        and ($3::text[] is null or exists (select from unnest($3::text[]) d where r.domain = d or right(r.domain, length(d) + 1) = '.' || d))
      order by request_key desc limit $4`,
    [states ?? null, domain, domains, limit],
  );
  return rows.map(read);
}

const PAGE = 500;

/**
 * All requests in some states, the oldest first: what is left out would never be done. Those that ask for a
 * right to be lent, or for a mail that is held, have a life of their own (store/grants/, store/held/).
 */
export async function allInStates(q: Queryable, states: readonly State[]): Promise<Request[]> {
  const found: Request[] = [];
  for (;;) {
    const { rows } = await q.query<Request>(
      `select ${COLUMNS} from ruawatch.requests where state = any($1) and request_key > $2 and kind not like 'access.%' and kind not like 'messages.%' order by request_key limit ${PAGE}`,
      [states, found.at(-1)?.request_key ?? 0],
    );
    found.push(...rows.map(read));
    if (rows.length < PAGE) return found;
  }
}

/**
 * Who may not decide, by all names they have had: whoever asks, who answers for the service principal that
 * asks, and of a review those of what it looks back at.
 */
export async function askersOf(q: Queryable, { requester, requester_kind, kind, plan, digest }: Request): Promise<string[]> {
  const people = requester_kind === 'service' ? await ownersOfService(q, requester) : [requester];
  const own = [requester, ...(requester_kind === 'playbook' ? [] : await namesOf(q, people))];
  if (kind !== 'review') return own;
  return [...own, ...(await askersOf(q, await loadRequest(q, readPlan({ text: plan, digest }).reviews!)))];
}

/** The newest request that a service or playbook opened under a name; null when there is none. */
export async function requestOf(q: Queryable, playbook: string): Promise<number | null> {
  const { rows } = await q.query<{ request_key: number }>(
    'select request_key from ruawatch.requests where playbook = $1 order by request_key desc limit 1',
    [playbook],
  );
  return rows[0]?.request_key ?? null;
}

/** The decisions on a request, the oldest first. */
export async function decisionsOn(q: Queryable, key: number): Promise<Decision[]> {
  const { rows } = await q.query<Decision>(
    'select person, stage, decision, why, via, at, in_place_of from ruawatch.decisions where request_key = $1 order by at, person',
    [key],
  );
  return rows;
}

/** The moment that decides: that of the database, taken after a lock was waited for; tests set another. */
export async function momentOf(tx: Tx, given: Date | null): Promise<Date> {
  if (given !== null) return given;
  const { rows } = await tx.query<{ at: Date }>('select clock_timestamp() as at');
  return rows[0]!.at;
}

/** What changes with a step beside the state, and when it is taken. What is not given stays; null is set. */
export interface Moved {
  at: Date;
  stage?: number;
  emergency?: boolean;
  expires_at?: Date | null;
  decided_at?: Date;
  applied_at?: Date;
  ends_at?: Date | null;
  outcome?: string;
}

/**
 * Takes a step of a locked request.
 * @throws PermanentError `wrong_state` when the step cannot be taken from its state
 */
export async function move(tx: Tx, key: number, step: Step, set: Moved): Promise<void> {
  const { from, to } = STEPS[step];
  const { rowCount } = await tx.query(
    `update ruawatch.requests
        set state = $2, changed_at = $4, stage = coalesce($5, stage), emergency = coalesce($6, emergency),
            expires_at = case when $7 then $8 else expires_at end, decided_at = coalesce($9, decided_at),
            applied_at = coalesce($10, applied_at), ends_at = case when $11 then $12 else ends_at end,
            outcome = coalesce($13, outcome), unreachable_since = null
      where request_key = $1 and state = any($3)`,
    [
      key,
      to,
      from,
      set.at,
      set.stage ?? null,
      set.emergency ?? null,
      'expires_at' in set,
      set.expires_at ?? null,
      set.decided_at ?? null,
      set.applied_at ?? null,
      'ends_at' in set,
      set.ends_at ?? null,
      set.outcome ?? null,
    ],
  );
  if (rowCount !== 1) throw new PermanentError('wrong_state', `Request ${key} is not in a state in which "${step}" is possible.`);
  if (to !== 'pending') await tx.query('delete from ruawatch.request_timers where request_key = $1', [key]);
}
