import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { addLogSource } from '../../services/store/sending/sources.ts';
import { type TestDatabase, testDatabase } from '../helpers/database.ts';
import { type Run, ruawatch } from '../helpers/process.ts';
import { freePort, until } from '../helpers/services.ts';
import { linesOf, SOURCE } from './setup.ts';

let t: TestDatabase;
let folder: string;
beforeAll(async () => {
  t = await testDatabase();
  folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-collector-kill-'));
});
afterAll(async () => {
  await t.drop();
  rmSync(folder, { recursive: true, force: true });
});

const MESSAGES = 400;

/**
 * Today's lines: messages in turn signed, unsigned, refused, and through a filter that gives them a second
 * id.
 */
function lines(): string[][] {
  const at = new Date().toISOString().replace('Z', '000+00:00');
  return Array.from({ length: MESSAGES }, (_, n) => {
    const id = `${(0xa00000 + n).toString(16).toUpperCase()}`;
    if (n % 4 === 0) return linesOf({ id, at });
    if (n % 4 === 1) return linesOf({ id, at, signed: null });
    if (n % 4 === 2)
      return linesOf({ id, at, status: 'bounced', dsn: '5.7.26', words: 'host x[203.0.113.5] said: 550 5.7.26 DMARC' });
    const second = `${(0xb00000 + n).toString(16).toUpperCase()}`;
    return [
      ...linesOf({
        id,
        at,
        messageId: `${n}@x`,
        relay: '127.0.0.1[127.0.0.1]:10024',
        words: `250 2.0.0 Ok: queued as ${second}`,
      }),
      ...linesOf({ id: second, at, messageId: `${n}@x`, client: 'localhost[127.0.0.1]', signed: null }),
    ];
  });
}

test('killed at any moment, and every request sent until it is acknowledged: each message counts once', {
  timeout: 120_000,
}, async () => {
  const { token } = await addLogSource(t.db, SOURCE);
  const port = await freePort();
  const config = path.join(folder, 'ruawatch.yaml');
  writeFileSync(
    config,
    `collector:\n  listen: 127.0.0.1:${port}\n  window_seconds: 0.2\nsweep: { every_seconds: 0.1, after_seconds: 1 }\n`,
  );
  const start = () => ruawatch(['start', 'collector'], { DATABASE_URL: t.url, RUAWATCH_CONFIG: config, LOG_LEVEL: 'warn' });
  let run: Run = start();
  let kills = 0;
  /** Acknowledged requests after which the process is killed, in the middle of what it does then. */
  const killAt = [10, 25, 40];
  let acknowledged = 0;
  const kill = async () => {
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 120));
    run.child.kill('SIGKILL');
    await run.ended;
    kills++;
    run = start();
  };
  let killing: Promise<void> = Promise.resolve();
  const send = async (body: string) => {
    for (;;) {
      const answer = await fetch(`http://127.0.0.1:${port}/`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}` },
        body,
      }).catch(() => null);
      if (answer?.status === 204) {
        if (killAt.includes(++acknowledged)) killing = kill();
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  const all = lines();
  for (let n = 0; n < all.length; n += 15) {
    const some = all.slice(n, n + 15).flat();
    // Half of a message now, the other half with the next request: what is judged between is judged again.
    await send(some.filter((_, line) => line % 2 === 0).join('\n'));
    await send(some.filter((_, line) => line % 2 === 1).join('\n'));
  }
  await killing;
  expect(kills).toBe(killAt.length);
  await until(async () => (await t.db.query('select from ruawatch.log_open')).rowCount === 0);
  run.child.kill('SIGTERM');
  expect(await run.ended).toEqual({ code: 0, signal: null });
  const { rows } = await t.db.query(
    'select selector, sum(sent) as sent, sum(signed) as signed, sum(unsigned) as unsigned, sum(refused_dmarc) as refused from dmarc.sending_days group by 1 order by 1',
  );
  expect(rows).toEqual([
    { selector: '', sent: MESSAGES / 4, signed: 0, unsigned: MESSAGES / 4, refused: 0 },
    { selector: 's1', sent: MESSAGES / 2, signed: MESSAGES / 2, unsigned: 0, refused: MESSAGES / 4 },
  ]);
  const { rows: recipients } = await t.db.query(
    'select sum(sent) as sent, sum(refused) as refused from ruawatch.sending_day_recipients',
  );
  expect(recipients).toEqual([{ sent: (MESSAGES * 3) / 4, refused: MESSAGES / 4 }]);
});
