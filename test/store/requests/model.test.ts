import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Frozen } from '../../../services/requests/rules.ts';
import { after, STEPS, type State, type Step } from '../../../services/requests/states.ts';
import { claim, endApplying, endAwaited, endWatch, type MadeChange } from '../../../services/store/requests/applying.ts';
import { verifyAudit } from '../../../services/store/requests/audit.ts';
import { decide, override, withdraw } from '../../../services/store/requests/decide.ts';
import { syncGroups } from '../../../services/store/requests/groups.ts';
import { openRequest } from '../../../services/store/requests/open.ts';
import { loadRequest } from '../../../services/store/requests/requests.ts';
import { sweepRequests } from '../../../services/store/requests/sweep.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';
import { GROUPS, planOf, rulesOf } from '../../requests/sample.ts';

/** .ci/full runs 10,000. */
const RUNS = Number(process.env.MODEL_RUNS ?? 120);
const PEOPLE = [...GROUPS.mail, ...GROUPS.security, 'zoe@example.com'];
const HOUR = 3_600_000;
const EMERGENCY = { group: 'security', ends_hours: 4, review: 'security' };
const BY_PEOPLE = rulesOf({
  name: 'people',
  stages: [
    { group: 'mail', need: 2, within_hours: 48, remind_hours: null },
    { group: 'security', within_hours: 24, remind_hours: 12 },
  ],
});
const BY_RULE = rulesOf({ name: 'rule', decide: 'automatic', ceiling: { per_day: 1_000_000_000 } });

/** What the model knows of a request. It is written from docs/approvals.md, not from the code. */
interface Known {
  key: number;
  requester: string;
  stages: { group: readonly string[]; need: number; hours: number }[];
  review: boolean;
  /** Who asked for what a review looks back at. */
  reviewed?: string;
  state: State;
  stage: number;
  votes: { person: string; stage: number }[];
  ends: number;
  effects: number;
}

class World {
  readonly requests: Known[] = [];
  now = Date.UTC(2026, 8, 1);
}

interface Real {
  db: TestDatabase['db'];
}

let t: TestDatabase;
beforeAll(async () => {
  t = await testDatabase();
  await syncGroups(t.db, { groups: GROUPS, deputies: [] });
});
afterAll(() => t.drop());

/** The code of an error, or null when there was none. */
const codeOf = async (work: Promise<unknown>): Promise<string | null> => {
  try {
    await work;
    return null;
  } catch (error) {
    const { code } = error as { code?: string };
    if (typeof code !== 'string') throw error;
    return code;
  }
};

type Act = fc.AsyncCommand<World, Real>;

/**
 * Something done to one request.
 * @param act does it, and returns the code of the error, or null
 * @param expected changes the model, and returns the code that is expected
 */
function about(
  label: string,
  at: number,
  act: (one: Known, world: World, real: Real) => Promise<string | null>,
  expected: (one: Known, world: World) => string | null,
): Act {
  return {
    check: ({ requests }) => requests.length > 0,
    async run(world, real) {
      const one = world.requests[at % world.requests.length]!;
      const was = one.state;
      const said = await act(one, world, real);
      const code = expected(one, world);
      expect({ said, was }).toEqual({ said: code, was });
      await same(world, real);
    },
    toString: () => `${label} of ${at}`,
  };
}

async function same({ requests }: World, { db }: Real): Promise<void> {
  for (const one of requests) {
    const { state, stage, expires_at } = await loadRequest(db, one.key);
    expect({ key: one.key, state }).toEqual({ key: one.key, state: one.state });
    if (state === 'pending') expect({ stage, ends: expires_at?.getTime() }).toEqual({ stage: one.stage, ends: one.ends });
    expect(one.effects).toBeLessThanOrEqual(1);
  }
}

const overdue = (one: Known, { now }: World) => one.ends <= now;

const open = (who: string, automatic: boolean): Act => ({
  check: () => true,
  async run(world, { db }) {
    const given = { plan: planOf(), requester: who, requester_kind: 'person' as const, why: 'x' };
    const key = (await openRequest(db, automatic ? BY_RULE : BY_PEOPLE, given, new Date(world.now)))!;
    const stages = automatic
      ? []
      : [
          { group: GROUPS.mail, need: 2, hours: 48 },
          { group: GROUPS.security, need: 1, hours: 24 },
        ];
    const state = automatic ? 'approved' : 'pending';
    const ends = world.now + (automatic ? 24 : 48) * HOUR;
    world.requests.push({ key, requester: who, stages, review: false, state, stage: 0, votes: [], ends, effects: 0 });
    await same(world, { db });
  },
  toString: () => `${who} opens${automatic ? ' by rule' : ''}`,
});

const decides = (at: number, who: string, decision: 'approve' | 'deny', stale: boolean): Act =>
  about(
    `${who}: ${decision}${stale ? ' of an old plan' : ''}`,
    at,
    async ({ key }, { now }, { db }) => {
      const digest = stale ? 'f'.repeat(64) : (await loadRequest(db, key)).digest;
      return codeOf(decide(db, key, { person: who, decision, why: 'y', digest, via: 'test' }, new Date(now)));
    },
    (one, world) => {
      if (one.state !== 'pending') return 'request_settled';
      if (overdue(one, world)) {
        one.state = 'expired';
        return 'request_settled';
      }
      if (stale) return 'plan_changed';
      if (who === one.requester || who === one.reviewed) return 'requester';
      if (one.votes.some((vote) => vote.person === who)) return 'voted';
      const stage = one.stages[one.stage]!;
      if (!stage.group.includes(who)) return 'not_in_group';
      one.votes.push({ person: who, stage: one.stage });
      if (decision === 'deny') one.state = 'denied';
      else if (one.votes.filter((vote) => vote.stage === one.stage).length >= stage.need) {
        if (one.stage + 1 < one.stages.length) {
          one.stage += 1;
          one.ends = world.now + one.stages[one.stage]!.hours * HOUR;
        } else {
          one.state = one.review ? 'done' : 'approved';
          one.ends = world.now + 24 * HOUR;
        }
      }
      return null;
    },
  );

const withdraws = (at: number, who: string): Act =>
  about(
    `${who}: withdraw`,
    at,
    ({ key }, { now }, { db }) => codeOf(withdraw(db, key, { person: who, why: 'z' }, new Date(now))),
    (one) => {
      if (one.state !== 'pending' && one.state !== 'approved' && one.state !== 'applying') return 'request_settled';
      if (one.review) return 'review_by_others';
      if (who !== one.requester && !one.stages.some(({ group }) => group.includes(who))) return 'not_in_group';
      one.state = 'withdrawn';
      return null;
    },
  );

function overrides(at: number, who: string): Act {
  let review: number | null = null;
  return about(
    `${who}: break-glass`,
    at,
    async ({ key }, { now }, { db }) => {
      const { digest } = await loadRequest(db, key);
      const given = { person: who, why: 'fire', digest, via: 'test', at: new Date(now) };
      return codeOf(
        override(db, key, given, EMERGENCY).then((opened) => {
          review = opened;
        }),
      );
    },
    (one, world) => {
      if (one.state !== 'pending') return 'request_settled';
      if (overdue(one, world)) {
        one.state = 'expired';
        return 'request_settled';
      }
      // Whoever broke the glass does not look back at it alone.
      if (one.review) return 'review_by_others';
      if (!GROUPS.security.includes(who)) return 'not_in_group';
      // Neither whoever asked nor whoever breaks the glass looks back at it.
      if (GROUPS.security.every((member) => member === who || member === one.requester)) return 'nobody_can_approve';
      one.state = 'approved';
      one.ends = world.now + EMERGENCY.ends_hours * HOUR;
      const stages = [{ group: GROUPS.security, need: 1, hours: 168 }];
      const ends = world.now + 168 * HOUR;
      const fresh = {
        key: review!,
        requester: who,
        reviewed: one.requester,
        stages,
        review: true,
        stage: 0,
        votes: [],
        ends,
        effects: 0,
      };
      world.requests.push({ ...fresh, state: 'pending' });
      return null;
    },
  );
}

const passes = (hours: number, sweeps: boolean): Act => ({
  check: () => true,
  async run(world, { db }) {
    world.now += hours * HOUR;
    if (!sweeps) return;
    while ((await sweepRequests(db, new Date(world.now))) > 0);
    for (const one of world.requests)
      if ((one.state === 'pending' || one.state === 'approved') && overdue(one, world)) one.state = 'expired';
    await same(world, { db });
  },
  toString: () => `${hours} hours${sweeps ? ', swept' : ''}`,
});

const claims = (at: number): Act =>
  about(
    'claim',
    at,
    async (one, { now }, { db }) => {
      const intended = planOf().changes.map((change, position) => ({
        position,
        forward: true,
        target: 'senders',
        change: change as MadeChange,
      }));
      if (await claim(db, one.key, intended, new Date(now))) one.effects += 1;
      return null;
    },
    (one, world) => {
      if (one.state === 'approved' && !overdue(one, world)) one.state = 'applying';
      return null;
    },
  );

const ENDS = { finish: 'done', activate: 'active', hand_over: 'handed_over', fail: 'failed', outdate: 'stale' } as const;

const ends = (at: number, step: keyof typeof ENDS): Act =>
  about(
    step,
    at,
    async ({ key }, { now }, { db }) => {
      const end = step === 'finish' || step === 'activate' ? { step, says: 'x', watch_hours: 72 } : { step, says: 'x' };
      await endApplying(db, key, end, new Date(now));
      return null;
    },
    (one) => {
      if (one.state === 'applying') one.state = ENDS[step];
      return null;
    },
  );

const watchEnds = (at: number, step: 'settle' | 'return'): Act =>
  about(
    step,
    at,
    async ({ key }, { now }, { db }) => {
      await endWatch(db, key, { step, says: 'x' }, new Date(now));
      return null;
    },
    (one) => {
      if (one.state === 'active') one.state = step === 'settle' ? 'done' : 'returned';
      return null;
    },
  );

const appears = (at: number): Act =>
  about(
    'appear',
    at,
    async ({ key }, { now }, { db }) => {
      await endAwaited(db, key, new Date(now));
      return null;
    },
    (one) => {
      if (one.state === 'handed_over' || one.state === 'pending' || one.state === 'approved') one.state = 'done';
      return null;
    },
  );

const person = fc.constantFrom(...PEOPLE);
const at = fc.nat(5);
const COMMANDS = [
  fc.tuple(person, fc.boolean()).map((given) => open(...given)),
  fc
    .tuple(at, person, fc.constantFrom('approve', 'approve', 'approve', 'deny'), fc.nat(9))
    .map(([one, who, decision, stale]) => decides(one, who, decision as 'approve' | 'deny', stale === 0)),
  fc.tuple(at, person).map(([one, who]) => decides(one, who, 'approve', false)),
  fc.tuple(at, person).map((given) => withdraws(...given)),
  fc.tuple(at, person).map((given) => overrides(...given)),
  fc.tuple(fc.constantFrom(1, 5, 23, 25, 49, 170), fc.boolean()).map((given) => passes(...given)),
  at.map(claims),
  fc.tuple(at, fc.constantFrom(...(Object.keys(ENDS) as (keyof typeof ENDS)[]))).map((given) => ends(...given)),
  fc.tuple(at, fc.constantFrom<['settle', 'return']>('settle', 'return')).map((given) => watchEnds(...given)),
  at.map(appears),
];

test(`in ${RUNS} random lives, requests are as the model says, and nothing happens twice`, async () => {
  const seen = new Set<State>();
  await fc.assert(
    fc.asyncProperty(fc.commands(COMMANDS, { maxCommands: 30, size: '+1' }), async (commands) => {
      let world = new World();
      await fc.asyncModelRun(() => {
        world = new World();
        return { model: world, real: { db: t.db } };
      }, commands);
      await path(
        world.requests.map(({ key }) => key),
        seen,
      );
    }),
    { numRuns: RUNS },
  );
  expect((await verifyAudit(t.db)).faults).toEqual([]);
  // A run that reaches little proves little.
  if (RUNS >= 1000) expect([...seen].sort()).toEqual(REACHED);
}, 3_600_000);

const REACHED: State[] = [
  'active',
  'applying',
  'approved',
  'denied',
  'done',
  'expired',
  'failed',
  'handed_over',
  'pending',
  'returned',
  'stale',
  'withdrawn',
];

/**
 * Each state of a request follows from the one before it by a step of the table, and none is decided twice.
 */
async function path(keys: readonly number[], seen: Set<State>): Promise<void> {
  const { rows } = await t.db.query<{ request_key: number; states: State[]; decided: number; rule: Frozen }>(
    `select e.request_key, array_agg(e.state order by e.event_key) as states,
            count(*) filter (where e.event in ('approve', 'override')) as decided
       from ruawatch.request_events e where e.request_key = any($1::bigint[]) group by 1`,
    [keys],
  );
  for (const { request_key, states, decided } of rows) {
    expect(Number(decided), `decisions on request ${request_key}`).toBeLessThanOrEqual(1);
    for (const one of states) seen.add(one);
    let state: State = states[0]!;
    for (const next of states.slice(1)) {
      const steps = (Object.keys(STEPS) as Step[]).map((step) => after(state, step));
      expect(next === state || steps.includes(next), `request ${request_key}: ${state} → ${next}`).toBe(true);
      state = next;
    }
  }
}
