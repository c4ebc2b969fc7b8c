import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Writer } from '../../../services/collector/intake/writer.ts';
import { joinAll, type RoundMeans } from '../../../services/collector/joining/rounds.ts';
import { GuardWatch } from '../../../services/shared/guard-watch.ts';
import { LOG_PROGRAMS } from '../../../services/shared/settings/collector.ts';
import { putOwn } from '../../../services/store/domains/domains.ts';
import { type LogSource, putFileSource } from '../../../services/store/sending/sources.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';
import { linesOf, type MessageLines, SOURCE } from '../setup.ts';

const NOW = new Date('2026-11-27T12:00:00Z');
let t: TestDatabase;
let source: LogSource;
let logged: unknown[];
let woken: (readonly string[])[];
let means: RoundMeans;
const log = pino(
  { base: null, timestamp: false, level: 'warn' },
  { write: (line: string) => void logged.push(JSON.parse(line)) },
);
beforeEach(async () => {
  t = await testDatabase();
  source = await putFileSource(t.db, SOURCE);
  logged = [];
  woken = [];
  means = {
    db: t.db,
    log,
    hash: (name) => `h:${name}`,
    declared: new GuardWatch(null, log),
    insideNetworks: [],
    now: () => NOW,
    wake: async (domains) => void woken.push(domains),
  };
});
afterEach(() => t.drop());

/** Lines of messages, stored and to be judged in the order of their ids. */
async function store(given: MessageLines[], of = source): Promise<void> {
  const { db, hash } = means;
  const programs = new Set(LOG_PROGRAMS);
  const writer = new Writer({ db, log, hash, programs, now: () => NOW, count: () => undefined });
  await writer.take(
    of,
    given.flatMap((one) =>
      linesOf(one).map((line) => ({ text: one.relay === 'local' ? line.replace('postfix/smtp[', 'postfix/local[') : line })),
    ),
  );
  await t.db.query(
    `update ruawatch.log_open o set received_at = $1::timestamptz + n * interval '1 second'
       from (select host, queue_id, row_number() over (order by queue_id)::int as n from ruawatch.log_open) s
      where (o.host, o.queue_id) = (s.host, s.queue_id)`,
    [new Date('2026-11-27T11:00:00Z')],
  );
}
/** Queue ids of which nothing was stored. */
const bare = (n: number) =>
  t.db.query("insert into ruawatch.log_open select $1, 'mx1', 'id' || i, $3 from generate_series(1, $2) i", [
    source.source_id,
    n,
    NOW,
  ]);
async function judge(which: Partial<Parameters<typeof joinAll>[1]> = {}, signal?: AbortSignal) {
  let turns = 0;
  const judged = await joinAll(means, { before: NOW, ...which }, { ...(signal && { signal }), turned: () => turns++ });
  return { judged, turns };
}
const waiting = async () =>
  (await t.db.query('select queue_id from ruawatch.log_open order by 1')).rows.map((row) => row.queue_id);
const messages = async (column: string) =>
  (await t.db.query(`select queue_id, ${column} as value from ruawatch.sent_messages order by 1`)).rows.map((row) => [
    row.queue_id,
    row.value,
  ]);
/** The store refuses messages of an id. */
const refuse = (id: string, code: string) =>
  t.db.query(
    `create function public.refuse() returns trigger language plpgsql as
       'begin if new.queue_id = ''${id}'' then raise exception ''refused'' using errcode = ''${code}''; end if; return new; end';
     create trigger refuse before insert on ruawatch.sent_messages for each row execute function public.refuse()`,
  );

test('judges what is due, of one source or of all, and tells whose domains are to be looked at', async () => {
  await putOwn(t.db, ['example.com'], 'listed', { now: NOW, ignored: false });
  const other = await putFileSource(t.db, { ...SOURCE, name: 'other' });
  await store([{ id: 'AAAAA1' }, { id: 'AAAAA2' }]);
  await store([{ id: 'BBBBB1' }], other);
  expect(await judge({ before: new Date('2026-11-27T10:59:00Z') })).toEqual({ judged: 0, turns: 1 });
  expect([await judge({ source: other.source_id }), await waiting()]).toEqual([{ judged: 1, turns: 1 }, ['AAAAA1', 'AAAAA2']]);
  expect([await judge(), await waiting()]).toEqual([{ judged: 2, turns: 1 }, []]);
  expect(woken).toEqual([[], ['example.com'], ['example.com']]);
  expect(await messages('workload')).toEqual(['AAAAA1', 'AAAAA2', 'BBBBB1'].map((id) => [id, 'shop']));
});

test('takes a thousand at once, and looks for more after as many', async () => {
  await bare(999);
  expect(await judge()).toEqual({ judged: 999, turns: 1 });
  await bare(1_001);
  expect(await judge()).toEqual({ judged: 1_001, turns: 2 });
  await bare(1_000);
  expect(await judge()).toEqual({ judged: 1_000, turns: 2 });
});

test('one that cannot be judged keeps no other from it', async () => {
  await store(['AAAAA1', 'AAAAA2', 'AAAAA3', 'AAAAA4'].map((id) => ({ id })));
  await refuse('AAAAA2', '22023');
  // The first alone, the others together.
  expect(await judge()).toEqual({ judged: 3, turns: 2 });
  expect([await waiting(), (await messages('workload')).map(([id]) => id)]).toEqual([[], ['AAAAA1', 'AAAAA3', 'AAAAA4']]);
  expect(logged).toEqual([{ level: 50, err: 'refused', msg: 'lines of a queue id cannot be judged, and are left out' }]);
});

test('a fault that passes is thrown, and all wait', async () => {
  await store([{ id: 'AAAAA1' }, { id: 'AAAAA2' }]);
  await refuse('AAAAA2', '53100');
  await expect(judge()).rejects.toThrow('refused');
  expect([await waiting(), await messages('workload'), logged]).toEqual([['AAAAA1', 'AAAAA2'], [], []]);
});

test('ends while another process judges, and when it is to stop', async () => {
  await store([{ id: 'AAAAA1' }]);
  const client = await t.db.connect();
  try {
    await client.query("begin; select from ruawatch.locks where name = 'judge' for update");
    expect(await judge()).toEqual({ judged: 0, turns: 1 });
  } finally {
    await client.query('rollback');
    client.release();
  }
  expect(await judge({}, AbortSignal.abort())).toEqual({ judged: 0, turns: 0 });
  expect([await waiting(), woken]).toEqual([['AAAAA1'], []]);
});

test('what is declared is read before it judges', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-rounds-'));
  try {
    const file = path.join(folder, 'mail-guard.yaml');
    writeFileSync(file, '{version: 1, environments: {production: {domains: {example.com: {workloads: [{name: app}]}}}}}');
    means.declared = new GuardWatch(file, log);
    await store([{ id: 'AAAAA1', client: 'app-0.app[10.1.2.3]' }, { id: 'AAAAA2' }]);
    await judge();
    expect(await messages('workload')).toEqual([
      ['AAAAA1', 'app'],
      ['AAAAA2', 'app'],
    ]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('addresses are inside by the networks and the addresses of the settings, also as IPv4 in IPv6', async () => {
  means.insideNetworks = ['198.51.100.7', '2001:db8::7', '203.0.113.0/24'];
  const from = (id: string, address: string) => ({ id, client: `x.example[${address}]`, relay: 'local' });
  await store([
    from('AAAAA1', '198.51.100.7'),
    from('AAAAA2', '198.51.100.8'),
    from('AAAAA3', '2001:db8::7'),
    from('AAAAA4', '2001:db8::8'),
    from('AAAAA5', '203.0.113.9'),
    from('AAAAA6', '::ffff:203.0.113.9'),
    from('AAAAA7', '198.51.100.7'),
  ]);
  await judge();
  expect((await messages('direction')).map(([, direction]) => direction).join(' ')).toBe(
    'internal in internal in internal internal internal',
  );
});
