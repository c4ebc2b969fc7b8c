import type { Rule } from '../../requests/rules.ts';
import type { Db } from '../../shared/runtime/db.ts';
import { noteAct } from '../../store/console/audit.ts';
import { hasSource } from '../../store/console/domain.ts';
import type { Visitor } from '../../store/console/rights.ts';
import type { Reader } from '../../store/console/scope.ts';
import { endSender, putSender } from '../../store/sources/sender-list.ts';
import { words } from '../page-words/en.ts';
import { Refusal } from '../routes.ts';

/** A person's word on a source: it is theirs, it is not, or nothing any more. */
export interface SourceWord {
  domain: string;
  source: string;
  decision: 'approve' | 'deny' | 'end';
  why: string;
  /** Null for good. */
  until: Date | null;
}

/** Whether the rules of approvals decide about senders: then one person alone does not. */
const byRequest = (rules: readonly Rule[]): boolean =>
  rules.some(({ when: { kinds } }) => kinds === undefined || kinds.includes('sender.approve') || kinds.includes('sender.deny'));

/**
 * Approves or denies a source of a domain that the person may see, or ends the entry about it.
 * @throws Refusal `no_source`, `by_request`, PermanentError of the list of senders
 */
export async function decideSource(
  { db, reader, visitor, now, rules }: { db: Db; reader: Reader; visitor: Visitor; now: Date; rules: readonly Rule[] },
  { domain, source, decision, why, until }: SourceWord,
): Promise<void> {
  if (!(await hasSource(reader, domain, source))) throw new Refusal(404, 'no_source', words.problems.nothing_there);
  if (byRequest(rules)) throw new Refusal(409, 'by_request', words.problems.by_request(domain, source));
  const word = { by: visitor.name, why };
  const subject = { domain, source, service: null };
  if (decision === 'end') await endSender(db, subject, word, now);
  else await putSender(db, subject, { verdict: decision === 'approve' ? 'approved' : 'denied', word, until }, now);
  const { person_key: person, token } = visitor;
  const detail = { why, until, ...(token && { token: token.token_key }) };
  await noteAct(db, { by: visitor.name, person, act: `source_${decision}`, domain, object: source, detail }, now);
}
