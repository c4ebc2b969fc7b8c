import { afterEach, beforeEach, expect, test } from 'vitest';
import { findUnreadable } from '../../services/analyzer/reading.ts';
import { readEvidence } from '../../services/findings/evidence.ts';
import { wordsOf } from '../../services/findings/sentences/finding.ts';
import { addDays } from '../../services/shared/days.ts';
import { type Fixture, fixture } from './fixture.ts';

const TODAY = '2026-10-20';
let f: Fixture;
let n = 0;
beforeEach(async () => {
  f = await fixture();
});
afterEach(() => f.close());

/** Mails that arrived on a day. */
async function mails(day: string, count: number, state: string, sender = 'noreply-dmarc-support@google.com'): Promise<void> {
  n += count;
  await f.t.db.query(
    `insert into ruawatch.messages (mailbox, received_at, size, state, code, sender, sha256, fingerprint)
     select 'm', ($1::date + time '09:00') at time zone 'UTC', 1, $2, case when $2 = 'quarantined' then 'archive_damaged' end, $3, int8send(i), int8send(i)
       from generate_series($4::int, $5::int) i`,
    [day, state, sender, n - count + 1, n],
  );
}
async function reports(day: string, count: number, trust = 'ok', reporter = 'google.com'): Promise<void> {
  n += count;
  await f.t.db.query(
    `insert into ruawatch.reports (message_key, part, identity, content_hash, reporter, report_id, domain, begin_at, end_at, errors, records,
            messages, salvaged, problems, received_at, trust)
     select i, 0, int8send(i), int8send(i), $4, i::text, 'own.example', $1::date, $1::date, '[]', 1, 1, false, '[]', ($1::date + time '09:00') at time zone 'UTC', $5
       from generate_series($2::int, $3::int) i`,
    [day, n - count + 1, n, reporter, trust],
  );
}
const at = (days: number) => {
  f.setNow(new Date(`${addDays(TODAY, days)}T12:00:00Z`));
  return findUnreadable(f.context);
};
const finding = async () => (await f.findings('*'))[0]!;
const words = async () => {
  const { evidence } = await finding();
  return wordsOf({ domain: '*', subject: '*', summary: '', evidence: readEvidence(evidence) });
};

test('a sudden share of mails that cannot be read is found by the clock, once, and is over by itself', async () => {
  for (let d = 20; d > 0; d--) await mails(addDays(TODAY, -d), 10, 'stored');
  expect(await at(-1)).toEqual([]);
  await mails(TODAY, 45, 'stored');
  await mails(TODAY, 40, 'quarantined', 'DMARC <dmarc@reporter.example>');
  expect(await at(0)).toMatchObject([{ kind: 'unreadable_reports', event: 'opened', notify: true }]);
  expect(await finding()).toMatchObject({ severity: 'low', state: 'open', subject: '*' });
  const { title, what, advice } = await words();
  expect(title).toBe('Many mails with reports cannot be read');
  expect(what).toMatch(/^40 of 105 mails with reports .*archive_damaged \(40\).*reporter\.example \(40\)/);
  expect(advice.join(' ')).toContain('ruawatch messages replay');
  for (const days of [1, 2, 4]) expect(await at(days)).toEqual([]);
  for (let d = 1; d <= 9; d++) await mails(addDays(TODAY, d), 10, 'stored');
  expect(await at(9)).toMatchObject([{ event: 'resolved' }]);
  expect((await f.findings('*')).map(({ state }) => state)).toEqual(['resolved']);
});

test("a known reporter's reports that can no longer be read make it medium", async () => {
  for (let d = 30; d > 2; d--) {
    await mails(addDays(TODAY, -d), 4, 'stored');
    await reports(addDays(TODAY, -d), 4);
  }
  for (const d of [2, 1, 0]) await mails(addDays(TODAY, -d), 4, 'quarantined');
  await at(0);
  expect(await finding()).toMatchObject({ severity: 'medium' });
  expect((await words()).title).toBe('Reports of google.com cannot be read or verified');
  expect((await words()).what).toMatch(
    /google\.com: 12 not usable and 0 usable in three days, where 11 are usual\.|where 12 are usual/,
  );
});

test('a thousand mails of a stranger are one low finding, whatever they claim and however long they come', async () => {
  for (let d = 30; d >= -10; d--) {
    await mails(addDays(TODAY, -d), 4, 'stored');
    await reports(addDays(TODAY, -d), 4);
  }
  for (let day = 0; day <= 10; day++) {
    await mails(addDays(TODAY, day), 50, 'quarantined');
    await mails(addDays(TODAY, day), 50, 'quarantined', `x@s${day}.example`);
    await reports(addDays(TODAY, day), 50, 'bad');
    await at(day);
  }
  const all = await f.findings('*');
  expect(all.map(({ severity, state }) => [severity, state])).toEqual([['low', 'open']]);
  expect((await f.events('*')).filter(({ notify }) => notify).map(({ event }) => event)).toEqual(['opened']);
});

test('of two analyzers one looks, and mails that hold no report are not counted', async () => {
  await mails(TODAY, 500, 'ignored');
  await mails(TODAY, 10, 'stored');
  expect(await at(0)).toEqual([]);
  await mails(TODAY, 10, 'quarantined');
  f.setNow(new Date(`${TODAY}T12:00:00Z`));
  await Promise.all([1, 2, 3].map(() => findUnreadable(f.context)));
  expect(await f.events('*')).toHaveLength(1);
});
