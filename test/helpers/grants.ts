import type { GrantKindName } from '../../services/requests/grants/kinds.ts';
import { planGrant } from '../../services/requests/plans/grant.ts';
import type { Db } from '../../services/shared/runtime/db.ts';
import { type Grant, grantOf } from '../../services/store/grants/grants.ts';
import { openRequest } from '../../services/store/requests/open.ts';
import { AUTOMATIC } from './lending.ts';

/** Asks for a right that a rule decides about at once. @returns the grant, which is not lent yet */
export async function askForGrant(
  db: Db,
  given: { kind: GrantKindName; holder: string; scope: Record<string, string | string[] | null>; server: string } & Partial<{
    domain: string;
    seconds: number;
    credential: string | null;
    holder_kind: 'person' | 'service';
  }>,
): Promise<Grant> {
  const { domain = '*', seconds = 3600, credential = null, holder_kind = 'person', ...rest } = given;
  const plan = planGrant({ ...rest, domain, seconds, credential, holder_kind, groups: [], uses: null, risk: 'low' });
  const key = await openRequest(db, AUTOMATIC, {
    plan,
    requester: given.holder,
    requester_kind: holder_kind,
    why: 'to look',
    credential,
  });
  return grantOf(db, key!);
}

/** Writes that a right is lent, for what no target has. */
export async function makeActive(db: Db, { grant_key, request_key }: Grant, seconds = 3600): Promise<void> {
  await db.query(
    "update ruawatch.grants set state = 'active', applied_at = now(), ends_at = now() + make_interval(secs => $2) where grant_key = $1",
    [grant_key, seconds],
  );
  await db.query("update ruawatch.requests set state = 'active' where request_key = $1", [request_key]);
}
