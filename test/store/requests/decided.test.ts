import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { applyRequest } from '../../../services/applier/apply.ts';
import { approvalsSchema } from '../../../services/requests/rules.ts';
import { decide, override } from '../../../services/store/requests/decide.ts';
import { refuseUndecided, undecided } from '../../../services/store/requests/decided.ts';
import { syncGroups } from '../../../services/store/requests/groups.ts';
import { openRequest } from '../../../services/store/requests/open.ts';
import { loadRequest } from '../../../services/store/requests/requests.ts';
import { testContext } from '../../helpers/context.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';
import { GROUPS, planOf, rulesOf } from '../../requests/sample.ts';

let t: TestDatabase;
beforeAll(async () => {
  t = await testDatabase();
});
afterAll(() => t.drop());
beforeEach(async () => {
  await t.db.query('truncate ruawatch.requests cascade');
  await syncGroups(t.db, { groups: GROUPS, deputies: [] });
});

const TWO = rulesOf({ name: 'two', stages: [{ group: 'mail', need: 2 }, { group: 'security' }] });
const AUTO = rulesOf({ name: 'auto', decide: 'automatic', ceiling: { per_day: 9 } });
const ask = async (rules = TWO) =>
  (await openRequest(t.db, rules, { plan: planOf(), requester: 'zoe@example.com', requester_kind: 'person', why: 'x' }))!;
const vote = async (key: number, person: string) =>
  decide(t.db, key, { person, decision: 'approve', why: 'so', digest: (await loadRequest(t.db, key)).digest, via: 'test' });
const lacks = async (key: number, rules = TWO) => undecided(t.db, await loadRequest(t.db, key), rules);
/** As somebody does who has the password of a role that may write requests. */
const mark = (key: number, state: string) =>
  t.db.query(
    "update ruawatch.requests set state = $2, decided_at = now(), expires_at = now() + interval '1 day' where request_key = $1",
    [key, state],
  );

describe('a request that says that it is approved', () => {
  test('was, when all the people of all stages have approved this plan', async () => {
    const key = await ask();
    for (const person of ['ada@example.com', 'ben@example.com', 'dora@example.com']) {
      expect(await lacks(key)).not.toBeNull();
      await vote(key, person);
    }
    expect(await lacks(key)).toBeNull();
    // The plan was exchanged after the votes.
    const other = await ask();
    await t.db.query(
      'update ruawatch.requests r set plan = o.plan, digest = md5(o.digest) || md5(o.digest) from ruawatch.requests o where r.request_key = $1 and o.request_key = $2',
      [key, other],
    );
    expect(await lacks(key)).toBe('Of the 2 people who had to approve this plan at stage 1, 0 have.');
  });

  test('was not, when a state was written and nobody has voted, or too few', async () => {
    const key = await ask();
    await mark(key, 'approved');
    expect(await lacks(key)).toBe('Of the 2 people who had to approve this plan at stage 1, 0 have.');
    const some = await ask();
    await vote(some, 'ada@example.com');
    await mark(some, 'applying');
    expect(await lacks(some)).toBe('Of the 2 people who had to approve this plan at stage 1, 1 have.');
    const nobody = await ask();
    await t.db.query(`update ruawatch.requests set rule = jsonb_set(rule, '{stages}', '[]') where request_key = $1`, [nobody]);
    expect(await lacks(nobody)).toBe('Its rule names nobody who decides.');
  });

  test('was by break-glass, when somebody has decided so', async () => {
    const emergency = approvalsSchema.parse({ groups: GROUPS, emergency: { group: 'security', review: 'mail' } }).emergency;
    const key = await ask();
    const { digest } = await loadRequest(t.db, key);
    await override(t.db, key, { person: 'dora@example.com', why: 'fire', digest, via: 'test' }, emergency);
    expect(await lacks(key)).toBeNull();
    const forged = await ask();
    await t.db.query("update ruawatch.requests set state = 'approved', emergency = true where request_key = $1", [forged]);
    expect(await lacks(forged)).toBe('Nobody has decided it by break-glass.');
  });

  test('was by a rule, when the settings have that rule, and it matches', async () => {
    const key = await ask(AUTO);
    expect(await lacks(key, AUTO)).toBeNull();
    const gone = 'The settings have no rule "auto" any more that decides this by itself. Ask again if it is still wanted.';
    expect(await lacks(key, TWO)).toBe(gone);
    expect(
      await lacks(key, rulesOf({ name: 'auto', when: { kinds: ['policy.step'] }, decide: 'automatic', ceiling: { per_day: 9 } })),
    ).toBe(gone);
    // A rule that somebody has written into the request.
    const forged = await ask();
    await t.db.query(
      `update ruawatch.requests set state = 'approved', rule = rule || '{"decide": "automatic", "stages": [], "rule": "mine"}' where request_key = $1`,
      [forged],
    );
    expect(await lacks(forged, AUTO)).toMatch(/no rule "mine" any more/);
    await t.db.query(`update ruawatch.requests set rule = rule || '{"rule": "grant 7"}' where request_key = $1`, [forged]);
    expect(await lacks(forged, AUTO)).toBe('There is no grant 7 of zoe@example.com that it could rest on.');
  });
});

test.each(['approved', 'applying'])(
  'one that was not is not carried out from "%s", and everybody who decides is told',
  async (state) => {
    const context = testContext(t);
    const key = await ask();
    await mark(key, state);
    const means = {
      db: t.db,
      log: context.log,
      targets: [],
      rules: TWO,
      at: () => null,
      now: () => new Date(),
      signal: new AbortController().signal,
    };
    expect(await applyRequest(await loadRequest(t.db, key), means)).toBe(true);
    expect(await loadRequest(t.db, key)).toMatchObject({
      state: 'failed',
      outcome: expect.stringMatching(/^It is not carried out: it is marked as approved, and was not\..*find out who\.$/),
    });
    expect((await t.db.query('select 1 from ruawatch.sender_list')).rows).toEqual([]);
    const { rows } = await t.db.query<{ tell: string[] }>(
      "select * from ruawatch.request_events where request_key = $1 and event = 'fail'",
      [key],
    );
    expect(JSON.stringify(rows)).toContain('emil@example.com');
    // What is settled stays so.
    await refuseUndecided(t.db, key, 'x', null);
    expect((await loadRequest(t.db, key)).outcome).not.toContain(' x ');
    await context.queues.close();
  },
);
