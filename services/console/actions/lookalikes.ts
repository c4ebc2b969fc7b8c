import type { Db } from '../../shared/runtime/db.ts';
import { noteAct } from '../../store/console/audit.ts';
import type { Visitor } from '../../store/console/rights.ts';
import { ignoreLookalike, watchLookalikeAgain } from '../../store/dns/lookalikes.ts';
import { words } from '../page-words/en.ts';
import { Refusal } from '../routes.ts';

/** A person's word on a look-alike: it means nothing, or deserves to be watched after all. */
export interface LookalikeWord {
  domain: string;
  name: string;
  decision: 'ignore' | 'watch';
  why: string;
}

/**
 * Ignores a look-alike of a domain that the person may see, or watches it again.
 * @throws Refusal `nothing_there`
 */
export async function decideLookalike(
  { db, visitor, now }: { db: Db; visitor: Visitor; now: Date },
  { domain, name, decision, why }: LookalikeWord,
): Promise<keyof typeof words.done> {
  const known =
    decision === 'ignore'
      ? await ignoreLookalike(db, { domain, name }, { by: visitor.name, why }, now)
      : await watchLookalikeAgain(db, domain, name, now);
  if (!known) throw new Refusal(404, 'nothing_there', words.problems.nothing_there);
  const { person_key: person, token } = visitor;
  const detail = { why, ...(token && { token: token.token_key }) };
  await noteAct(db, { by: visitor.name, person, act: `lookalike_${decision}`, domain, object: name, detail }, now);
  return decision === 'ignore' ? 'lookalike_ignored' : 'lookalike_watched';
}
