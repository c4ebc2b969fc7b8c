import type { Db } from '../../shared/runtime/db.ts';
import { type GrantLine, grantLine } from '../../store/console/access.ts';
import { noteAct } from '../../store/console/audit.ts';
import { mayFor } from '../../store/console/lent-roles.ts';
import { askerWith } from '../../store/console/people.ts';
import type { Visitor } from '../../store/console/rights.ts';
import type { Reader } from '../../store/console/scope.ts';
import { beginEnd } from '../../store/grants/life.ts';
import { words } from '../page-words/en.ts';
import { Refusal } from '../routes.ts';

/**
 * Ends a right. The person whose right it is may, and operators of its domain. @throws Refusal 404, 403, 409
 */
export async function endRight(
  { db, reader, visitor, now }: { db: Db; reader: Reader; visitor: Visitor; now: Date },
  key: number,
  why: string,
): Promise<GrantLine> {
  const grant = await grantLine(reader, key);
  if (grant === null) throw new Refusal(404, 'no_grant', words.problems.nothing_there);
  const { requester } = await askerWith(db, visitor.person_key);
  if (!mayFor(visitor, 'operator', grant.domain) && requester !== grant.holder)
    throw new Refusal(403, 'not_yours', words.access.not_yours);
  const reason = `Ended by ${visitor.name}: ${why}`;
  if (!(await beginEnd(db, grant, { reason, by: visitor.name }, null)))
    throw new Refusal(409, 'ended_already', words.access.ended_already);
  const detail = visitor.token === undefined ? {} : { token: visitor.token.token_key };
  const act = {
    by: visitor.name,
    person: visitor.person_key,
    act: 'grant_end',
    domain: grant.domain,
    object: String(key),
    detail,
  };
  await noteAct(db, act, now);
  return (await grantLine(reader, key))!;
}
