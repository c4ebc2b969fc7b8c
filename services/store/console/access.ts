import type { GrantState } from '../grants/grants.ts';
import { type Reader, read } from './scope.ts';

/** A right that is asked for or lent, as a page shows it. */
export interface GrantLine {
  grant_key: number;
  request_key: number;
  kind: string;
  domain: string;
  holder: string;
  holder_kind: string;
  server: string;
  name: string;
  scope: unknown;
  seconds: number;
  uses: number | null;
  used: number;
  state: GrantState | 'void';
  asked_at: Date;
  why: string;
  applied_at: Date | null;
  ends_at: Date | null;
  end_reason: string | null;
  ended_at: Date | null;
  answer: string | null;
  last_used_at: Date | null;
}

const GRANT_COLUMNS = `grant_key, request_key, kind, domain, holder, holder_kind, server, name, scope, seconds, uses, used, state, asked_at, why,
        applied_at, ends_at, end_reason, ended_at, answer, last_used_at`;

/** Rights, the newest first. @param given.open only those that are asked for or lent */
export async function grantLines(
  reader: Reader,
  { open, domain, limit, offset }: { open: boolean; domain: string | null; limit: number; offset: number },
): Promise<GrantLine[]> {
  return read<GrantLine>(
    reader,
    ['grants'],
    `select ${GRANT_COLUMNS} from grants
      where (not $1 or state not in ('ended', 'void')) and ($2::text is null or domain = $2)
      order by grant_key desc limit $3 offset $4`,
    [open, domain, limit, offset],
  );
}

/** One right; null when there is none that the person may see. */
export async function grantLine(reader: Reader, key: number): Promise<GrantLine | null> {
  const rows = await read<GrantLine>(reader, ['grants'], `select ${GRANT_COLUMNS} from grants where grant_key = $1`, [key]);
  return rows[0] ?? null;
}

/** A third party on its way in or out. */
export interface OnboardingLine {
  request_key: number;
  domain: string;
  source: string;
  owner: string;
  expected_daily: number | null;
  contract_ends: string | null;
  state: string;
  adopted_at: Date | null;
  watched_until: Date | null;
  end_request_key: number | null;
}

const MOST_ONBOARDINGS = 500;

/** Third parties, those that need a look first. */
export async function onboardingLines(reader: Reader, domain: string | null): Promise<OnboardingLine[]> {
  return read<OnboardingLine>(
    reader,
    ['onboardings'],
    `select request_key, domain, source, owner, expected_daily, contract_ends, state, adopted_at, watched_until, end_request_key from onboardings
      where $1::text is null or domain = $1
      order by state in ('left', 'refused', 'taken_back'), state = 'adopted', request_key desc limit ${MOST_ONBOARDINGS}`,
    [domain],
  );
}
