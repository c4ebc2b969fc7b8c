import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { parseMessages } from '../../../services/parser/parse-messages.ts';
import { replayMessages } from '../../../services/store/messages/messages.ts';
import { countDeaths, markedTransaction } from '../../../services/store/messages/parse-marks.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';
import { receive, reportMail, reportXml, trusting } from '../../helpers/report.ts';

let t: TestDatabase;
beforeEach(async () => {
  t = await testDatabase();
});
afterEach(() => t.drop());

const mail = (id: string) => reportMail(reportXml({ id }), { unique: id });
const parse = (keys: number[]) => parseMessages(t.db, keys, { trust: trusting('off') });
/** What a worker leaves behind when it is killed over these messages. */
const die = (keys: number[]) => t.db.query('insert into ruawatch.parsing (messages) values ($1)', [keys]);
const rows = async (keys: number[]) => {
  const { rows: all } = await t.db.query('select message_key, state, code, worker_deaths from ruawatch.messages');
  return keys.map((key) => {
    const { state, code, worker_deaths } = all.find((row) => row.message_key === key);
    return [state, code, worker_deaths];
  });
};
const marks = async () => (await t.db.query('select count(*) as n from ruawatch.parsing where not counted')).rows[0].n;

describe('messages over which workers died', () => {
  test('are parsed one by one after the first death, and set aside after the third; the others of the batch are stored', async () => {
    const keys = await receive(t, [mail('a'), mail('b'), mail('c')]);
    await die(keys);
    await die([keys[1]!]);
    expect(await countDeaths(t.db, keys)).toBe(2);
    await die([keys[1]!]);
    const { messages } = await parse(keys);
    expect(messages.map((m) => m.code)).toEqual([null, null, 'killed_worker']);
    expect(messages[2]!.message_key).toBe(keys[1]);
    expect(await rows(keys)).toEqual([
      ['stored', null, 1],
      ['quarantined', 'killed_worker', 3],
      ['stored', null, 1],
    ]);
    expect(await marks()).toBe(0);

    expect(await replayMessages(t.db, { keys: [keys[1]!] })).toEqual([keys[1]]);
    await parse(keys);
    expect((await rows(keys))[1]).toEqual(['stored', null, 0]);
  });

  test('a mark that its worker holds counts for nothing, whether the work succeeds or fails', async () => {
    const keys = await receive(t, [mail('a')]);
    for (const fails of [false, true]) {
      const work = markedTransaction(t.db, keys, async () => {
        expect(await countDeaths(t.db, keys)).toBe(0);
        if (fails) throw new Error('planted');
      });
      if (fails) await expect(work).rejects.toThrow('planted');
      else await work;
      expect(await marks()).toBe(0);
    }
    expect(await rows(keys)).toEqual([['received', null, 0]]);
  });

  test('a worker that lost its connection and lives takes back the death that others counted, and what followed from it', async () => {
    const keys = await receive(t, [mail('a')]);
    await die(keys);
    await die(keys);
    expect(await countDeaths(t.db, keys)).toBe(2);
    const work = markedTransaction(t.db, keys, async (tx) => {
      const { rows: backend } = await tx.query('select pg_backend_pid() as pid');
      await t.db.query('select pg_terminate_backend($1)', [backend[0].pid]);
      // Nobody holds the mark now: another worker takes it for a death, the third.
      await vi.waitFor(async () => expect(await countDeaths(t.db, keys)).toBe(1));
      await parse(keys);
      expect(await rows(keys)).toEqual([['quarantined', 'killed_worker', 3]]);
      await tx.query('select 1');
    });
    await expect(work).rejects.toThrow();
    expect(await rows(keys)).toEqual([['received', null, 2]]);
    await parse(keys);
    expect(await rows(keys)).toEqual([['stored', null, 2]]);
  });

  test('what cannot be taken back at once is taken back before the next work', async () => {
    const keys = await receive(t, [mail('a'), mail('b')]);
    await t.db.query(
      'create function refuse() returns trigger language plpgsql as $$ begin raise exception $1; end $$'.replace(
        '$1',
        "'planted'",
      ),
    );
    const refuse = 'create trigger refuse before delete on ruawatch.parsing for each statement execute function refuse()';
    await t.db.query(refuse);
    await expect(markedTransaction(t.db, [keys[0]!], async () => undefined)).rejects.toThrow('planted');
    await t.db.query('drop trigger refuse on ruawatch.parsing');
    expect(await countDeaths(t.db, keys)).toBe(1);
    expect((await rows(keys))[0]).toEqual(['received', null, 1]);
    await markedTransaction(t.db, [keys[1]!], async () => undefined);
    expect((await rows(keys))[0]).toEqual(['received', null, 0]);
    expect(await marks()).toBe(0);
  });
});
