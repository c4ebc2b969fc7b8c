import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { exceptionsOf } from '../../../services/requests/audit-report.ts';
import { approvalsSchema } from '../../../services/requests/rules.ts';
import { verifyAudit } from '../../../services/store/requests/audit.ts';
import { auditedRequests } from '../../../services/store/requests/audit-report.ts';
import { decide, override, withdraw } from '../../../services/store/requests/decide.ts';
import { syncGroups } from '../../../services/store/requests/groups.ts';
import { openRequest } from '../../../services/store/requests/open.ts';
import { loadRequest } from '../../../services/store/requests/requests.ts';
import { checkReachable, sweepRequests } from '../../../services/store/requests/sweep.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';
import { GROUPS, planOf, rulesOf } from '../../requests/sample.ts';

let t: TestDatabase;
beforeEach(async () => {
  t = await testDatabase();
  await syncGroups(t.db, { groups: GROUPS, deputies: [] });
});
afterEach(() => t.drop());

const [ADA, BEN, CLEO] = GROUPS.mail as [string, string, string];
const [DORA] = GROUPS.security as [string, string];
const TWO = {
  name: 'two',
  stages: [{ group: 'mail', need: 2, within_hours: 10, remind_hours: 2, escalate: { after_hours: 4, times: 2, to: 'security' } }],
};
const PLAIN = { name: 'plain', stages: [{ group: 'mail', need: 2 }] };
const STAGES = { name: 'stages', stages: [{ group: 'mail' }, { group: 'security', within_hours: 5 }] };
const START = new Date('2026-11-27T08:00:00Z');
const later = (hours: number) => new Date(START.getTime() + hours * 3_600_000);

const openOne = async (rule: object = TWO, part: object = {}) =>
  (await openRequest(
    t.db,
    rulesOf(rule),
    { plan: planOf(), requester: 'new_source', requester_kind: 'playbook', why: 'a finding', ...part },
    START,
  ))!;
const vote = async (key: number, person: string, decision: 'approve' | 'deny' = 'approve', at: Date | null = later(1)) =>
  decide(t.db, key, { person, decision, why: 'looked at it', digest: (await loadRequest(t.db, key)).digest, via: 'test' }, at);
const stateOf = async (key: number) => (await loadRequest(t.db, key)).state;
const events = async (key: number) =>
  (
    await t.db.query<{ event: string; recipients: string[] }>(
      'select event, recipients from ruawatch.request_events where request_key = $1 order by event_key',
      [key],
    )
  ).rows;

test('two different people approve; a third learns that it is decided', async () => {
  const key = await openOne();
  expect(await vote(key, ADA)).toBe('pending');
  await expect(vote(key, ADA)).rejects.toMatchObject({ code: 'voted' });
  expect(await vote(key, BEN)).toBe('approved');
  await expect(vote(key, CLEO)).rejects.toMatchObject({
    code: 'request_settled',
    message: `Request ${key} is approved already.`,
  });
  expect((await events(key)).map(({ event }) => event)).toEqual(['open', 'vote', 'approve']);
  expect((await events(key)).at(-1)!.recipients).toEqual([...GROUPS.mail].sort());
});

test('stages follow one another, each asks its own people', async () => {
  const key = await openOne(STAGES);
  await expect(vote(key, DORA)).rejects.toMatchObject({ code: 'not_in_group' });
  expect(await vote(key, ADA)).toBe('pending');
  expect(await loadRequest(t.db, key)).toMatchObject({ stage: 1, expires_at: later(6) });
  await expect(vote(key, BEN)).rejects.toMatchObject({ code: 'not_in_group' });
  expect(await vote(key, DORA)).toBe('approved');
});

test('whoever asks does not decide, and is notified of the decision', async () => {
  const key = await openOne(TWO, { requester: ADA, requester_kind: 'person' });
  expect((await events(key))[0]!.recipients).toEqual([BEN, CLEO]);
  await expect(vote(key, ADA)).rejects.toMatchObject({ code: 'requester' });
  await vote(key, BEN);
  await vote(key, CLEO);
  expect((await events(key)).at(-1)!.recipients).toContain(ADA);
});

test('a denial ends it, unless more are asked for', async () => {
  const key = await openOne();
  expect(await vote(key, ADA, 'deny')).toBe('denied');
  await expect(vote(key, BEN)).rejects.toMatchObject({ code: 'request_settled' });
  const second = await openOne({ ...TWO, denials: 2 });
  expect(await vote(second, ADA, 'deny')).toBe('pending');
  expect(await vote(second, BEN)).toBe('pending');
  expect(await vote(second, CLEO, 'deny')).toBe('denied');
});

test('a decision on another plan than the one that was shown does not count', async () => {
  const key = await openOne();
  await expect(
    decide(t.db, key, { person: ADA, decision: 'approve', why: 'x', digest: '0'.repeat(64), via: 'test' }, later(1)),
  ).rejects.toMatchObject({
    code: 'plan_changed',
  });
});

test('a quorum that cannot be reached without whoever asks is refused at once', async () => {
  const rule = { name: 'all', stages: [{ group: 'mail', need: 3 }] };
  await expect(openOne(rule, { requester: ADA, requester_kind: 'person' })).rejects.toMatchObject({ code: 'nobody_can_approve' });
  await expect(openOne({ ...TWO, when: { kinds: ['policy.step'] } })).rejects.toMatchObject({ code: 'no_rule' });
});

test('of many who approve at once, the needed number decides, and it is decided once', async () => {
  const groups = { mail: Array.from({ length: 12 }, (_, i) => `p${i}@example.com`), security: GROUPS.security };
  await syncGroups(t.db, { groups, deputies: [] });
  for (let round = 0; round < 10; round++) {
    const key = await openOne({ ...TWO, stages: [{ group: 'mail', need: 3 }] });
    const { digest } = await loadRequest(t.db, key);
    const ends = await Promise.allSettled(
      groups.mail.map((person) => decide(t.db, key, { person, decision: 'approve', why: 'x', digest, via: 'test' })),
    );
    expect(ends.filter((end) => end.status === 'fulfilled')).toHaveLength(3);
    expect((await events(key)).filter(({ event }) => event === 'approve')).toHaveLength(1);
    expect(await stateOf(key)).toBe('approved');
  }
  expect((await verifyAudit(t.db)).faults).toEqual([]);
});

test('an approval that comes in time is never an expiry too, and the other way round', async () => {
  for (let round = 0; round < 20; round++) {
    const key = await openOne(STAGES);
    const at = later(72);
    await Promise.allSettled([vote(key, ADA, 'approve', round % 2 === 0 ? at : later(71.9)), sweepRequests(t.db, at)]);
    const request = await loadRequest(t.db, key);
    expect(request.state === 'expired' || (request.state === 'pending' && request.stage === 1)).toBe(true);
    expect((await events(key)).filter(({ event }) => event === 'expire' || event === 'stage')).toHaveLength(1);
  }
});

describe('time', () => {
  test('nobody decides: a reminder, two escalations, then the end, and nothing after it', async () => {
    const key = await openOne();
    for (let hour = 1; hour <= 30; hour++) await sweepRequests(t.db, later(hour));
    const seen = (await events(key)).map(({ event }) => event);
    expect(seen).toEqual(['open', 'remind', 'escalate', 'remind', 'escalate', 'expire']);
    expect(await stateOf(key)).toBe('expired');
    await expect(vote(key, ADA, 'approve', later(31))).rejects.toMatchObject({ code: 'request_settled' });
  });

  test('some of the group are mailed, and all of it may decide', async () => {
    await syncGroups(t.db, { groups: { ...GROUPS, duty: [ADA] }, deputies: [] });
    const rules = approvalsSchema.parse({
      groups: { ...GROUPS, duty: [ADA] },
      rules: [{ name: 'duty', stages: [{ group: 'mail', ask: 'duty', within_hours: 10, remind_hours: 2 }] }],
    }).rules;
    const key = (await openRequest(
      t.db,
      rules,
      { plan: planOf(), requester: 'new_source', requester_kind: 'playbook', why: 'a finding' },
      START,
    ))!;
    await sweepRequests(t.db, later(3));
    expect((await events(key)).map(({ event, recipients }) => [event, recipients])).toEqual([
      ['open', [ADA]],
      ['remind', [ADA]],
    ]);
    expect(await vote(key, BEN, 'approve', later(4))).toBe('approved');
  });

  test('whom it was escalated to may decide from then on', async () => {
    const key = await openOne();
    await expect(vote(key, DORA, 'approve', later(3))).rejects.toMatchObject({ code: 'not_in_group' });
    await sweepRequests(t.db, later(4));
    expect(await vote(key, DORA, 'approve', later(5))).toBe('pending');
    expect(await vote(key, ADA, 'approve', later(5))).toBe('approved');
  });

  test('a vote after the end ends the request, and says so', async () => {
    const key = await openOne();
    await expect(vote(key, ADA, 'approve', later(10))).rejects.toMatchObject({ code: 'request_settled' });
    expect(await stateOf(key)).toBe('expired');
  });

  test('an approval that is not applied in time ends', async () => {
    const key = await openOne({ ...TWO, stages: [{ group: 'mail' }], apply_within_hours: 3 });
    await vote(key, ADA);
    await sweepRequests(t.db, later(3.9));
    expect(await stateOf(key)).toBe('approved');
    await sweepRequests(t.db, later(4));
    expect(await stateOf(key)).toBe('expired');
  });

  test('a deputy decides in his days alone', async () => {
    const deputies = [{ for: ADA, by: 'gus@example.com', from: '2026-11-28', until: '2026-11-29' }];
    await syncGroups(t.db, { groups: GROUPS, deputies });
    const key = await openOne({ ...TWO, stages: [{ group: 'mail', need: 2, within_hours: 200 }] });
    await expect(vote(key, 'gus@example.com', 'approve', new Date('2026-11-27T23:59:59Z'))).rejects.toMatchObject({
      code: 'not_in_group',
    });
    expect(await vote(key, 'gus@example.com', 'approve', new Date('2026-11-28T00:00:00Z'))).toBe('pending');
  });
});

test('who has left the group does not decide, and a quorum that is out of reach is said once', async () => {
  const key = await openOne({ ...TWO, stages: [{ group: 'mail', need: 2 }] });
  expect(await checkReachable(t.db, later(1))).toBe(0);
  await syncGroups(t.db, { groups: { ...GROUPS, mail: [ADA] }, deputies: [] });
  await expect(vote(key, BEN)).rejects.toMatchObject({ code: 'not_in_group' });
  expect(await checkReachable(t.db, later(1))).toBe(1);
  expect(await checkReachable(t.db, later(2))).toBe(1);
  await syncGroups(t.db, { groups: GROUPS, deputies: [] });
  expect(await checkReachable(t.db, later(3))).toBe(0);
  expect((await events(key)).map(({ event }) => event)).toEqual(['open', 'unreachable', 'reachable']);
});

test('whoever asked withdraws it, and others do not', async () => {
  const key = await openOne(TWO, { requester: 'zoe@example.com', requester_kind: 'person' });
  await expect(withdraw(t.db, key, { person: 'stranger@example.com', why: 'x' })).rejects.toMatchObject({ code: 'not_in_group' });
  await withdraw(t.db, key, { person: 'zoe@example.com', why: 'not needed' });
  expect(await loadRequest(t.db, key)).toMatchObject({ state: 'withdrawn', outcome: 'Withdrawn by zoe@example.com: not needed' });
  await sweepRequests(t.db, later(100));
  expect((await events(key)).map(({ event }) => event)).toEqual(['open', 'withdraw']);
});

test('a record of an own domain is asked for under that domain, whatever parent is named', async () => {
  for (const domain of ['example.com', 'shop.example.com'])
    await t.db.query("insert into ruawatch.domains (domain, state, how, since) values ($1, 'own', 'added', now())", [domain]);
  const record = (name: string) => [
    {
      target: 'dns' as const,
      name,
      type: 'TXT' as const,
      ttl: { before: null, after: 60 },
      before: [],
      after: [{ text: 'x', wire: '0178' }],
    },
  ];
  const ask = (name: string, domain: string) =>
    openOne(TWO, { plan: planOf({ kind: 'dns.change', domain, changes: record(name) }) });
  for (const domain of ['com', 'example.com'])
    await expect(ask('_dmarc.mail.shop.example.com', domain)).rejects.toMatchObject({
      code: 'wrong_domain',
      message: expect.stringContaining('ask for it as a change of shop.example.com.'),
    });
  expect(await ask('_dmarc.mail.shop.example.com', 'shop.example.com')).toBe(1);
  expect(await ask('_dmarc.mail.shop.example.com', 'mail.shop.example.com')).toBe(2);
  expect(await ask('mail.elsewhere.example', 'elsewhere.example')).toBe(3);
  expect(await ask('mail.example.com', 'example.com')).toBe(4);
});

test('a person who is named as a playbook withdraws no request of it', async () => {
  const key = await openOne(TWO, { requester: 'new-sender' });
  await expect(withdraw(t.db, key, { person: 'new-sender', why: 'x' })).rejects.toMatchObject({ code: 'not_in_group' });
});

test('a deputy decides in the place of somebody who is away, not of whoever asked or has decided', async () => {
  const day = START.toISOString().slice(0, 10);
  const deputies = [{ for: ADA, by: 'gus@example.com', from: day, until: day }];
  await syncGroups(t.db, { groups: GROUPS, deputies });
  const asked = await openOne(TWO, { requester: ADA, requester_kind: 'person' });
  await expect(vote(asked, 'gus@example.com')).rejects.toMatchObject({ code: 'not_in_group' });
  const other = await openOne(TWO);
  await vote(other, ADA);
  await expect(vote(other, 'gus@example.com')).rejects.toMatchObject({ code: 'not_in_group' });
  const third = await openOne(TWO);
  expect(await vote(third, 'gus@example.com')).toBe('pending');
});

describe('places of a group', () => {
  const GUS = 'gus@example.com';
  const day = START.toISOString().slice(0, 10);
  const deputyOf = (...of: string[]) => of.map((person) => ({ for: person, by: GUS, from: day, until: '2026-11-29' }));
  const sync = (mail: readonly string[], of: string[], security = GROUPS.security) =>
    syncGroups(t.db, { groups: { mail: [...mail], security }, deputies: deputyOf(...of) });

  test('a place decides once: not the deputy and then the person', async () => {
    await sync(GROUPS.mail, [ADA]);
    const key = await openOne(TWO);
    expect(await vote(key, GUS)).toBe('pending');
    await expect(vote(key, ADA)).rejects.toMatchObject({
      code: 'voted',
      message: `Request ${key} was not decided. gus@example.com has decided in your place already.`,
    });
    expect(await vote(key, BEN)).toBe('approved');
    const { rows } = await t.db.query('select person, in_place_of from dmarc.decisions order by person');
    expect(rows).toEqual([
      { person: BEN, in_place_of: null },
      { person: GUS, in_place_of: ADA },
    ]);
  });

  test('nor in a later stage, nor once to approve and once to deny', async () => {
    await sync(GROUPS.mail, [ADA], [...GROUPS.security, ADA]);
    const key = await openOne(STAGES);
    await vote(key, GUS);
    await expect(vote(key, ADA)).rejects.toMatchObject({ code: 'voted' });
    const two = await openOne({ ...TWO, denials: 2 });
    await vote(two, GUS, 'deny');
    await expect(vote(two, ADA, 'deny')).rejects.toMatchObject({ code: 'voted' });
  });

  test('a deputy who is of the group decides in the own place, and of two persons who are away in one', async () => {
    await sync([ADA, BEN, GUS], [ADA, BEN]);
    const key = await openOne(TWO);
    await vote(key, GUS);
    expect(await vote(key, ADA)).toBe('approved');
    await sync([ADA, BEN], [ADA, BEN]);
    const other = await openOne(TWO);
    await vote(other, GUS);
    await expect(vote(other, GUS)).rejects.toMatchObject({ code: 'voted' });
    await expect(vote(other, ADA)).rejects.toMatchObject({ code: 'voted' });
    expect(await vote(other, BEN)).toBe('approved');
  });

  test('a deputy makes no quorum', async () => {
    await sync([ADA], [ADA]);
    await expect(openOne({ name: 'two', stages: [{ group: 'security' }, { group: 'mail', need: 2 }] })).rejects.toThrow();
    await sync([ADA, BEN], [ADA]);
    const key = await openOne(PLAIN);
    await sync([ADA], [ADA]);
    expect(await checkReachable(t.db, later(1))).toBe(1);
    await expect(openOne(PLAIN)).rejects.toMatchObject({ code: 'nobody_can_approve' });
    expect((await loadRequest(t.db, key)).state).toBe('pending');
  });

  test('a deputy of whoever asked does not look back at the break-glass about it', async () => {
    await sync([ADA, BEN], [ADA]);
    const key = await openOne(TWO, { requester: ADA, requester_kind: 'person' }).catch(() => null);
    expect(key).toBeNull();
    const one = { name: 'one', stages: [{ group: 'mail' }] };
    const asked = await openOne(one, { requester: ADA, requester_kind: 'person' });
    const { digest } = await loadRequest(t.db, asked);
    const glass = { person: DORA, why: 'fire', digest, via: 'test', at: later(1) };
    const review = await override(t.db, asked, glass, { group: 'security', ends_hours: 2, review: 'mail' });
    await expect(vote(review, GUS, 'approve', later(2))).rejects.toMatchObject({ code: 'not_in_group' });
    await expect(vote(review, ADA, 'approve', later(2))).rejects.toMatchObject({ code: 'requester' });
    expect((await events(review))[0]!.recipients).toEqual([BEN]);
  });

  test('break-glass is refused when the asker alone could look back at it', async () => {
    await sync([ADA], []);
    const asked = await openOne({ name: 's', stages: [{ group: 'security' }] }, { requester: ADA, requester_kind: 'person' });
    const { digest } = await loadRequest(t.db, asked);
    await expect(
      override(
        t.db,
        asked,
        { person: DORA, why: 'x', digest, via: 'test', at: later(1) },
        { group: 'security', ends_hours: 2, review: 'mail' },
      ),
    ).rejects.toMatchObject({ code: 'nobody_can_approve' });
  });
});

describe('an account whose address the provider changes', () => {
  let subjects = 0;
  /** An account of a provider that had the first of these addresses, then the next. */
  const hadAll = async (first: string, ...next: string[]) => {
    const { rows } = await t.db.query<{ person_key: number }>(
      `insert into ruawatch.people (name, email, role, all_domains, created_at, created_by, oidc_issuer, oidc_subject, oidc_checked_at)
       values ($1, $1, 'operator', true, now(), 'test', 'https://login.example', $2, now()) returning person_key`,
      [first, `s${++subjects}`],
    );
    for (const email of next)
      await t.db.query('update ruawatch.people set email = $2 where person_key = $1', [rows[0]!.person_key, email]);
    return rows[0]!.person_key;
  };

  test('decides once, whatever it is called', async () => {
    const key = await openOne(TWO);
    expect(await vote(key, ADA)).toBe('pending');
    await hadAll(ADA, CLEO);
    await expect(vote(key, CLEO)).rejects.toMatchObject({ code: 'voted' });
    await expect(vote(key, CLEO, 'deny')).rejects.toMatchObject({ code: 'voted' });
    expect(await vote(key, BEN)).toBe('approved');
  });

  test('does not decide about what it asked for under the other address, nor is it asked', async () => {
    await hadAll(ADA, CLEO);
    const key = await openOne({ name: 'one', stages: [{ group: 'mail' }] }, { requester: ADA, requester_kind: 'person' });
    expect((await events(key))[0]!.recipients).toEqual([BEN]);
    await expect(vote(key, CLEO)).rejects.toMatchObject({ code: 'requester' });
    await expect(openOne(TWO, { requester: CLEO, requester_kind: 'person' })).rejects.toMatchObject({
      code: 'nobody_can_approve',
    });
    const { digest } = await loadRequest(t.db, key);
    const glass = { person: DORA, why: 'fire', digest, via: 'test', at: later(1) };
    const review = await override(t.db, key, glass, { group: 'security', ends_hours: 2, review: 'mail' });
    await expect(vote(review, CLEO, 'approve', later(2))).rejects.toMatchObject({ code: 'requester' });
  });

  test('nor does its deputy in the place that is named after the other address', async () => {
    const day = START.toISOString().slice(0, 10);
    const deputies = [{ for: CLEO, by: 'gus@example.com', from: day, until: day }];
    await syncGroups(t.db, { groups: GROUPS, deputies });
    await hadAll(ADA, CLEO);
    const key = await openOne(TWO);
    await vote(key, ADA);
    await expect(vote(key, 'gus@example.com')).rejects.toMatchObject({ code: 'not_in_group' });
  });

  test('is the same after it was removed here and came back', async () => {
    const gone = await hadAll(ADA);
    await t.db.query("update ruawatch.people set ended_at = now(), ended_by = 'test' where person_key = $1", [gone]);
    subjects--;
    await hadAll(CLEO);
    const key = await openOne(TWO);
    await vote(key, ADA);
    await expect(vote(key, CLEO)).rejects.toMatchObject({ code: 'voted' });
  });

  test('and two accounts are two people', async () => {
    await hadAll(ADA, 'ada.old@example.com');
    await hadAll(CLEO, 'cleo.old@example.com');
    const key = await openOne(TWO);
    await vote(key, ADA);
    expect(await vote(key, CLEO)).toBe('approved');
  });
});

describe('an approval of somebody who has left the group since', () => {
  const mail = (...people: string[]) => syncGroups(t.db, { groups: { ...GROUPS, mail: people }, deputies: [] });

  test('does not count, and whoever decides next reads so', async () => {
    const key = await openOne(TWO);
    await vote(key, ADA);
    await mail(BEN, CLEO);
    expect(await vote(key, BEN)).toBe('pending');
    const { rows } = await t.db.query('select says from ruawatch.request_events order by event_key desc limit 1');
    expect(rows[0].says).toBe(
      `${BEN} approved it. One more is needed at this stage. ${ADA} has left the group since and does not count.`,
    );
    expect(await vote(key, CLEO)).toBe('approved');
  });

  test('is missed before anybody decides: too few may be left', async () => {
    const key = await openOne(PLAIN);
    await vote(key, ADA);
    await mail(BEN);
    expect(await checkReachable(t.db, later(1))).toBe(1);
    await mail(BEN, CLEO);
    expect(await checkReachable(t.db, later(2))).toBe(0);
    expect((await events(key)).map(({ event }) => event)).toEqual(['open', 'vote', 'unreachable', 'reachable']);
  });

  test('counts again when that person is back, and of a stage that is over', async () => {
    const key = await openOne(TWO);
    await vote(key, ADA);
    await mail(BEN, CLEO);
    await mail(ADA, BEN, CLEO);
    expect(await vote(key, BEN)).toBe('approved');
    const stages = await openOne(STAGES);
    await vote(stages, ADA);
    await mail(BEN);
    expect(await vote(stages, DORA)).toBe('approved');
  });

  test('a denial holds', async () => {
    const key = await openOne({ ...TWO, denials: 2 });
    await vote(key, ADA, 'deny');
    await mail(BEN, CLEO);
    expect(await vote(key, BEN, 'deny')).toBe('denied');
  });

  test('of a deputy, when the settings do not name him for that day any more', async () => {
    const day = START.toISOString().slice(0, 10);
    const deputies = [{ for: ADA, by: 'gus@example.com', from: day, until: day }];
    await syncGroups(t.db, { groups: GROUPS, deputies });
    const key = await openOne({ ...TWO, stages: [{ group: 'mail', need: 2, within_hours: 200 }] });
    await vote(key, 'gus@example.com');
    expect(await vote(key, BEN, 'approve', later(48))).toBe('approved');
    const other = await openOne(TWO);
    await vote(other, 'gus@example.com');
    await mail(...GROUPS.mail);
    expect(await vote(other, BEN)).toBe('pending');
  });
});

describe('break-glass', () => {
  const EMERGENCY = { group: 'mail', ends_hours: 2, review: 'security' };
  const glass = async (key: number, person: string, emergency: typeof EMERGENCY | null = EMERGENCY) =>
    override(
      t.db,
      key,
      { person, why: 'mail is down', digest: (await loadRequest(t.db, key)).digest, via: 'test', at: later(1) },
      emergency,
    );

  test('one person decides alone, all are notified, and a review opens that he cannot decide', async () => {
    const key = await openOne(TWO, { requester: ADA, requester_kind: 'person' });
    const review = await glass(key, ADA);
    expect(await loadRequest(t.db, key)).toMatchObject({ state: 'approved', emergency: true, expires_at: later(3) });
    expect((await events(key)).at(-1)).toMatchObject({
      event: 'override',
      recipients: [...GROUPS.mail, ...GROUPS.security].sort(),
    });
    expect(await loadRequest(t.db, review)).toMatchObject({ kind: 'review', state: 'pending', requester: ADA });
    expect(await vote(review, DORA)).toBe('done');
  });

  test('its review is decided by somebody else than both, and neither withdrawn nor decided by break-glass', async () => {
    const key = await openOne(TWO, { requester: DORA, requester_kind: 'person' });
    const review = await glass(key, ADA);
    await expect(withdraw(t.db, review, { person: ADA, why: 'x' }, later(1))).rejects.toMatchObject({ code: 'review_by_others' });
    await expect(glass(review, BEN)).rejects.toMatchObject({ code: 'review_by_others' });
    await expect(vote(review, DORA)).rejects.toMatchObject({ code: 'requester' });
    expect(await vote(review, GROUPS.security[1]!)).toBe('done');
  });

  test('is kept beside a vote that the same person gave before, and the report for an auditor shows both', async () => {
    const key = await openOne({ ...TWO, denials: 2 });
    await vote(key, ADA, 'deny');
    await glass(key, ADA);
    await t.db.query('update ruawatch.requests set applied_at = $2 where request_key = $1', [key, later(2)]);
    const [row] = await auditedRequests(t.db, { from: later(-1), to: later(30) });
    expect(row!.decisions.map(({ decision }) => decision).sort()).toEqual(['deny', 'override']);
    expect(exceptionsOf(row!).map(({ says }) => says)).not.toContainEqual(expect.stringContaining('without a decision'));
  });

  test('a request whose time is over ends, and is not approved', async () => {
    const key = await openOne(TWO);
    const { digest } = await loadRequest(t.db, key);
    const given = { person: ADA, why: 'x', digest, via: 'test', at: later(1000) };
    await expect(override(t.db, key, given, EMERGENCY)).rejects.toMatchObject({ code: 'request_settled' });
    expect(await stateOf(key)).toBe('expired');
  });

  test('it is for the people of its group, and off without the setting', async () => {
    const key = await openOne();
    await expect(glass(key, DORA)).rejects.toMatchObject({ code: 'not_in_group' });
    await expect(glass(key, ADA, null)).rejects.toMatchObject({ code: 'emergency_off' });
    expect(await stateOf(key)).toBe('pending');
  });

  test('nobody decides alone when nobody could look back at it: nothing is changed', async () => {
    await syncGroups(t.db, { groups: { mail: GROUPS.mail, security: [ADA] }, deputies: [] });
    const key = await openOne({ ...TWO, stages: [{ group: 'mail', need: 2 }] });
    await expect(glass(key, ADA)).rejects.toMatchObject({ code: 'nobody_can_approve' });
    expect(await stateOf(key)).toBe('pending');
  });
});

test('a rule decides the routine up to its ceiling, also of many at once, and people the rest', async () => {
  const rules = rulesOf({ name: 'routine', when: { risk: 'low' }, decide: 'automatic', ceiling: { per_day: 3 } }, { ...TWO });
  const keys = await Promise.all(
    Array.from({ length: 6 }, () =>
      openRequest(t.db, rules, { plan: planOf(), requester: 'x', requester_kind: 'service', why: 'y' }, START),
    ),
  );
  const states = await Promise.all(keys.map((key) => stateOf(key!)));
  expect(states.filter((state) => state === 'approved')).toHaveLength(3);
  expect(states.filter((state) => state === 'pending')).toHaveLength(3);
  const tomorrow = await openRequest(
    t.db,
    rules,
    { plan: planOf(), requester: 'x', requester_kind: 'service', why: 'y' },
    later(24),
  );
  expect(await stateOf(tomorrow!)).toBe('approved');
});

test('a playbook opens one request about a finding, and another when that is over', async () => {
  const finding = { key: 7, kind: 'new_source', severity: 'low', summary: 'x' };
  const given = { plan: planOf({ finding }), playbook: 'approve' };
  const keys = await Promise.all([openOne(TWO, given), openOne(TWO, given), openOne(TWO, given)]);
  const opened = keys.filter((key) => key !== null);
  expect(opened).toHaveLength(1);
  await vote(opened[0]!, ADA, 'deny');
  expect(await openOne(TWO, given)).not.toBeNull();
});
