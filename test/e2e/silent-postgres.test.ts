import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { generateLoad, type LoadMail } from '../../bench/load.ts';
import { startWorld, type World } from '../chaos/world.ts';
import { FULL } from '../helpers/full.ts';
import { redisProgram, until } from '../helpers/services.ts';

/** Longer than a lease, which is lost meanwhile. */
const SILENCE_MS = Number(process.env.SILENCE_SECONDS ?? 35) * 1000;
const MAILS = 60;
const SERVICES = ['poller-1', 'parser-1', 'analyzer-1', 'alerter-1', 'enricher-1'];

let world: World;
let mails: LoadMail[];
beforeEach(async () => {
  world = await startWorld(SERVICES);
  mails = [];
  for await (const mail of generateLoad({ seed: 31, mails: MAILS })) mails.push(mail);
});
afterEach(async () => {
  await world.stop({ keep: false });
});

const stored = async () => {
  const { rows } = await world.postgres.db.query<{ n: number }>(
    "select count(*) as n from dmarc.messages where state = 'stored'",
  );
  return rows[0]!.n;
};
const deliver = (from: number, to: number) => {
  for (const [i, { raw }] of mails.slice(from, to).entries())
    world.deliver({ raw, received: new Date(Date.UTC(2026, 0, 16, 0, 0, from + i)), kind: 'load' });
};

/** Neither an error nor an end of the connection: nothing ever comes, and TCP is content. */
test.each(redisProgram === null || !FULL ? (['postgres'] as const) : (['postgres', 'redis'] as const))(
  'a Postgres that acknowledges everything and answers nothing holds nothing up for good, with the queue on %s',
  { timeout: 400_000 },
  async (queue) => {
    if (queue === 'postgres') await world.processes.replace(world.env(null));
    deliver(0, 20);
    await until(async () => (await stored()) === 20);
    const { restarts } = world.processes;
    deliver(20, 40);
    world.lines.postgres.swallow();
    deliver(40, MAILS);
    await wait(SILENCE_MS);
    world.lines.postgres.heal();
    await until(async () => (await stored()) === MAILS && (await world.inMailbox()).inbox === 0);
    const { rows } = await world.postgres.db.query<{ n: number }>('select count(*) as n from dmarc.reports');
    expect(rows[0]!.n).toBe(MAILS);
    expect((await world.inMailbox()).moved).toBe(MAILS);
    expect(world.processes.restarts).toBe(restarts);
    // And a stop while it is silent again ends, with 0.
    world.lines.postgres.swallow();
    await wait(1_000);
    expect(await world.processes.stop()).toEqual([]);
  },
);
