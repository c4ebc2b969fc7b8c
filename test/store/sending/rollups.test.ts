import { afterEach, beforeEach, expect, test } from 'vitest';
import { transaction } from '../../../services/shared/runtime/db.ts';
import { moveRollups } from '../../../services/store/sending/rollups.ts';
import type { Counted } from '../../../services/store/sending/types.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';

let t: TestDatabase;
beforeEach(async () => {
  t = await testDatabase();
});
afterEach(() => t.drop());

const NOW = new Date('2026-10-05T12:00:00Z');
const counted = (recipients: Counted['recipients']): Counted => ({
  cluster: 'eu-1',
  environment: 'production',
  workload: 'shop',
  domain: 'example.com',
  selector: 's1',
  signing_domain: 'example.com',
  day: '2026-10-05',
  at: NOW.getTime() - 60_000,
  sent: 2,
  signed: 2,
  unsigned: 0,
  aligned: 2,
  deferred: 0,
  refused: 1,
  refused_dmarc: 0,
  recipients,
});
const move = (before: Counted[], after: Counted[]) => transaction(t.db, (tx) => moveRollups(tx, before, after, NOW));
const recipients = async () =>
  (await t.db.query('select recipient_domain, sent, refused from ruawatch.sending_day_recipients order by 1')).rows;

test('recipients are summed by domain, sent and refused, and taken back as they were counted', async () => {
  const first = counted({ 'a.example': [2, 0], 'b.example': [0, 1], 'c.example': [1, 1] });
  await move([], [first]);
  expect(await recipients()).toEqual([
    { recipient_domain: 'a.example', sent: 2, refused: 0 },
    { recipient_domain: 'b.example', sent: 0, refused: 1 },
    { recipient_domain: 'c.example', sent: 1, refused: 1 },
  ]);
  // What did not change is not written, what changed is moved by the difference.
  await move([first], [counted({ 'a.example': [2, 0], 'b.example': [1, 0], 'c.example': [0, 2] })]);
  expect(await recipients()).toEqual([
    { recipient_domain: 'a.example', sent: 2, refused: 0 },
    { recipient_domain: 'b.example', sent: 1, refused: 0 },
    { recipient_domain: 'c.example', sent: 0, refused: 2 },
  ]);
  expect((await t.db.query('select sent, refused from ruawatch.sending_days')).rows).toEqual([{ sent: 2, refused: 1 }]);
});
