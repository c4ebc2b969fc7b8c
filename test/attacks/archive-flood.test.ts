import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { runDoctor } from '../../services/cli/commands/doctor.ts';
import { parseMessages } from '../../services/parser/parse-messages.ts';
import { keepArchive } from '../../services/parser/upkeep/raw-archive-retention.ts';
import type { Context } from '../../services/shared/runtime/service.ts';
import { archiveSize, measureArchive } from '../../services/store/messages/archive.ts';
import { replayMessages } from '../../services/store/messages/messages.ts';
import { testContext } from '../helpers/context.ts';
import { type TestDatabase, testDatabase } from '../helpers/database.ts';
import { receive, reportMail, reportXml, trusting } from '../helpers/report.ts';

/**
 * The mailbox is open to the world: what strangers send must not fill the disk, nor push a report out of the
 * archive.
 */
let t: TestDatabase;
let context: Context;
let lines: Record<string, unknown>[];
beforeEach(async () => {
  t = await testDatabase();
  lines = [];
  const write = (level: string) => (o: object, msg: string) => lines.push({ ...o, level, msg });
  context = { ...testContext(t), log: { info: write('info'), warn: write('warn') } as never };
});
afterEach(async () => {
  await context.queues.close();
  await t.drop();
});

const KB = 1_000;
/** What no compression makes smaller. */
const junk = (size: number) => Buffer.concat([Buffer.from('Subject: hello\r\n\r\n'), randomBytes(size)]);
const broken = (size: number) =>
  Buffer.from(`Subject: Report\r\nContent-Type: text/xml\r\n\r\n<feedback><x>${randomBytes(size / 2).toString('hex')}`);
const parse = (keys: number[]) => parseMessages(t.db, keys, { trust: trusting('off') });
const keep = (retention: Partial<Context['config']['retention']>) => {
  context.config.retention = { ...context.config.retention, ...retention };
  return keepArchive(context);
};
const left = async () =>
  (
    await t.db.query<{ state: string; mails: number }>(
      `select state, count(*)::int as mails from ruawatch.messages m
        where exists (select from ruawatch.raw r where r.message_key = m.message_key) group by 1 order by 1`,
    )
  ).rows;

test('over the total ignored mails go first, then quarantined ones, the oldest first; those of reports stay', async () => {
  const reports = await receive(
    t,
    [1, 2, 3].map((n) => reportMail(reportXml({ id: `r${n}` }), { unique: `${n}` })),
  );
  const quarantined = await receive(
    t,
    Array.from({ length: 5 }, () => broken(10 * KB)),
  );
  const ignored = await receive(
    t,
    Array.from({ length: 20 }, () => junk(10 * KB)),
  );
  await parse([...reports, ...quarantined, ...ignored]);
  expect(await left()).toEqual([
    { state: 'ignored', mails: 20 },
    { state: 'quarantined', mails: 5 },
    { state: 'stored', mails: 3 },
  ]);
  await keep({ raw_total_gb: 1 });
  expect(lines).toEqual([]);
  const exact = (await t.db.query<{ n: number }>('select sum(octet_length(bytes)) as n from ruawatch.raw')).rows[0]!.n;
  expect(await archiveSize(t.db)).toBe(exact);

  await keep({ raw_total_gb: (exact + 10 * KB) / 1e9 });
  expect(lines).toMatchObject([{ level: 'warn', setting: 'retention.raw_total_gb', msg: expect.stringContaining('above 80%') }]);

  lines = [];
  await keep({ raw_total_gb: (exact - 50 * KB) / 1e9 });
  expect(await left()).toMatchObject([{ state: 'ignored', mails: expect.any(Number) }, { mails: 5 }, { mails: 3 }]);
  expect(lines[0]).toMatchObject({ level: 'info', state: 'ignored', setting: 'retention.raw_total_gb' });
  const kept = await t.db.query<{ key: number }>(
    "select message_key as key from ruawatch.messages where raw_gone_at is null and state = 'ignored' order by 1",
  );
  expect(kept.rows.map((row) => row.key)).toEqual([...ignored].sort((a, b) => a - b).slice(-kept.rows.length));
  expect(kept.rows.length).toBeGreaterThanOrEqual(14);
  expect(await archiveSize(t.db)).toBe(
    (await t.db.query<{ n: number }>('select sum(octet_length(bytes)) as n from ruawatch.raw')).rows[0]!.n,
  );

  await keep({ raw_total_gb: (20 * KB) / 1e9 });
  expect(await left()).toMatchObject([
    { state: 'quarantined', mails: expect.any(Number) },
    { state: 'stored', mails: 3 },
  ]);
  lines = [];
  await keep({ raw_total_gb: 1 / 1e9 });
  expect(await left()).toEqual([{ state: 'stored', mails: 3 }]);
  expect(lines.at(-1)).toMatchObject({ level: 'warn', msg: expect.stringContaining('and these are kept') });
  // Their rows stay, and nothing is replayed that has no bytes.
  expect(await replayMessages(t.db, { states: ['ignored', 'quarantined'] })).toEqual([]);
  const metrics = await context.metrics.registry.metrics();
  expect(metrics).toMatch(/ruawatch_raw_bytes [1-9]\d+/);
  expect(metrics).toContain('ruawatch_raw_total_bytes 1');
  const said: string[] = [];
  await runDoctor({ ...context.config, databaseUrl: t.url, httpListen: null }, (line) => said.push(line));
  expect(said.find((line) => line.includes('archive:'))).toMatch(
    /^-- {4}archive: 0\.00 GB of raw mail, of 1e-9 .*ignored mails are deleted/,
  );
  // Without a limit there is no number to show, and no infinite one to plot.
  await keep({ raw_total_gb: null });
  expect(await context.metrics.registry.metrics()).not.toMatch(/^ruawatch_raw_total_bytes\b/m);
});

test('what is ignored goes after its days, and nothing else', async () => {
  const [stored, old, young] = await receive(t, [reportMail(reportXml()), junk(KB), junk(KB)]);
  await parse([stored!, old!, young!]);
  for (const table of ['messages', 'raw'])
    await t.db.query(
      `update ruawatch.${table} set stored_at = date_trunc('day', now()) - interval '31 days' where message_key = any($1)`,
      [[stored, old]],
    );
  await keep({});
  expect(await left()).toEqual([
    { state: 'ignored', mails: 1 },
    { state: 'stored', mails: 1 },
  ]);
  await keep({ ignored_days: null });
  expect(await left()).toMatchObject([{ mails: 1 }, { mails: 1 }]);
});

test('a flood in the room of what was deleted is measured too, and a mail being replayed is left alone', async () => {
  const flood = async () =>
    parse(
      await receive(
        t,
        Array.from({ length: 30 }, () => junk(10 * KB)),
      ),
    );
  for (let round = 0; round < 3; round++) {
    await flood();
    await keep({ raw_total_gb: (100 * KB) / 1e9 });
    await t.db.query('vacuum ruawatch.raw, ruawatch.messages');
    expect(await measureArchive(t.db)).toBeLessThan(100 * KB);
  }
  const [key] = await receive(t, [junk(10 * KB)]);
  await parse([key!]);
  await t.db.query('update ruawatch.messages set message_key = 0 where message_key = $1', [key]);
  await t.db.query('update ruawatch.raw set message_key = 0 where message_key = $1', [key]);
  const client = await t.db.connect();
  try {
    await client.query("begin; update ruawatch.messages set state = 'received' where message_key = 0");
    await keep({ raw_total_gb: 1 / 1e9 });
    await client.query('commit');
  } finally {
    client.release();
  }
  expect(await left()).toEqual([{ state: 'received', mails: 1 }]);
});
