import { afterEach, beforeEach, expect, test } from 'vitest';
import { transaction } from '../../../services/shared/runtime/db.ts';
import { loadWeek } from '../../../services/store/alerts/week.ts';
import { type Bench, bench } from '../../alerter/setup.ts';

let b: Bench;
beforeEach(async () => {
  b = await bench();
  b.now = new Date('2026-10-02T12:00:00Z');
});
afterEach(() => b.close());

/** A Monday: its report days are Sunday, the 27th of September, to Saturday, the 3rd of October. */
const MOMENT = new Date('2026-10-05T07:00:00Z');
const SINCE = new Date('2026-09-28T07:00:00Z');
const DAYS = { before: '2026-09-20', from: '2026-09-27', to: '2026-10-03' };

const mail = async (source: string, day: string, messages: number) => {
  await b.db.query(
    `insert into ruawatch.source_days (domain, source, day, reporter, messages, passed, dkim_aligned, spf_aligned, forwarded, failed_forwarded,
            failed_authenticated, failed_unauthenticated, failed_foreign_dkim, failed_foreign_spf, delivered, quarantined, rejected,
            failed_delivered, trust)
     values ('one.example', $1, $2, 'google.com', $3, $3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 'ok')`,
    [source, day, messages],
  );
  await b.db.query(
    `insert into ruawatch.sources as s (domain, source, class, first_seen, last_seen, messages, passed)
     values ('one.example', $1, 'authorized', $2, $2, $3, $3)
     on conflict (domain, source) do update set first_seen = least(s.first_seen, excluded.first_seen)`,
    [source, day, messages],
  );
};
const changed = async (name: string, day: string) => {
  await b.db.query(
    `insert into ruawatch.dns_questions (domain, name, type, purpose, state, asked_at, first_answered_at, answers)
     values ('one.example', $1, 'TXT', 'dkim', 'records', $2, '2026-01-01', '[]')`,
    [name, day],
  );
  await b.db.query(
    `insert into ruawatch.dns_records (domain, name, type, purpose, value, servers, first_seen, last_seen)
     values ('one.example', $1, 'TXT', 'dkim', 'v', '{}', $2, $2)`,
    [name, day],
  );
};
const foreign = (domain: string, reported: Date) =>
  b.db.query(
    "insert into ruawatch.domains (domain, state, how, since, last_reported) values ($1, 'observed', 'reported', $2, $2)",
    [domain, reported],
  );
const arrived = (name: string, at: string, state: string) =>
  b.db.query("insert into ruawatch.messages (mailbox, received_at, size, fingerprint, state) values ('main', $2, 1, $1, $3)", [
    Buffer.from(name),
    at,
    state,
  ]);
const week = (operator: boolean, domains = ['one.example']) =>
  transaction(b.db, (tx) => loadWeek(tx, { domains, operator, moment: MOMENT, since: SINCE, until: MOMENT }));

test('a digest lists the days that are complete and no more than fits: sources, records and findings', async () => {
  for (const [day, messages] of [
    ['2026-09-19', 1],
    ['2026-09-20', 2],
    ['2026-09-26', 3],
    ['2026-09-27', 4],
    ['2026-10-03', 5],
    ['2026-10-04', 6],
  ] as const)
    await mail('steady.example', day, messages);
  for (const n of [1, 2, 3, 4, 5, 6]) await mail(`new${n}.example`, '2026-09-30', 100 - n);
  for (const n of [1, 2, 3, 4, 5]) await changed(`s${n}._domainkey.one.example`, `2026-10-0${Math.min(n, 4)}`);
  for (let n = 1; n <= 11; n++) await b.event({ domain: 'one.example' });
  const { domains, opened, days, ...rest } = await week(true);
  expect(days).toEqual(DAYS);
  expect(domains).toMatchObject([
    {
      domain: 'one.example',
      days: [
        { day: '2026-09-20', messages: 2, passed: 2 },
        { day: '2026-09-26', messages: 3, passed: 3 },
        { day: '2026-09-27', messages: 4, passed: 4 },
        { day: '2026-09-30', messages: 579, passed: 579 },
        { day: '2026-10-03', messages: 5, passed: 5 },
      ],
      fresh: [1, 2, 3, 4, 5].map((n) => ({ source: `new${n}.example`, class: 'authorized', messages: 100 - n })),
      fresh_count: 6,
      to_do: 11,
      gravest: 'high',
      ready: null,
      dns: {
        posture: null,
        changes: [4, 5, 3, 2].map((n) => ({
          purpose: 'dkim',
          name: `s${n}._domainkey.one.example`,
          day: `2026-10-0${Math.min(n, 4)}`,
        })),
        changes_count: 5,
        lookalikes: { standing: 0, since: 0 },
      },
    },
  ]);
  expect({ ...opened, findings: opened.findings.length }).toEqual({ findings: 10, count: 11, to_do: 11 });
  const none = { findings: [], count: 0, to_do: 0 };
  expect(rest).toEqual({
    since: SINCE,
    until: MOMENT,
    foreign: 0,
    reading: {
      unread: { mails: 0, quarantined: 0, codes: [], senders: [] },
      verified: { reports: 0, verified: 0, pending: 0, unverified: 0 },
    },
    requests: null,
    resolved: none,
    goes_on: none,
    open: none,
    info: { ...none, open: 0 },
  });
});

test('who runs the installation also reads of its own findings, of unread mails, and of the domains of others', async () => {
  await b.event({ domain: 'one.example', severity: 'medium' });
  await b.event({ domain: '*', severity: 'critical' });
  await b.event({ domain: 'two.example' });
  for (const name of ['a.invalid', 'b.invalid']) await foreign(name, MOMENT);
  await foreign('early.invalid', new Date(SINCE.getTime() - 1));
  await arrived('a', '2026-10-01', 'quarantined');
  await arrived('b', '2026-10-01', 'stored');
  await arrived('c', '2026-09-01', 'quarantined');
  const read = async (operator: boolean) => {
    const { foreign: others, reading, opened, domains } = await week(operator);
    const found = opened.findings.map(({ domain, event }) => `${domain} ${event}`);
    return {
      others,
      mails: reading && [reading.unread.mails, reading.unread.quarantined],
      found,
      of: domains.map((d) => d.domain),
    };
  };
  expect(await read(true)).toEqual({ others: 2, mails: [2, 1], found: ['* opened', 'one.example opened'], of: ['one.example'] });
  expect(await read(false)).toEqual({ others: 0, mails: null, found: ['one.example opened'], of: ['one.example'] });
});
