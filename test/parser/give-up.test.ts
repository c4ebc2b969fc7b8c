import { UnrecoverableError } from 'bullmq';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { giveUp } from '../../services/parser/give-up.ts';
import { PermanentError, TransientError } from '../../services/shared/errors.ts';
import { deathOf } from '../../services/shared/runtime/queue-worker.ts';
import type { Context } from '../../services/shared/runtime/service.ts';
import { testContext } from '../helpers/context.ts';
import { type TestDatabase, testDatabase } from '../helpers/database.ts';
import { receive, reportMail, reportXml } from '../helpers/report.ts';

let t: TestDatabase;
let context: Context;
beforeEach(async () => {
  t = await testDatabase();
  context = testContext(t);
});
afterEach(async () => {
  await context.queues.close();
  await t.drop();
});

test.each<[string, Error, string]>([
  ['our own transient error', new TransientError('busy', 'Somebody holds it.'), 'received'],
  ['a lost connection', Object.assign(new Error('gone'), { code: 'ECONNRESET' }), 'received'],
  ['a job that the queue gave up', new UnrecoverableError('job stalled more than allowable limit'), 'received'],
  ['a permanent error, whatever its words', new PermanentError('broken', 'A stalled report is broken.'), 'failed'],
  ['an error of the program that tells of stalled jobs', new TypeError('stalled is not a function'), 'failed'],
])('by its type: %s', async (_, error, state) => {
  const keys = await receive(t, [reportMail(reportXml())]);
  // As the queue hands it over: what a handler threw is the cause.
  const thrown =
    error instanceof UnrecoverableError ? error : Object.assign(new UnrecoverableError(error.message), { cause: error });
  await giveUp(context, keys, deathOf(thrown));
  expect((await t.db.query('select state from ruawatch.messages')).rows).toEqual([{ state }]);
});
