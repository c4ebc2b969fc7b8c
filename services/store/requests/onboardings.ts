import { DAY_MS, dayOf } from '../../shared/days.ts';
import type { Queryable, Tx } from '../../shared/runtime/db.ts';

/** What was agreed with a third party. */
export interface NewOnboarding {
  domain: string;
  source: string;
  is_service: boolean;
  owner: string;
  expected_daily: number | null;
  /** YYYY-MM-DD. */
  contract_ends: string;
}

export type OnboardingState = 'asked' | 'publishing' | 'watched' | 'adopted' | 'taken_back' | 'leaving' | 'left' | 'refused';

/** A row of dmarc.onboardings. */
export interface Onboarding extends NewOnboarding {
  request_key: number;
  state: OnboardingState;
  asked_at: Date;
  applied_at: Date | null;
  adopted_at: Date | null;
  watched_until: Date | null;
  end_request_key: number | null;
  outcome: string | null;
}

const COLUMNS = `request_key, domain, source, is_service, owner, expected_daily, contract_ends::text, state, asked_at, applied_at, adopted_at,
  watched_until, end_request_key, outcome`;

/** Writes it in the transaction that opens its request. */
export async function insertOnboarding(tx: Tx, request_key: number, given: NewOnboarding): Promise<void> {
  await tx.query(
    `insert into ruawatch.onboardings (request_key, domain, source, is_service, owner, expected_daily, contract_ends)
     values ($1, $2, $3, $4, $5, $6, $7)`,
    [request_key, given.domain, given.source, given.is_service, given.owner, given.expected_daily, given.contract_ends],
  );
}

/** Third parties, the newest first. */
export async function listOnboardings(q: Queryable, domain: string | null, limit: number): Promise<Onboarding[]> {
  const { rows } = await q.query<Onboarding>(
    `select ${COLUMNS} from dmarc.onboardings where ($1::text is null or domain = $1) order by request_key desc limit $2`,
    [domain, limit],
  );
  return rows;
}

/** A third party as services see it, which read no views. */
export type StandingOnboarding = Omit<Onboarding, 'state' | 'asked_at' | 'watched_until' | 'outcome'>;

const STANDING = `select o.request_key, o.domain, o.source, o.is_service, o.owner, o.expected_daily, o.contract_ends::text, r.applied_at,
    o.adopted_at, o.end_request_key
  from ruawatch.onboardings o join ruawatch.requests r using (request_key)`;

/** Those that are watched or adopted: what the approver looks at. */
export async function standingOnboardings(q: Queryable): Promise<StandingOnboarding[]> {
  const { rows } = await q.query<StandingOnboarding>(
    `${STANDING} where r.state in ('active', 'done') and o.end_request_key is null order by o.request_key`,
  );
  return rows;
}

/** Mail of a third party since its records were published, by reporters that decide. */
export interface OnboardedMail {
  messages: number;
  passed: number;
}

/** @param since the first whole day after the change counts: on its day, receivers knew the state before */
export async function onboardedMail(
  q: Queryable,
  { domain, source }: Pick<NewOnboarding, 'domain' | 'source'>,
  since: Date,
): Promise<OnboardedMail> {
  const { rows } = await q.query<OnboardedMail>(
    `select coalesce(sum(d.messages), 0)::bigint as messages, coalesce(sum(d.passed), 0)::bigint as passed
       from ruawatch.source_days d join ruawatch.sources s using (domain, source)
       join ruawatch.domain_reporters r on r.domain = d.domain and r.reporter = d.reporter and r.decides
      where d.domain = $1 and (d.source = $2 or s.grouped_as = $2) and d.day >= $3::date and d.trust = 'ok'`,
    [domain, source, dayOf(new Date(since.getTime() + DAY_MS))],
  );
  return rows[0]!;
}

/** Notes that its mail arrives and passes. The first time stands. */
export async function adoptOnboarding(q: Queryable, request_key: number, at: Date): Promise<void> {
  await q.query('update ruawatch.onboardings set adopted_at = $2 where request_key = $1 and adopted_at is null', [
    request_key,
    at,
  ]);
}

/** The third party of a request; null when the request is about none. */
export async function onboardingOf(q: Queryable, request_key: number): Promise<StandingOnboarding | null> {
  const { rows } = await q.query<StandingOnboarding>(`${STANDING} where o.request_key = $1`, [request_key]);
  return rows[0] ?? null;
}

/**
 * Notes the request that withdraws it, in the transaction that opens that. @returns false when there is one
 * already
 */
export async function noteOffboarding(tx: Tx, request_key: number, end_request_key: number): Promise<boolean> {
  const { rowCount } = await tx.query(
    'update ruawatch.onboardings set end_request_key = $2 where request_key = $1 and end_request_key is null',
    [request_key, end_request_key],
  );
  return rowCount === 1;
}
