import { expect, onTestFinished, test } from 'vitest';
import { transaction } from '../../../services/shared/runtime/db.ts';
import { RELATED } from '../../../services/store/sending/joining.ts';
import { testDatabase } from '../../helpers/database.ts';

test('related messages are not looked for through the whole table where it was analyzed before its first commit', async () => {
  const t = await testDatabase();
  onTestFinished(() => t.drop());
  await t.db.query('alter table ruawatch.sent_messages set (autovacuum_enabled = off)');
  await transaction(t.db, async (tx) => {
    await tx.query(
      `with source as (insert into ruawatch.log_sources (name) values ('bench') returning source_id)
       insert into ruawatch.sent_messages (source_id, cluster, environment, workload, host, queue_id, message_id, started_at, last_at, ended,
         direction, judged_at, draft, line_hashes)
       select source_id, '', '', '', 'mx', 'Q' || n, n || '@example.com', now(), now(), true, 'out', now(), '{}', '{}'
         from source, generate_series(1, 5000) n`,
    );
    // As autovacuum does while the first messages are being stored: it sees pages, and no row.
    await t.db.query('analyze ruawatch.sent_messages');
  });
  const ids = ['1@example.com', 'nowhere@example.com'];
  const { rows } = await t.db.query<{ 'QUERY PLAN': string }>(`explain ${RELATED}`, [ids, ['Q1', 'none']]);
  const plan = rows.map((row) => row['QUERY PLAN']).join('\n');
  expect(plan).toMatch(/sent_messages_by_message_id/);
  expect(plan).toMatch(/sent_messages_by_queue_id/);
  expect(plan).not.toMatch(/Backward using sent_messages_pkey/);
});
