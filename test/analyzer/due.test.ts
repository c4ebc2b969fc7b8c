import { afterEach, beforeEach, expect, test } from 'vitest';
import { startAnalyzer } from '../../services/analyzer/index.ts';
import { sleep } from '../../services/shared/clock.ts';
import type { Service } from '../../services/shared/runtime/service.ts';
import { type Fixture, fixture } from './fixture.ts';
import { ago, DOMAIN, REPORTERS, row, span } from './rows.ts';

let f: Fixture;
let service: Service | undefined;
beforeEach(async () => {
  f = await fixture();
  f.context.config.sweep.every_seconds = 0.2;
});
afterEach(async () => {
  await service?.stop();
  service = undefined;
  await f.close();
});

const OWN = { source: '192.0.2.0/24' };
const ordinary = (from: number, to: number) => span(from, to, 'both', 100, REPORTERS, OWN);
/** Work about sources: the clock's look at postures adds rows about domains alone. */
const work = async () =>
  (await f.t.db.query<{ n: number }>("select count(*) as n from ruawatch.analysis_work where source <> ''")).rows[0]!.n;
const age = (seconds: number) =>
  f.t.db.query("update ruawatch.analysis_work set queued_at = queued_at - $1 * interval '1 second'", [seconds]);

async function until(what: string, check: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 300; i++) {
    if (await check()) return;
    await sleep(100);
  }
  throw new Error(`still waiting for ${what}`);
}

test('a job and the sweeper both find work, and what cannot be queued is not lost', async () => {
  await f.put([...ordinary(20, 0), ...span(9, 0, 'foreign', 100)]);
  service = startAnalyzer(f.context);
  await f.context.queues.add('analyze', { domains: [DOMAIN] });
  await until('the job', async () => (await work()) === 0);
  expect(await f.findings()).toHaveLength(1);

  await f.put([row(ago(0), 'both', 5, { source: 'new.example' })]);
  await age(60);
  await until('the sweeper', async () => (await work()) === 0);
  expect(service.waitingFor()).toBeNull();
});

test('work waits while mail is on its way in, and no longer than its patience', async () => {
  await f.t.db.query("insert into ruawatch.mailboxes (mailbox, folder, backlog) values ('m', 'INBOX', 3)");
  await f.put([...ordinary(20, 0)]);
  await age(10);
  service = startAnalyzer(f.context);
  await f.context.queues.add('analyze', { domains: [DOMAIN] });
  await sleep(2500);
  expect(await work()).toBeGreaterThan(0);
  await f.t.db.query('update ruawatch.mailboxes set backlog = 0');
  await until('the backlog to be noticed', async () => (await work()) === 0);

  await f.t.db.query('update ruawatch.mailboxes set backlog = 3');
  await f.put([row(ago(0), 'both', 5, { source: 'new.example' })]);
  await age(3600);
  await until('the end of patience', async () => (await work()) === 0);
});

test('it stops between domains and leaves the rest', async () => {
  for (let n = 0; n < 30; n++) await f.put(ordinary(20, 0), { domain: `d${n}.example` });
  await age(60);
  service = startAnalyzer(f.context);
  await until('a first domain', async () => (await work()) < 30 * 21);
  await service.stop();
  const left = await work();
  expect(left % 21).toBe(0);
  await sleep(500);
  expect(await work()).toBe(left);
});
