import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { carryOut, type ReleaseMeans } from '../../../services/milter/release/carry-out.ts';
import { PermanentError, TransientError } from '../../../services/shared/errors.ts';
import type { Context } from '../../../services/shared/runtime/service.ts';
import { loadHeld } from '../../../services/store/held/held.ts';
import { holdMessage } from '../../../services/store/held/hold.ts';
import { decide } from '../../../services/store/requests/decide.ts';
import { syncGroups } from '../../../services/store/requests/groups.ts';
import { loadRequest } from '../../../services/store/requests/requests.ts';
import { testContext } from '../../helpers/context.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';
import { heldOf, KEY } from '../../requests/held/sample.ts';
import { GROUPS, rulesOf } from '../../requests/sample.ts';

let t: TestDatabase;
let context: Context;
let said: { level: number; held: number; answer: string; msg: string }[] = [];
beforeEach(async () => {
  t = await testDatabase();
  await syncGroups(t.db, { groups: GROUPS, deputies: [] });
  context = testContext(t);
  said = [];
});
afterEach(async () => {
  await context.queues.close();
  await t.drop();
});

const rules = rulesOf({
  name: 'held',
  when: { kinds: ['messages.release'] },
  stages: [{ group: 'mail', need: 1, within_hours: 1 }],
});

/** Means whose hold queue answers as it is told to. */
const meansOf = (list: ReleaseMeans['queue']['list']): ReleaseMeans => {
  const unused = () => Promise.reject(new Error('nothing else of the queue is used'));
  return {
    db: t.db,
    log: pino({ base: null, timestamp: false }, { write: (line: string) => void said.push(JSON.parse(line)) }),
    settings: { ...context.config.milter.hold, smtpUrl: null },
    authservId: null,
    key: KEY,
    outbound: null,
    queue: { list, letGo: unused, remove: unused, read: unused, readHeader: unused },
    at: () => null,
    now: () => new Date(),
  };
};
/** A mail of the hold queue that is to be delivered. */
const approved = async () => {
  const { held_key, request_key } = await holdMessage(t.db, heldOf(), { rules, key: KEY, most: 100, host: 'mx1' });
  const { digest } = await loadRequest(t.db, request_key);
  await decide(t.db, request_key, { person: GROUPS.mail![0]!, decision: 'approve', why: 'looked at it', digest, via: 'test' });
  return held_key;
};
const after = async (held_key: number) => {
  const { state, doubt, tries, answer } = await loadHeld(t.db, held_key);
  return { state, doubt, tries, answer };
};

test.each<[string, ReleaseMeans['queue']['list'], string]>([
  [
    'a program of Postfix that cannot be run now',
    () => Promise.reject(new TransientError('postfix', 'postqueue did not answer.')),
    'postqueue did not answer.',
  ],
  ['a mail that is not in the hold queue yet', async () => [], 'The mail is not in the hold queue yet.'],
])('%s is tried again', async (_, list, answer) => {
  const held_key = await approved();
  for (const tries of [1, 2]) {
    said = [];
    expect(await carryOut(held_key, meansOf(list))).toBe(true);
    expect(await after(held_key)).toEqual({ state: 'releasing', doubt: false, tries, answer });
    expect(said).toEqual([
      {
        level: 40,
        held: held_key,
        answer,
        msg: 'a decision about a held mail cannot be carried out yet; it is tried again',
      },
    ]);
  }
});

test.each<[string, Error]>([
  ['an error that stays', new PermanentError('postfix', 'It will never work.')],
  ['an error of the program', new TypeError('broken')],
])('%s is thrown as it is, and nothing is written down', async (_, error) => {
  const held_key = await approved();
  await expect(
    carryOut(
      held_key,
      meansOf(() => Promise.reject(error)),
    ),
  ).rejects.toBe(error);
  expect(await after(held_key)).toEqual({ state: 'releasing', doubt: false, tries: 0, answer: null });
  expect(said).toEqual([]);
});
