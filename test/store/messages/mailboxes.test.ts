import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  noteMailboxError,
  releaseLease,
  renewLease,
  takeLease,
  writeProgress,
} from '../../../services/store/messages/mailboxes.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';
import { account } from '../../helpers/ledger.ts';

let t: TestDatabase;
beforeEach(async () => {
  t = await testDatabase();
});
afterEach(() => t.drop());

type Act = [string, () => Promise<unknown>];
const HOUR = 3_600_000;
const lease = (owner: string, leaseMs = HOUR) => ({ mailbox: 'm', owner, leaseMs });
const take = (owner: string, more: { addresses?: string[] } = {}): Act => [
  `${owner} takes it`,
  () => takeLease(t.db, lease(owner), { folder: 'INBOX', ...more }),
];
const write = (owner: string, progress: Parameters<typeof writeProgress>[3]): Act => [
  `${owner} writes ${JSON.stringify(progress)}`,
  () => writeProgress(t.db, 'm', owner, progress),
];
const over: Act = [
  'its time is over',
  () => t.db.query("update ruawatch.mailboxes set lease_until = clock_timestamp() - interval '1 second'").then(() => null),
];

test('what is written of a mailbox', async () => {
  const acts: Act[] = [
    take('one', { addresses: ['a@example.com'] }),
    take('two'),
    ['two renews what it has not', () => renewLease(t.db, lease('two'))],
    ['one renews it', () => renewLease(t.db, lease('one', 2 * HOUR))],
    write('one', { uidValidity: 7, lastUid: 5, backlog: 9 }),
    write('one', { lastUid: 3 }),
    write('one', { lastUid: 8 }),
    write('one', { folder: 'Reports', uidValidity: 8, lastUid: 1 }),
    write('one', { uidValidity: 9 }),
    ['an error', () => noteMailboxError(t.db, 'm', 'INBOX', `It is full.${'x'.repeat(1_000)}`)],
    write('one', { backlog: 0 }),
    write('one', { polled: true }),
    write('two', { polled: true }),
    ['two ends what it has not', () => releaseLease(t.db, 'm', 'two')],
    over,
    ['one renews it too late', () => renewLease(t.db, lease('one'))],
    write('one', { lastUid: 99 }),
    take('two'),
    ['two ends it', () => releaseLease(t.db, 'm', 'two')],
    take('one', { addresses: ['b@example.com'] }),
    ['an error of another', () => noteMailboxError(t.db, 'other', 'INBOX', 'No such folder.')],
  ];
  const queries = {
    mailbox: `select mailbox, folder, uid_validity, last_uid, backlog, polled_at is not null as polled, left(last_error, 20) as error, length(last_error) as length,
                     lease_owner, round(extract(epoch from lease_until - now()) / 600) / 6 as lease_hours, addresses from ruawatch.mailboxes order by 1`,
  };
  const text = await account({ db: t.db, start: new Date(0), queries }, acts);
  await expect(text.replace(/"polledAt":"[^"]+"/g, '"polledAt":"by the clock"')).toMatchFileSnapshot('golden/mailboxes.txt');
});
