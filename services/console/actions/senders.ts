import type { Plan } from '../../requests/plan.ts';
import { planSender } from '../../requests/plans/sender.ts';
import type { Rule } from '../../requests/rules.ts';
import type { Db } from '../../shared/runtime/db.ts';
import { noteAct } from '../../store/console/audit.ts';
import { hasSource } from '../../store/console/domain.ts';
import { askerWith } from '../../store/console/people.ts';
import type { Visitor } from '../../store/console/rights.ts';
import type { Reader } from '../../store/console/scope.ts';
import { checkOpen, openRequest } from '../../store/requests/open.ts';
import { seenSource, standingEntry } from '../../store/requests/seen.ts';
import { type Basis, checkBasis, endEntry, endSender, putSender } from '../../store/sources/sender-list.ts';
import { words } from '../page-words/en.ts';
import { Refusal } from '../routes.ts';

/** Stands for every source of a sender in a form. */
export const ALL = '*';

/** A person's word on a source: it is theirs, it is not, or nothing any more. */
export interface SourceWord {
  domain: string;
  source: string;
  decision: 'approve' | 'deny' | 'end';
  why: string;
  /** Null for good. */
  until: Date | null;
  /** What whoever decides has seen of earlier decisions (basisSql); absent: whatever they were. */
  basis?: string | undefined;
  /** The entry that is to end, where it is not the one about the source of the domain itself. */
  entry?: number | undefined;
}

const basisFor = ({ scope }: Reader, seen: string | undefined): Basis | undefined =>
  seen === undefined ? undefined : { seen, everywhere: scope.all };

/** Whether the rules of approvals decide about senders: then one person alone does not. */
export const byRequest = (rules: readonly Rule[]): boolean =>
  rules.some(({ when: { kinds } }) => kinds === undefined || kinds.includes('sender.approve') || kinds.includes('sender.deny'));

interface Acting {
  db: Db;
  reader: Reader;
  visitor: Visitor;
  now: Date;
  rules: readonly Rule[];
}

/** The plan of a request to approve or deny a source, with what is seen of it. */
export async function planOfSource(
  db: Db,
  { domain, source, after, until }: { domain: string; source: string; after: 'approved' | 'denied'; until: Date | null },
  now: Date,
): Promise<Plan> {
  const what = { domain, source, is_service: false };
  return planSender({
    ...what,
    before: (await standingEntry(db, what, now))?.verdict ?? null,
    after,
    until: until?.toISOString() ?? null,
    seen: await seenSource(db, what, now),
    finding: null,
  });
}

/**
 * Asks those whom the rules of approvals name to approve or deny a source of a domain that the person may
 * see.
 * @returns the key of the request
 * @throws Refusal `no_source`, PermanentError of requests, `decided_meanwhile`
 */
export async function askAboutSource(
  { db, reader, visitor, now, rules }: Acting,
  { domain, source, decision, why, until, basis: seen }: SourceWord & { decision: 'approve' | 'deny' },
): Promise<number> {
  if (!(await hasSource(reader, domain, source))) throw new Refusal(404, 'no_source', words.problems.nothing_there);
  const basis = basisFor(reader, seen);
  if (basis !== undefined) await checkBasis(db, { domain, source }, basis);
  const asker = await askerWith(db, visitor.person_key);
  await checkOpen(db, asker);
  const plan = await planOfSource(db, { domain, source, after: decision === 'approve' ? 'approved' : 'denied', until }, now);
  const key = (await openRequest(db, rules, { plan, ...asker, why }))!;
  const detail = { why, until };
  await noteAct(
    db,
    { by: visitor.name, person: visitor.person_key, act: 'request_open', domain, object: String(key), detail },
    now,
  );
  return key;
}

/**
 * Approves or denies a source of a domain that the person may see, or ends the entry about it.
 * @throws Refusal `no_source`, `by_request`, `no_decision`, PermanentError of the list of senders
 *   (`decided_meanwhile`)
 */
export async function decideSource(
  { db, reader, visitor, now, rules }: Acting,
  { domain, source, decision, why, until, basis, entry }: SourceWord,
): Promise<void> {
  if (!(await hasSource(reader, domain, source))) throw new Refusal(404, 'no_source', words.problems.nothing_there);
  if (byRequest(rules)) throw new Refusal(409, 'by_request', words.problems.by_request(domain, source));
  const word = { by: visitor.name, why };
  const seen = basisFor(reader, basis);
  const subject = { domain, source, service: null };
  if (decision === 'end' && entry !== undefined)
    await endEntry(db, { domain, source, entry, everywhere: reader.scope.all }, word, now);
  else if (decision === 'end') {
    const ended = await endSender(db, subject, { ...word, basis: seen }, now);
    if (ended === null) throw new Refusal(404, 'no_decision', words.problems.no_decision(source, domain));
  } else await putSender(db, subject, { verdict: decision === 'approve' ? 'approved' : 'denied', word, until, basis: seen }, now);
  const { person_key: person, token } = visitor;
  const detail = { why, until, ...(entry !== undefined && { entry }), ...(token && { token: token.token_key }) };
  await noteAct(db, { by: visitor.name, person, act: `source_${decision}`, domain, object: source, detail }, now);
}

/** What a form about some sources rests on, as it is sent with it: the newest decision about each. */
export const basisOf = (sources: readonly { source: string; basis: string }[]): string =>
  JSON.stringify(Object.fromEntries(sources.map(({ source, basis }) => [source, basis])));
