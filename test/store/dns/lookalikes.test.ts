import { afterEach, beforeEach, expect, test } from 'vitest';
import { transaction } from '../../../services/shared/runtime/db.ts';
import {
  type Candidate,
  countDueLookalikes,
  forgetLookalikes,
  ignoreLookalike,
  listLookalikes,
  loadChangedLookalikes,
  ownNames,
  returnQuestions,
  type StoredLookalike,
  storeCandidates,
  storeLookalike,
  takeLookalikes,
  takeQuestions,
  unlistedDomains,
  watchLookalikeAgain,
} from '../../../services/store/dns/lookalikes.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';
import { account } from '../../helpers/ledger.ts';

let t: TestDatabase;
beforeEach(async () => {
  t = await testDatabase({ own: false });
  await t.db.query(
    "insert into ruawatch.domains (domain, state, how, since) values ('example.com', 'own', 'added', now()), ('example.net', 'own', 'added', now()), ('x.example', 'observed', 'reported', now())",
  );
});
afterEach(() => t.drop());

const START = new Date('2026-11-27T08:00:00Z');
const later = (hours: number) => new Date(START.getTime() + hours * 3_600_000);
const MS = 1 / 3_600_000;
type Act = [string, () => Promise<unknown>];
const candidate = (name: string, rank: number): Candidate => ({ name, shown: name.toUpperCase(), kind: 'swap', rank });
const store = (at: number, ...names: Candidate[]): Act => [
  `candidates after ${at} h: ${names.map(({ name }) => name)}`,
  () => storeCandidates(t.db, 'example.com', names, later(at)),
];
const unlisted = (at: number): Act => [`not listed after ${at} h`, () => unlistedDomains(t.db, later(at), 9)];
const due = (at: number): Act => [
  `due after ${at} h`,
  async () => [await countDueLookalikes(t.db, later(at), 9), await countDueLookalikes(t.db, later(at), 1)],
];
const take = (at: number, limit: number): Act => [
  `${limit} are taken after ${at} h`,
  async () => (await takeLookalikes(t.db, later(at), later(at + 1), limit)).map(({ domain, name }) => [domain, name]),
];
const answer = (name: string, part: Partial<StoredLookalike>, news: boolean): Act => [
  `an answer about ${name}: ${JSON.stringify(part)}, ${news ? 'news' : 'no news'}`,
  () =>
    storeLookalike(
      t.db,
      'example.com',
      {
        ...candidate(name, 1),
        asked_at: later(3),
        answered_at: later(3),
        registered: true,
        baseline: true,
        first_seen: later(3),
        gone_at: null,
        servers: ['ns1.example.org'],
        mail_hosts: ['mx.example.org'],
        dmarc: 'v=DMARC1; p=none',
        yours: false,
        change: null,
        changed_at: null,
        before: null,
        ignored_at: null,
        ignored_by: null,
        ignored_why: null,
        ...part,
      },
      { due: later(99), news },
    ),
];
const shown: Act = [
  'listed: of all, of one, of none; changed',
  async () =>
    [
      await listLookalikes(t.db, null),
      await listLookalikes(t.db, ['example.com']),
      await listLookalikes(t.db, ['example.net']),
      await transaction(t.db, (tx) => loadChangedLookalikes(tx, 'example.com')),
    ].map((rows) => rows.map(({ name }) => name)),
];

test('what is written of names that look alike', async () => {
  const acts: Act[] = [
    unlisted(0),
    ['own names', async () => [...(await ownNames(t.db))].sort()],
    store(0, candidate('exarnple.com', 1), candidate('examp1e.com', 2), candidate('exmaple.com', 3)),
    unlisted(24 - MS),
    unlisted(24),
    store(24, candidate('exarnple.com', 1), candidate('examp1e.com', 2), candidate('exmaple.com', 3)),
    due(-MS),
    due(0),
    take(1, 2),
    take(1, 2),
    take(1, 2),
    answer('exarnple.com', {}, false),
    answer(
      'examp1e.com',
      { baseline: false, change: 'registered', changed_at: later(4), before: { mail_hosts: [], dmarc: '' } },
      true,
    ),
    answer('nothing.com', {}, true),
    shown,
    [
      'one is ignored',
      () => ignoreLookalike(t.db, { domain: 'example.com', name: 'exmaple.com' }, { by: 'A\0da', why: 'ou\0rs' }, later(5)),
    ],
    [
      'one that is not watched',
      () => ignoreLookalike(t.db, { domain: 'example.com', name: 'nothing.com' }, { by: 'Ada', why: 'x' }, later(5)),
    ],
    due(500),
    store(48, candidate('exarnple.com', 4)),
    store(72, candidate('exarnple.com', 4), candidate('exampie.com', 5)),
    store(96, candidate('exarnple.com', 4)),
    ['watched again', () => watchLookalikeAgain(t.db, 'example.com', 'exmaple.com', later(97))],
    ['watched again, one that is due later', () => watchLookalikeAgain(t.db, 'example.com', 'examp1e.com', later(97))],
    ['one that is not watched', () => watchLookalikeAgain(t.db, 'example.com', 'nothing.com', later(97))],
    ['questions', () => takeQuestions(t.db, '2026-11-27', 30, 100)],
    ['more', () => takeQuestions(t.db, '2026-11-27', 80, 100)],
    ['none are left', () => takeQuestions(t.db, '2026-11-27', 1, 100)],
    ['the budget is less by now', () => takeQuestions(t.db, '2026-11-27', 1, 50)],
    ['some were not asked', () => returnQuestions(t.db, '2026-11-27', 20)],
    ['more than were asked', () => returnQuestions(t.db, '2026-11-27', 200)],
    ['thirty days', () => forgetLookalikes(t.db, '2026-12-27')],
    ['and one', () => forgetLookalikes(t.db, '2026-12-28')],
    [
      'the domain is not own any more',
      async () => {
        await t.db.query("update ruawatch.domains set state = 'ignored' where domain = 'example.com'");
        return forgetLookalikes(t.db, '2026-12-28');
      },
    ],
  ];
  const queries = {
    name: 'select * from ruawatch.lookalikes order by domain, name',
    list: "select domain, listed_at, digest = '' as empty from ruawatch.lookalike_lists order by 1",
    day: 'select day::text as day, questions from ruawatch.lookalike_days order by 1',
    work: 'select domain, source, count(*)::int as times from ruawatch.analysis_work group by 1, 2 order by 1, 2',
  };
  await expect(await account({ db: t.db, start: START, queries }, acts)).toMatchFileSnapshot('golden/lookalikes.txt');
});
