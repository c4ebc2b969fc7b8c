import { canonicalJson } from '../../requests/canonical.ts';
import { readPlan } from '../../requests/plan.ts';
import { consider, freeze, type Rule } from '../../requests/rules.ts';
import { type Db, type Queryable, transaction } from '../../shared/runtime/db.ts';
import { askerOf, note } from './events.ts';
import { lockRequest, momentOf, move, type Request } from './requests.ts';

interface Given {
  person: string;
  stage: number;
  decision: 'approve' | 'deny' | 'override';
  digest: string;
}

/**
 * What a request lacks that its state says it has: whoever can write to the database may set a state, and the
 * applier believes none. The decisions must be there, about this very plan, or the rule that decided by
 * itself must be one of the settings.
 * @param rules of the settings; null where they are not known
 * @returns a sentence; null when it was decided
 */
export async function undecided(q: Queryable, request: Request, rules: readonly Rule[] | null): Promise<string | null> {
  const { rule, digest, emergency } = request;
  const { rows } = await q.query<Given>('select person, stage, decision, digest from ruawatch.decisions where request_key = $1', [
    request.request_key,
  ]);
  const of = rows.filter((one) => one.digest === digest);
  if (emergency) return of.some(({ decision }) => decision === 'override') ? null : 'Nobody has decided it by break-glass.';
  if (rule.decide === 'automatic') return notByRule(q, request, rules);
  if (rule.stages.length === 0) return 'Its rule names nobody who decides.';
  for (const [at, { need }] of rule.stages.entries()) {
    const people = new Set(
      of.filter(({ stage, decision }) => stage === at && decision === 'approve').map(({ person }) => person),
    );
    people.delete(request.requester);
    if (people.size < need) return `Of the ${need} people who had to approve this plan at stage ${at + 1}, ${people.size} have.`;
  }
  return null;
}

async function notByRule(q: Queryable, request: Request, rules: readonly Rule[] | null): Promise<string | null> {
  const { rule: frozen, requester, requester_kind } = request;
  const lent = /^grant (\d{1,15})$/.exec(frozen.rule)?.[1];
  if (lent !== undefined) {
    const { rows } = await q.query<{ there: boolean }>(
      `select exists (select from ruawatch.grants where grant_key = $1 and holder = $2 and kind = 'access.dns' and applied_at is not null) as there`,
      [lent, requester],
    );
    return rows[0]!.there ? null : `There is no grant ${lent} of ${requester} that it could rest on.`;
  }
  if (rules === null) return null;
  const plan = readPlan({ text: request.plan, digest: request.digest });
  const same = consider(rules, { plan, requester: requester_kind }, () => ({ all: 0, domain: 0 })).some(
    ({ rule, matches }) => matches && canonicalJson(freeze(rule)) === canonicalJson(frozen),
  );
  return same
    ? null
    : `The settings have no rule "${frozen.rule}" any more that decides this by itself. Ask again if it is still wanted.`;
}

/**
 * Ends a request that nobody decided, though its state says so; everybody who decides about anything is
 * notified.
 */
export async function refuseUndecided(db: Db, key: number, lacks: string, at: Date | null): Promise<void> {
  await transaction(db, async (tx) => {
    const request = await lockRequest(tx, key);
    if (request.state !== 'approved' && request.state !== 'applying') return;
    const now = await momentOf(tx, at);
    const forged = request.rule.decide === 'people' || request.emergency;
    const says = forged
      ? `It is not carried out: it is marked as approved, and was not. ${lacks} Somebody has written to the database: find out who.`
      : `It is not carried out. ${lacks}`;
    if (request.state === 'approved') await move(tx, key, 'claim', { at: now });
    await move(tx, key, 'fail', { at: now, expires_at: null, outcome: says });
    const { rows } = await tx.query<{ person: string }>('select distinct person from ruawatch.approver_groups order by 1');
    await note(tx, key, now, {
      event: 'fail',
      actor: 'applier',
      says,
      to: [...new Set([...rows.map(({ person }) => person), ...askerOf(request)])],
    });
  });
}
