import { createHash } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { transaction } from '../../../services/shared/runtime/db.ts';
import { failOrphans, installation, markPosted, unpostedEvents } from '../../../services/store/alerts/outbox.ts';
import { refusedAlerts, retryRefused } from '../../../services/store/alerts/refusals.ts';
import { type Bench, bench } from '../../alerter/setup.ts';

let b: Bench;
beforeEach(async () => {
  b = await bench();
});
afterEach(() => b.close());

test('an installation is named after the moment its schema was made', async () => {
  const named = async (moment: string) => {
    await b.db.query('update ruawatch.migrations set applied_at = $1 where version = 1', [moment]);
    return await installation(b.db);
  };
  const first = await named('2026-01-01T00:00:00.000001Z');
  expect(first).toBe(createHash('sha256').update('1767225600.000001').digest('hex').slice(0, 12));
  expect(await named('2026-01-01T00:00:00.000001Z')).toBe(first);
  expect(await named('2026-01-01T00:00:00.000002Z')).not.toBe(first);
});

test('an event is posted once', async () => {
  await b.event({ domain: 'a.example' });
  await b.event({ domain: 'b.example' });
  const events = () => transaction(b.db, unpostedEvents);
  const [first, second] = await events();
  expect([first, second]).toMatchObject([
    { notify: true, silent: false },
    { notify: true, silent: false },
  ]);
  await transaction(b.db, (tx) => markPosted(tx, [first!.event_key], b.now));
  expect(await events()).toEqual([second]);
});

test('posts to a webhook that is no longer set are given up and counted', async () => {
  const put = (webhook: string | null, id: string) =>
    b.db.query(
      `insert into ruawatch.outbox (message_id, kind, recipients, subject, raw, created_at, next_at, webhook, state)
       values ($1, 'finding', '{}', 's', '', now(), now(), $2, 'pending')`,
      [id, webhook],
    );
  for (const [i, webhook] of [null, 'kept', 'gone', 'gone'].entries()) await put(webhook, `<${i}>`);
  expect(await failOrphans(b.db, ['kept'])).toBe(2);
  expect(await failOrphans(b.db, ['kept'])).toBe(0);
});

test('all that was refused is made due again, and counted', async () => {
  expect(await retryRefused(b.db, b.now)).toBe(0);
  const later = new Date(b.now.getTime() + 60_000);
  for (const domain of ['a.example', 'b.example', 'c.example']) await b.event({ domain });
  await b.db.query('update ruawatch.finding_events set retry_at = $1', [later]);
  await b.db.query(
    `insert into ruawatch.digests (due_at, recipients, made_at, domains, retry_at) values ($1, '{a}', $1, '{}', $2), ($1, '{b}', $1, '{}', $1)`,
    [b.now, later],
  );
  expect(await refusedAlerts(b.db)).toMatchObject({ findings: 3, digests: 2, next: b.now });
  expect(await retryRefused(b.db, b.now)).toBe(4);
  expect(await refusedAlerts(b.db)).toMatchObject({ findings: 3, digests: 2, next: b.now });
  expect(await retryRefused(b.db, b.now)).toBe(0);
});
