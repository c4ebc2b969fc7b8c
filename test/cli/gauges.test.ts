import { afterEach, beforeEach, expect, test } from 'vitest';
import { measurer } from '../../services/cli/gauges.ts';
import { addProcessMetrics } from '../../services/shared/runtime/metrics.ts';
import { holdMessage } from '../../services/store/held/hold.ts';
import { unreadSince } from '../../services/store/messages/unread.ts';
import { syncGroups } from '../../services/store/requests/groups.ts';
import { testContext } from '../helpers/context.ts';
import { type TestDatabase, testDatabase } from '../helpers/database.ts';
import { heldOf, KEY } from '../requests/held/sample.ts';
import { GROUPS, rulesOf } from '../requests/sample.ts';

let t: TestDatabase;
beforeEach(async () => {
  t = await testDatabase();
  await t.db.query(
    `insert into ruawatch.messages (mailbox, received_at, size, state, code, sender, sha256, fingerprint)
     select 'x', now() - interval '1 hour', 1, case when n <= 3 then 'received' else 'quarantined' end,
            case when n > 3 then case when n <= 8 then 'archive_damaged' else 'xml_malformed' end end, 'r@reporter' || (n % 2) || '.example', int8send(n), int8send(n)
       from generate_series(1, 10) n`,
  );
  await t.db.query(
    `insert into ruawatch.reports (message_key, part, identity, content_hash, reporter, report_id, domain, begin_at, end_at, errors, records,
            messages, salvaged, problems, received_at, reporter_trust, trust)
     select n, 0, int8send(n), int8send(n), 'reporter.example', n::text, 'own.example', now(), now(), '[]', 1, n, false, '[]', now(),
            'authenticated', case when n = 1 then 'bad' else 'ok' end
       from generate_series(1, 4) n`,
  );
});
afterEach(() => t.drop());

test('the metrics that people alert on', async () => {
  const context = testContext(t);
  addProcessMetrics(context.metrics, '1.2.3');
  await measurer(context)();
  const text = await context.metrics.registry.metrics();
  expect(text).toMatch(/^ruawatch_messages_waiting 3$/m);
  expect(Number(/^ruawatch_messages_oldest_waiting_seconds (\S+)$/m.exec(text)![1])).toBeGreaterThan(3_500);
  for (const line of [
    'ruawatch_outbox_waiting 0',
    'ruawatch_alerts_refused 0',
    'ruawatch_findings_open{severity="critical"} 0',
    'ruawatch_reports_unverified_ratio 0.25',
    'ruawatch_queue_jobs{queue="parse",state="waiting"} 0',
  ])
    expect(text.split('\n')).toContain(line);
  expect(text).toMatch(/^ruawatch_last_report_timestamp_seconds\{domain="own\.example",reporter="reporter\.example"\} \d+/m);
  expect(text).toMatch(/^ruawatch_build_info\{version="1\.2\.3",node="v/m);
  expect(text).toMatch(/^process_resident_memory_bytes /m);
  await context.queues.close();
});

test('held mails by state, the oldest that waits, and how long decisions took', async () => {
  await syncGroups(t.db, { groups: GROUPS, deputies: [] });
  const rules = rulesOf({ name: 'held', when: { kinds: ['messages.release'] }, stages: [{ group: 'mail', within_hours: 1 }] });
  const context = testContext(t);
  const lines = async () => {
    await measurer(context)();
    return (await context.metrics.registry.metrics()).split('\n').filter((line) => line.startsWith('ruawatch_held_'));
  };
  const before = await lines();
  expect(before).toContain('ruawatch_held_mails{state="held"} 0');
  expect(before).toContain('ruawatch_held_oldest_seconds 0');
  expect(before.filter((line) => line.startsWith('ruawatch_held_decided_seconds'))).toEqual([]);
  for (let n = 0; n < 4; n++)
    await holdMessage(t.db, heldOf({ recipients: [`r${n}@example.com`] }), { rules, key: KEY, most: 100, host: 'mx1' });
  await t.db.query("update ruawatch.held_messages set held_at = now() - interval '1 hour' * held_key");
  await t.db.query(
    `update ruawatch.held_messages set state = 'released', decided_by = '{a}', decided_at = held_at + interval '1 minute', settled_at = now()
      where held_key <= 2`,
  );
  const fresh = testContext(t);
  await measurer(fresh)();
  const text = (await fresh.metrics.registry.metrics()).split('\n');
  for (const line of [
    'ruawatch_held_mails{state="held"} 2',
    'ruawatch_held_mails{state="released"} 2',
    'ruawatch_held_mails{state="lost"} 0',
    'ruawatch_held_decided_seconds{quantile="0.5"} 60',
    'ruawatch_held_decided_seconds{quantile="0.95"} 60',
  ])
    expect(text).toContain(line);
  const oldest = text.find((line) => line.startsWith('ruawatch_held_oldest_seconds'))!;
  expect(Math.round(Number(oldest.split(' ')[1]) / 3600)).toBe(4);
  await context.queues.close();
  await fresh.queues.close();
});

test('mails that could not be read, by code and sender', async () => {
  expect(await unreadSince(t.db, new Date(Date.now() - 7_200_000))).toEqual({
    mails: 10,
    quarantined: 7,
    codes: [
      { name: 'archive_damaged', n: 5 },
      { name: 'xml_malformed', n: 2 },
    ],
    senders: [
      { name: 'reporter0.example', n: 4 },
      { name: 'reporter1.example', n: 3 },
    ],
  });
});
