import { afterEach, beforeEach, expect, test } from 'vitest';
import type { SenderChange } from '../../../services/requests/plan.ts';
import { transaction } from '../../../services/shared/runtime/db.ts';
import { applySender, restoreSender } from '../../../services/store/requests/apply-sender.ts';
import {
  endEntry,
  endExpired,
  endSender,
  isKnownDomain,
  listSenders,
  loadSenderList,
  putSender,
  type Subject,
} from '../../../services/store/sources/sender-list.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';
import { account } from '../../helpers/ledger.ts';

let t: TestDatabase;
beforeEach(async () => {
  t = await testDatabase({ own: false });
  await t.db.query(
    `insert into ruawatch.domains (domain, state, how, since) values ('example.com', 'own', 'added', now()), ('example.net', 'own', 'added', now()),
       ('observed.example', 'observed', 'reported', now())`,
  );
  await t.db.query(
    `insert into ruawatch.sources (domain, source, grouped_as, first_seen, last_seen, messages, passed, class)
     select d, s, g, '2026-11-01', '2026-11-26', 1, 1, 'authorized'
       from (values ('example.com', 'a.example', null), ('example.com', 'b.example', 'mailer'), ('example.com', 'x.mailer_1.example', null),
                    ('example.com', 'x.mailerx1.example', null), ('example.net', 'a.example', null), ('observed.example', 'a.example', null)) v(d, s, g)`,
  );
  await t.db.query(
    "insert into ruawatch.dns_watch (domain, due_at) values ('example.com', '2027-01-01'), ('example.net', '2027-01-01')",
  );
});
afterEach(() => t.drop());

const START = new Date('2026-11-27T08:00:00Z');
const later = (hours: number) => new Date(START.getTime() + hours * 3_600_000);
const MS = 1 / 3_600_000;
type Act = [string, () => Promise<unknown>];
const A: Subject = { domain: 'example.com', source: 'a.example', service: null };
const MAILER: Subject = { domain: 'example.com', source: 'mailer', service: { domains: ['mailer_1.example'] } };
const ADA = { by: 'Ada', why: 'ours' };

const put = (subject: Subject, verdict: 'approved' | 'denied', at: number, until: number | null = null, seen?: string): Act => [
  `${subject.source} of ${subject.domain} is ${verdict}${seen === undefined ? '' : `, after ${seen} was seen`}`,
  () =>
    putSender(
      t.db,
      subject,
      {
        verdict,
        word: ADA,
        until: until === null ? null : later(until),
        ...(seen === undefined ? {} : { basis: { seen, everywhere: true } }),
      },
      later(at),
    ),
];
const end = (subject: Subject, at: number, seen?: string, everywhere = true): Act => [
  `the entry about ${subject.source} ends${seen === undefined ? '' : `, after ${seen} was seen`}`,
  () =>
    endSender(
      t.db,
      subject,
      { by: 'Bo', why: 'over', ...(seen === undefined ? {} : { basis: { seen, everywhere } }) },
      later(at),
    ),
];
const entry = (key: number, everywhere: boolean, source = 'a.example'): Act => [
  `the entry ${key} about ${source} ends${everywhere ? ', for all domains too' : ''}`,
  () => endEntry(t.db, { domain: 'example.com', source, entry: key, everywhere }, { by: 'Bo', why: 'over' }, later(9)),
];
const lists: Act = [
  'open ones; all of them; of a domain; the newest; what holds after 5 h',
  async () => {
    const keys = (rows: { entry_key: number }[]) => rows.map(({ entry_key }) => entry_key);
    return [
      keys(await listSenders(t.db, { all: false, limit: 9 })),
      keys(await listSenders(t.db, { all: true, limit: 9 })),
      keys(await listSenders(t.db, { all: true, domain: 'example.net', limit: 9 })),
      keys(await listSenders(t.db, { all: true, limit: 1 })),
      keys(await transaction(t.db, (tx) => loadSenderList(tx, 'example.com', later(5)))),
    ];
  },
];
const ALL: Subject = { domain: '*', source: 'a.example', service: null };
const plan = (part: Partial<SenderChange>): SenderChange => ({
  target: 'senders',
  domain: 'example.com',
  source: 'a.example',
  is_service: false,
  before: null,
  after: 'approved',
  until: null,
  ...part,
});
const apply = (part: Partial<SenderChange>, at: number): Act => [
  `applied: ${JSON.stringify(part)}`,
  () => applySender(t.db, plan(part), { by: 'Zoe', why: 'request 7' }, later(at)),
];
const restore = (part: Partial<SenderChange>, at: number): Act => [
  `taken back: ${JSON.stringify(part)}`,
  () => restoreSender(t.db, plan(part), { by: 'Zoe', why: 'request 7' }, later(at)),
];

const STORIES: Record<string, () => Act[]> = {
  decided: () => [
    end(A, 0),
    put(A, 'approved', 1, null, '0'),
    put(A, 'denied', 2, 5, '0'),
    put(A, 'denied', 2, 5, '1'),
    put({ ...A, domain: 'observed.example' }, 'approved', 3),
    put(ALL, 'denied', 3),
    put(MAILER, 'approved', 3),
    lists,
    end(A, 4, '2'),
    end(A, 4, '2', false),
    end(A, 4, '2'),
    put(A, 'approved', 5, null, '2'),
    put(A, 'approved', 5, 6),
    put(MAILER, 'denied', 5, 6),
    ['before the end', () => endExpired(t.db, () => ['mailer_1.example'], later(6 - MS))],
    ['at the end', () => endExpired(t.db, () => ['mailer_1.example'], later(6))],
    ['and again', () => endExpired(t.db, () => [], later(6))],
    put(A, 'approved', 5),
    entry(4, false),
    entry(4, true),
    entry(4, true),
    put(MAILER, 'denied', 5),
    entry(9, true),
    entry(9, true, 'b.example'),
    lists,
    [
      'names that are known',
      async () =>
        Promise.all(['example.com', 'a.example.com', 'xexample.com', 'com'].map((domain) => isKnownDomain(t.db, domain))),
    ],
  ],
  'by-request': () => [
    apply({}, 1),
    apply({}, 2),
    apply({ until: later(9).toISOString() }, 2),
    apply({ before: 'approved', until: later(9).toISOString() }, 2),
    apply({ before: 'approved', until: later(9).toISOString() }, 3),
    apply({ before: null, after: 'denied' }, 3),
    apply({ before: 'approved', after: null }, 3),
    apply({ before: 'approved', after: null }, 3),
    apply({ source: 'mailer', is_service: true, after: 'denied' }, 3),
    restore({ source: 'mailer', is_service: true, after: 'denied' }, 4),
    put(A, 'denied', 5, 20),
    apply({ before: 'denied', after: 'approved' }, 6),
    restore({ before: 'denied', after: 'approved' }, 7),
    restore({ before: 'denied', after: 'approved' }, 8),
    apply({ before: 'denied', after: 'approved' }, 9),
    restore({ before: 'denied', after: 'approved' }, 20),
    put(A, 'denied', 21, 30),
    apply({ before: 'denied', after: 'approved' }, 22),
    restore({ before: 'denied', after: 'approved' }, 30 - MS),
    put(A, 'denied', 31),
    apply({ before: 'denied', after: 'approved' }, 32),
    restore({ before: 'denied', after: 'approved' }, 33),
    restore({ before: 'approved', after: null }, 33),
    restore({ before: 'approved', after: 'denied' }, 34),
  ],
};

test.each(Object.keys(STORIES))('what is written of senders: %s', async (name) => {
  const queries = {
    entry:
      'select entry_key, domain, source, is_service, verdict, by_name, why, since, until, ended_at, ended_by, ended_why from ruawatch.sender_list order by 1',
    work: 'select domain, source, count(*)::int as times from ruawatch.analysis_work group by 1, 2 order by 1, 2',
    watch: 'select domain, due_at from ruawatch.dns_watch order by 1',
  };
  await expect(await account({ db: t.db, start: START, queries }, STORIES[name]!())).toMatchFileSnapshot(`golden/${name}.txt`);
});
