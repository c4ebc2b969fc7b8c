import { afterEach, beforeEach, expect, test } from 'vitest';
import { parseLargeMessage } from '../../services/parser/parse-streaming.ts';
import { openReaders, type Readers } from '../../services/parser/reading/pool.ts';
import { type TestDatabase, testDatabase } from '../helpers/database.ts';
import { receive, reportMail, reportXml, trusting } from '../helpers/report.ts';

let t: TestDatabase;
let readers: Readers;
beforeEach(async () => {
  t = await testDatabase();
});
afterEach(async () => {
  await readers.close();
  await t.drop();
});

/** A report of so many records, written so that no two of its lines have one length. */
function large(records: number): Buffer {
  const xml = reportXml();
  const record = /<record>.*<\/record>/s.exec(xml)![0];
  const many = Array.from({ length: records }, (_, n) => record.replace('<record>', `<record> ${'\n'.repeat(n % 3)}`));
  return reportMail(xml.replace(record, many.join('')));
}

test('a thread that is stopped in the middle of a report leaves no record, and the mail is kept with the reason', async () => {
  readers = openReaders({
    parser: { isolate: true, concurrency: 1, time_budget_seconds: 0.5, memory_budget_mb: 64 } as never,
    limits: { ratio: 1e9 } as never,
  });
  let lines = 0;
  const counting: Readers = {
    ...readers,
    lock: readers.lock,
    small: (...given) => readers.small(...given),
    large: async function* (...given) {
      for await (const piece of readers.large(...given)) {
        if (piece.type === 'lines') lines++;
        yield piece;
      }
    },
  };
  const [key] = await receive(t, [large(120_000)]);
  const result = await parseLargeMessage(t.db, key!, {
    trust: trusting('off'),
    privacy: {} as never,
    readers: counting,
    raws: new Map(),
    months: { before: async () => undefined } as never,
    aside: undefined,
  });
  expect(lines).toBeGreaterThan(0);
  expect(result.messages).toMatchObject([{ message_key: key, state: 'quarantined', code: 'time_budget' }]);
  const { rows } = await t.db.query('select count(*)::integer as n from ruawatch.records');
  expect(rows).toEqual([{ n: 0 }]);
});
