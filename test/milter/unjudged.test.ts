import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { UnjudgedNotes } from '../../services/milter/unjudged.ts';
import type { Db } from '../../services/shared/runtime/db.ts';
import type { Unjudged } from '../../services/store/milter/unjudged.ts';
import { type TestDatabase, testDatabase } from '../helpers/database.ts';
import { until } from '../helpers/services.ts';

let database: TestDatabase;
let logged: unknown[];
beforeAll(async () => {
  database = await testDatabase();
});
afterAll(() => database.drop());
beforeEach(async () => {
  logged = [];
  await database.db.query('truncate ruawatch.milter_unjudged');
});

const AT = new Date('2026-11-27T12:00:00Z');
const note = (why: string, outcome: Unjudged['outcome'] = 'accept'): Unjudged => ({
  at: AT,
  outcome,
  why,
  queue_id: '4AF2',
  peer_ip: '203.0.113.9',
  envelope_from: 'x@mail.example',
  header_from_domain: 'example.com',
  message_id: '<1@x>',
});
const notesIn = (db: Db = database.db) =>
  new UnjudgedNotes(db, { warn: (facts: object, text: string) => void logged.push([facts, text]) } as never);
const stored = async () =>
  (await database.db.query<{ why: string }>('select why from ruawatch.milter_unjudged order by why')).rows.map(({ why }) => why);

test('each is logged at once by what became of the mail, and written once', async () => {
  const notes = notesIn();
  notes.add(note('a'));
  notes.add(note('b', 'tempfail'));
  expect(logged).toEqual([
    [note('a'), 'a mail passed that could not be judged'],
    [note('b', 'tempfail'), 'a mail could not be judged: the client must try again'],
  ]);
  expect(await stored()).toEqual([]);
  await notes.write(AT);
  await notes.write(AT);
  expect(await stored()).toEqual(['a', 'b']);
  notes.add(note('c'));
  await notes.end(AT);
  expect(await stored()).toEqual(['a', 'b', 'c']);
  expect(logged).toHaveLength(3);
});

test('one that comes while others are written is written the next time', async () => {
  const notes = notesIn();
  notes.add(note('a'));
  const other = await database.db.connect();
  try {
    await other.query('begin');
    await other.query('lock table ruawatch.milter_unjudged');
    const written = notes.write(AT);
    await until(async () => (await other.query("select 1 from pg_locks where not granted and locktype = 'relation'")).rowCount);
    notes.add(note('b'));
    await other.query('commit');
    await written;
  } finally {
    other.release();
  }
  expect(await stored()).toEqual(['a']);
  await notes.write(AT);
  expect(await stored()).toEqual(['a', 'b']);
});

test('what cannot be written stays, and is in the log alone when that is the end', async () => {
  let away = true;
  const db = Object.assign(Object.create(database.db), {
    connect: () => (away ? Promise.reject(new Error('it is away')) : database.db.connect()),
  });
  const notes = notesIn(db);
  notes.add(note('a'));
  notes.add(note('b'));
  await expect(notes.write(AT)).rejects.toThrow('it is away');
  logged = [];
  await notes.end(AT);
  expect(logged).toEqual([[{ err: 'it is away', mails: 2 }, 'mails that could not be judged are noted in this log alone']]);
  away = false;
  await notes.write(AT);
  expect(await stored()).toEqual(['a', 'b']);
});

test('ten thousand wait for a store that is away', async () => {
  const notes = notesIn();
  for (let n = 0; n <= 10_000; n++) notes.add(note('x'));
  expect(logged).toHaveLength(10_001);
  await notes.write(AT);
  expect(await stored()).toHaveLength(10_000);
});
