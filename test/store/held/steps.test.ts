import { afterEach, beforeEach, expect, test } from 'vitest';
import { transaction } from '../../../services/shared/runtime/db.ts';
import { loadHeld } from '../../../services/store/held/held.ts';
import { holdMessage } from '../../../services/store/held/hold.ts';
import {
  chooseCopy,
  clearBounce,
  clearDot,
  doubtHeld,
  forgetBodies,
  noteBounce,
  noteCleared,
  noteDenial,
  noteDot,
  resolveDoubt,
  retryHeld,
  settleRelease,
  settleStop,
  takeHeld,
} from '../../../services/store/held/steps.ts';
import { heldWork } from '../../../services/store/held/work.ts';
import { decide } from '../../../services/store/requests/decide.ts';
import { syncGroups } from '../../../services/store/requests/groups.ts';
import { loadRequest } from '../../../services/store/requests/requests.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';
import { account, OF_REQUESTS } from '../../helpers/ledger.ts';
import { heldOf, KEY } from '../../requests/held/sample.ts';
import { GROUPS, rulesOf } from '../../requests/sample.ts';

let t: TestDatabase;
let key: number;
beforeEach(async () => {
  t = await testDatabase();
  await syncGroups(t.db, { groups: GROUPS, deputies: [] });
  const rules = rulesOf({ name: 'held', when: { kinds: ['messages.release'] }, stages: [{ group: 'mail' }] });
  ({ held_key: key } = await holdMessage(t.db, heldOf(), { rules, key: KEY, most: 100 }));
});
afterEach(() => t.drop());

test('what could not be done is tried again after twice the time, five minutes at most', async () => {
  const at = new Date('2026-11-20T12:00:00Z');
  const waits: number[] = [];
  for (let i = 0; i < 11; i++) {
    await retryHeld(t.db, await loadHeld(t.db, key), `No ${i}.`, at);
    const { rows } = await t.db.query<{ retry_at: Date; answer: string; tries: number }>(
      'select retry_at, answer, tries from ruawatch.held_messages',
    );
    expect(rows[0]).toMatchObject({ answer: `No ${i}.`, tries: i + 1 });
    waits.push((rows[0]!.retry_at.getTime() - at.getTime()) / 1000);
  }
  expect(waits).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
});

test('of two processes that are to tell the sender one does, and again when it has certainly not gone', async () => {
  const told = await Promise.all([noteBounce(t.db, key), noteBounce(t.db, key)]);
  expect(told.sort()).toEqual([false, true]);
  expect(await noteBounce(t.db, key)).toBe(false);
  await clearBounce(t.db, key);
  expect(await noteBounce(t.db, key)).toBe(true);
});

const START = new Date('2026-11-27T08:00:00Z');
const later = (hours: number) => new Date(START.getTime() + hours * 3_600_000);
const MS = 1 / 3_600_000;
type Act = [string, () => Promise<unknown>];
const [ADA, BEN] = GROUPS.mail as [string, string];

let mails = 0;
/** Holds another mail. Its key and that of its request are the same. */
const hold = (rule: object = {}, part: Parameters<typeof heldOf>[0] = {}): Act => [
  `a mail is held, ${JSON.stringify(rule)}`,
  async () => {
    const rules = rulesOf({ name: 'held', stages: [{ group: 'mail', need: 2, remind_hours: null }], denials: 2, ...rule });
    mails += 1;
    const id = String(mails);
    const mail = heldOf({ queue_id: `Q${id}`, message_id: `<${id}@evil.example>`, recipients: [`r${id}@example.com`], ...part });
    return holdMessage(t.db, mail, { rules, key: KEY, most: 100, at: START, host: 'mx1' });
  },
];
const vote = (key: number, person: string, decision: 'approve' | 'deny', denied_as?: 'reject' | 'delete'): Act => [
  `${person} says ${decision} of ${key}`,
  async () => {
    const { digest } = await loadRequest(t.db, key);
    const also = denied_as === undefined ? undefined : (tx: Parameters<typeof noteDenial>[0]) => noteDenial(tx, key, denied_as);
    return decide(t.db, key, { person, decision, why: 'so', digest, via: 'test', ...(also ? { also } : {}) }, later(1));
  },
];
const take = (key: number, at = 2, on_denial: 'reject' | 'delete' = 'reject'): Act => [
  `what is to be done with ${key} after ${at} h`,
  async () => {
    const { what, held } = await takeHeld(t.db, key, on_denial, later(at));
    return `${what} of ${held.held_key}, which is ${held.state}`;
  },
];
const stop = (key: number, state: 'rejected' | 'deleted' | 'expired' | 'lost'): Act => [
  `${key} is ${state}`,
  () => settleStop(t.db, key, { state, answer: `It is ${state}.` }, later(5)),
];
const marks = (key: number): Act[] => [
  [`the dot of ${key} is noted`, () => noteDot(t.db, key)],
  ['and again', () => noteDot(t.db, key)],
  ['it was not taken', () => clearDot(t.db, key)],
  ['and again', () => noteDot(t.db, key)],
];
const work: Act = [
  'what is left to be done: on mx1, on mx2, in the store',
  () =>
    Promise.all([
      heldWork(t.db, { kept_in: 'postfix', host: 'mx1' }, later(3)),
      heldWork(t.db, { kept_in: 'postfix', host: 'mx2' }, later(3)),
      heldWork(t.db, { kept_in: 'store' }, later(3)),
    ]),
];
const AUTO = { decide: 'automatic', ceiling: { per_day: 9 }, stages: [], denials: 1 };

const STORIES: Record<string, () => Act[]> = {
  released: () => [
    hold(),
    take(1),
    ...marks(1).slice(0, 1),
    vote(1, ADA, 'approve'),
    vote(1, GROUPS.mail[2]!, 'deny'),
    take(1),
    vote(1, BEN, 'approve'),
    work,
    take(1, 25),
    take(1, 25 - MS),
    take(1, 26),
    ...marks(1),
    ['a copy is let go', () => chooseCopy(t.db, 1, 'Q1')],
    ['another', () => chooseCopy(t.db, 1, 'Q2')],
    ['it was not taken', () => clearDot(t.db, 1)],
    ['it is tried again', async () => retryHeld(t.db, await loadHeld(t.db, 1), 'Not now.', later(3))],
    work,
    ['it is released', () => settleRelease(t.db, 1, 'Delivered.', later(4))],
    ['and again', () => settleRelease(t.db, 1, 'Delivered.', later(5))],
    ['nobody doubts it', () => doubtHeld(t.db, 1, 'Who knows.', later(5))],
    stop(1, 'lost'),
    work,
    take(1),
    ['copies are gone, not all', () => noteCleared(t.db, 1, ['Q7'])],
    ['copies are gone', () => noteCleared(t.db, 1, ['Q1', 'Q7'])],
    take(1),
    work,
  ],
  'released-by-a-rule': () => [
    hold({ ...AUTO, windows: [{ days: ['friday'], from: '08:00', to: '12:00' }] }),
    take(1, 4),
    take(1, 3),
    ...marks(1).slice(0, 1),
    ['it is not ours to doubt', () => resolveDoubt(t.db, 1, { arrived: true, person: ADA, why: 'x' }, later(4))],
    ['nobody knows', () => doubtHeld(t.db, 1, 'Who knows.', later(4))],
    ['and again', () => doubtHeld(t.db, 1, 'Who knows?', later(4))],
    ['the dot again', async () => (await clearDot(t.db, 1)) ?? noteDot(t.db, 1)],
    take(1, 3),
    work,
    ['it did not arrive', () => resolveDoubt(t.db, 1, { arrived: false, person: ADA, why: 'she says so' }, later(5))],
    take(1, 3),
    ['nobody knows', () => doubtHeld(t.db, 1, 'Who knows.', later(6))],
    ['it arrived', () => resolveDoubt(t.db, 1, { arrived: true, person: ADA, why: 'he says so' }, later(7))],
    ['and again', () => resolveDoubt(t.db, 1, { arrived: true, person: ADA, why: 'he says so' }, later(8))],
    hold({ ...AUTO, windows: [{ days: ['monday'], from: '08:00', to: '12:00' }] }),
    take(2, 3),
    [
      'it is an emergency',
      () => t.db.query('update ruawatch.requests set emergency = true, decided_at = null where request_key = 2').then(() => null),
    ],
    take(2, 3),
    hold(AUTO),
    ['it has no end', () => t.db.query('update ruawatch.requests set expires_at = null where request_key = 3').then(() => null)],
    take(3, 1000),
    stop(3, 'lost'),
    stop(3, 'deleted'),
  ],
  stopped: () => [
    hold(),
    vote(1, ADA, 'deny', 'delete'),
    vote(1, BEN, 'deny', 'delete'),
    take(1),
    stop(1, 'deleted'),
    ['a denial that comes late', () => transaction(t.db, (tx) => noteDenial(tx, 1, 'reject'))],
    hold(),
    vote(2, ADA, 'deny'),
    vote(2, BEN, 'deny'),
    take(2),
    take(2, 2, 'delete'),
    stop(2, 'rejected'),
    hold(),
    stop(3, 'lost'),
    hold(AUTO),
    stop(4, 'expired'),
    hold(AUTO),
    [
      'somebody withdraws it',
      () => t.db.query("update ruawatch.requests set state = 'withdrawn' where request_key = 5").then(() => null),
    ],
    take(5),
    stop(5, 'expired'),
    hold({}, { kept_in: 'store', queue_id: null }),
    ['it is a draft', () => t.db.query("update ruawatch.requests set state = 'draft' where request_key = 6").then(() => null)],
    take(6),
    stop(6, 'lost'),
    work,
    ['octets that are kept', () => forgetBodies(t.db, 30, later(5 + 30 * 24 - MS))],
    ['octets that are over', () => forgetBodies(t.db, 30, later(5 + 30 * 24))],
    ['and again', () => forgetBodies(t.db, 30, later(5 + 30 * 24))],
  ],
};

test.each(Object.keys(STORIES))('what is written of a mail: %s', async (name) => {
  await t.db.query('truncate ruawatch.requests, ruawatch.held_messages restart identity cascade');
  mails = 0;
  const queries = {
    ...OF_REQUESTS,
    held: `select held_key, state, kept_in, host, queue_ids, denied_as, decided_by, decided_at, dot_at is not null as dot, copy_id, tries, retry_at, answer, doubt,
                  settled_at, cleared_at is not null as cleared, body_gone_at from ruawatch.held_messages order by 1`,
    body: 'select held_key as body from ruawatch.held_bodies order by 1',
  };
  await expect(await account({ db: t.db, start: START, queries }, STORIES[name]!())).toMatchFileSnapshot(`golden/${name}.txt`);
});
