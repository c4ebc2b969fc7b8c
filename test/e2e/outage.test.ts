import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { generateLoad, type LoadMail } from '../../bench/load.ts';
import { startWorld, type World } from '../chaos/world.ts';
import { FULL } from '../helpers/full.ts';
import { redisProgram, startRedis, until } from '../helpers/services.ts';

/** `.ci/full` waits for the minute of the promise; the wait is the same in kind. */
const OUTAGE_MS = Number(process.env.OUTAGE_SECONDS ?? 6) * 1000;
const SERVICES = ['poller-1', 'poller-2', 'parser-1', 'parser-2', 'analyzer-1'];

describe.skipIf(!redisProgram)(`outages${redisProgram ? '' : ' (SKIPPED: needs redis-server)'}`, { timeout: 300_000 }, () => {
  let world: World;
  let mails: LoadMail[];
  beforeEach(async () => {
    world = await startWorld(SERVICES);
    mails = [];
    for await (const mail of generateLoad({ seed: 23, mails: 150 })) mails.push(mail);
  });
  afterEach(async () => {
    await world.stop({ keep: false });
  });

  const deliver = (from: number, to: number) => {
    for (const [i, { raw }] of mails.slice(from, to).entries())
      world.deliver({ raw, received: new Date(Date.UTC(2026, 0, 16, 0, 0, from + i)), kind: 'load' });
  };
  const stored = async () => {
    const { rows } = await world.postgres.db.query<{ n: number }>(
      "select count(*) as n from dmarc.messages where state = 'stored'",
    );
    return rows[0]!.n;
  };
  const judged = () =>
    until(async () => {
      const { rows } = await world.postgres.db.query<{ open: boolean }>(
        'select exists (select from ruawatch.trust_checks) or exists (select from ruawatch.analysis_work) as open',
      );
      return !rows[0]!.open;
    });
  const everything = async () => {
    const { rows } = await world.postgres.db.query(
      `select (select count(*) from dmarc.messages) as mails, (select count(*) from dmarc.reports) as reports,
              (select count(*) from dmarc.records) as records, (select sum(count) from dmarc.records) as messages,
              (select sum(messages) from dmarc.source_days) as "rolled up", (select sum(messages) from dmarc.sources) as "by source"`,
    );
    return { ...rows[0], ...(await world.inMailbox()) };
  };
  const expected = () => {
    const messages = mails.reduce((sum, mail) => sum + mail.messages, 0);
    return {
      mails: mails.length,
      reports: mails.length,
      records: mails.reduce((sum, mail) => sum + mail.records, 0),
      messages,
      'rolled up': messages,
      'by source': messages,
      inbox: 0,
      moved: mails.length,
    };
  };

  test('Postgres down: nothing is moved in the mailbox, nobody gives up, and all goes on by itself', async () => {
    deliver(0, 50);
    await until(async () => (await stored()) === 50);
    await until(async () => (await world.inMailbox()).inbox === 0);
    const restarts = world.processes.restarts;

    await world.postgres.down();
    deliver(50, 150);
    for (const until = performance.now() + OUTAGE_MS; performance.now() < until; await wait(500)) {
      expect(await world.inMailbox()).toEqual({ inbox: 100, moved: 50 });
    }
    await world.postgres.up();

    await until(async () => (await stored()) === 150 && (await world.inMailbox()).inbox === 0);
    await judged();
    expect(await everything()).toEqual(expected());
    expect(world.processes.restarts).toBe(restarts);
  });

  const redisGone = 'Redis gone for good: the same work goes on over Postgres, and over another Redis later, and nothing is lost';
  // In .ci/run, the chaos takes Redis away.
  if (FULL)
    test(redisGone, async () => {
      deliver(0, 60);
      await until(async () => (await stored()) > 0);
      await world.redis.stop();
      deliver(60, 90);
      await until(async () => (await world.inMailbox()).inbox === 0);
      await world.processes.replace(world.env(null));
      deliver(90, 110);
      await until(async () => (await stored()) === 110);

      const another = await startRedis();
      try {
        deliver(110, 130);
        await world.processes.replace(world.env(another.url));
        deliver(130, 150);
        await until(async () => (await stored()) === 150 && (await world.inMailbox()).inbox === 0);
        await judged();
        expect(await everything()).toEqual(expected());
      } finally {
        await another.stop();
      }
    });
});
