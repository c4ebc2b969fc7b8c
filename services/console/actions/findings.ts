import { z } from 'zod';
import { DAY_MS } from '../../shared/days.ts';
import type { Db } from '../../shared/runtime/db.ts';
import { noteAct } from '../../store/console/audit.ts';
import { visibleFinding } from '../../store/console/findings.ts';
import { actingPeople } from '../../store/console/people.ts';
import type { Visitor } from '../../store/console/rights.ts';
import type { Reader } from '../../store/console/scope.ts';
import * as actions from '../../store/findings/operator-actions.ts';
import { reason, wrongField } from '../given.ts';
import { words } from '../page-words/en.ts';
import { Refusal } from '../routes.ts';

export const why = reason(500, 'give a reason');
const onlyWhy = z.object({ why });

/** What an act works with: a finding that the person may see. */
interface Acting {
  db: Db;
  key: number;
  domain: string;
  state: string;
  note: actions.OperatorNote;
  now: Date;
}

/** Something that people do to a finding. */
interface FindingAct<B extends z.ZodObject> {
  /** What is asked for beside the reason; numbers may be text, as forms send them. */
  body: B;
  /** @returns what the page says about it afterwards (words.done) */
  work(acting: Acting, body: z.output<B>): Promise<keyof typeof words.done>;
}

const act = <B extends z.ZodObject>(body: B, work: FindingAct<B>['work']): FindingAct<B> => ({ body, work });

export const FINDING_ACTIONS = {
  acknowledge: act(onlyWhy, async ({ db, key, note, now }) => {
    await actions.acknowledge(db, key, note, now);
    return 'acknowledged';
  }),
  unacknowledge: act(onlyWhy, async ({ db, key, note, now }) => {
    await actions.unacknowledge(db, key, note, now);
    return 'unacknowledged';
  }),
  snooze: act(z.object({ why, days: z.coerce.number().int().min(1).max(365) }), async ({ db, key, note, now }, { days }) => {
    await actions.snooze(db, key, new Date(now.getTime() + days * DAY_MS), { ...note, now });
    return 'snoozed';
  }),
  unsnooze: act(onlyWhy, async ({ db, key, note, now }) => {
    await actions.unsnooze(db, key, note, now);
    return 'unsnoozed';
  }),
  assign: act(z.object({ why, to: z.string().trim().max(200) }), async ({ db, key, domain, note, now }, { to }) => {
    if (to !== '' && !(await actingPeople(db, domain)).includes(to)) throw wrongField('to', words.problems.not_acting);
    await actions.assign(db, key, { ...note, to: to || null }, now);
    return to === '' ? 'unassigned' : 'assigned';
  }),
  resolve: act(
    z.object({ why, verdict: z.enum(['none', 'right', 'false', 'expected']).default('none') }),
    async ({ db, key, state, note, now }, body) => {
      const verdict = body.verdict === 'none' ? undefined : { as: body.verdict };
      if (state === 'resolved' && verdict !== undefined) {
        await actions.addVerdict(db, key, { ...note, verdict }, now);
        return 'judged';
      }
      await actions.close(db, key, { ...note, ...(verdict && { verdict }) }, now);
      return 'resolved';
    },
  ),
  reopen: act(onlyWhy, async ({ db, key, note, now }) => {
    await actions.unclose(db, key, note, now);
    return 'reopened';
  }),
} as const satisfies Record<string, FindingAct<z.ZodObject>>;

export type FindingActName = keyof typeof FINDING_ACTIONS;
export const FINDING_ACTION_NAMES = Object.keys(FINDING_ACTIONS) as FindingActName[];

/** Who acts, and on what. */
interface By {
  db: Db;
  reader: Reader;
  visitor: Visitor;
  now: Date;
}

/**
 * Does something to a finding that the person may see; its history and the acts of people keep it.
 * @throws Refusal `no_finding`, PermanentError of the act
 */
export async function actOnFinding(
  { db, reader, visitor, now }: By,
  key: number,
  name: FindingActName,
  body: { why: string },
): Promise<keyof typeof words.done> {
  const finding = await visibleFinding(reader, key);
  if (finding === null) throw new Refusal(404, 'no_finding', words.problems.no_finding);
  const note = { by: visitor.name, why: body.why };
  const work = FINDING_ACTIONS[name].work as FindingAct<z.ZodObject>['work'];
  const done = await work({ db, key, domain: finding.domain, state: finding.state, note, now }, body);
  const { person_key: person, token } = visitor;
  await noteAct(
    db,
    {
      by: visitor.name,
      person,
      act: `finding_${name}`,
      domain: finding.domain,
      object: String(key),
      detail: { why: body.why, ...(token && { token: token.token_key }) },
    },
    now,
  );
  return done;
}
