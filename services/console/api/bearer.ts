import type { Queryable } from '../../shared/runtime/db.ts';
import { ROLE_FOR_SCOPE, type Visitor } from '../../store/console/rights.ts';
import { tokenVisitor } from '../../store/console/tokens.ts';
import { words } from '../page-words/en.ts';
import { type AnyRoute, may, Refusal } from '../routes.ts';

/**
 * Who calls the API: whose token the field Authorization has (RFC 6750 section 2.1). Cookies do not count
 * here.
 * @throws Refusal `not_signed_in` without a token that holds, `scope_missing` when the token is not for this,
 *   `not_allowed` when the person's role no longer includes it
 */
export async function visitorByToken(
  q: Queryable,
  authorization: string | undefined,
  { api }: Pick<AnyRoute, 'api'>,
  now: Date,
): Promise<Visitor> {
  const token = /^Bearer +(\S+) *$/i.exec(authorization ?? '')?.[1];
  const visitor = token === undefined ? null : await tokenVisitor(q, token, now);
  if (visitor === null) throw new Refusal(401, 'not_signed_in', words.problems.no_token);
  const { token: need } = api!;
  if (!visitor.token!.scopes.includes(need)) throw new Refusal(403, 'scope_missing', words.problems.scope_missing(need));
  if (!may(visitor, ROLE_FOR_SCOPE[need])) throw new Refusal(403, 'not_allowed', words.problems.not_allowed);
  return visitor;
}
