import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  type Check,
  findDomains,
  forgetDomains,
  mailboxAddresses,
  saveCheck,
  takeForeign,
  takeOwn,
} from '../../../services/store/domains/checks.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';
import { account } from '../../helpers/ledger.ts';

let t: TestDatabase;
beforeEach(async () => {
  t = await testDatabase({ own: false });
});
afterEach(() => t.drop());

const START = new Date('2026-11-27T08:00:00Z');
const later = (hours: number) => new Date(START.getTime() + hours * 3_600_000);
const MS = 1 / 3_600_000;
type Act = [string, () => Promise<unknown>];

let reports = 0;
const reported = async (domain: string, trust: string, trust_domain: string | null, at = 0) => {
  reports += 1;
  await t.db.query(
    `insert into ruawatch.reports (message_key, part, identity, content_hash, reporter, report_id, domain, begin_at, end_at, errors,
            records, messages, salvaged, problems, received_at, trust, trust_domain)
     values ($1::bigint, 0, decode(md5($1::text), 'hex'), '', 'r', $1::text, $2, $3, $3, '[]', 1, 1, false, '[]', $3, $4, $5)`,
    [reports, domain, later(at), trust, trust_domain],
  );
};
const find = (says: string, given: readonly Parameters<typeof reported>[]): Act => [
  `reports: ${says}`,
  async () => {
    for (const one of given) await reported(...one);
    const more: boolean[] = [];
    for (let i = 0; i < 3; i++) more.push(await findDomains(t.db, later(i), (domain) => domain.split('.').slice(-2).join('.')));
    return more;
  },
];
const check = (domain: string, state: Check['state'], at: number, more: Partial<Check> = {}): Act => [
  `${domain} is ${state}, ${JSON.stringify(more)}`,
  () =>
    saveCheck(t.db, later(at), { domain, state, reason: `It is ${state}.`, at: null, lost: false, due: later(at + 24), ...more }),
];
const add = (domain: string, state: string): Act => [
  `${domain} is ${state}`,
  () =>
    t.db
      .query(`insert into ruawatch.domains (domain, state, how, since, due_at) values ($1, $2, 'added', $3, $3)`, [
        domain,
        state,
        START,
      ])
      .then(() => null),
];

test('what is written of domains that are reported on', async () => {
  reports = 0;
  const acts: Act[] = [
    find('none', []),
    find('one that is proven, some that are not, one without a name', [
      ['a.example', 'ok', 'mail.quiet.example'],
      ['b.example', 'pending', 'mail.quiet.example'],
      ['b.example', 'bad', null],
      ['', 'ok', 'mail.quiet.example'],
    ]),
    find(
      'many by one reporter',
      ['c', 'd', 'e', 'f'].map((name) => [`${name}.example`, 'ok', 'x.busy.example']),
    ),
    find('one by both, one by a listed one too, one that needs no proof', [
      ['g.example', 'ok', 'busy.example'],
      ['g.example', 'ok', 'quiet.example'],
      ['h.example', 'ok', 'quiet.example'],
      ['h.example', 'ok', 'mail.google.com'],
      ['i.example', 'ok', null],
    ]),
    find('one that is known, by another', [
      ['a.example', 'ok', 'z.example'],
      ['a.example', 'ok', 'busy.example'],
      ['c.example', 'ok', 'z.example', 24],
      ['b.example', 'ok', 'busy.example', 24 + MS],
    ]),
    find('two of the same length', [
      ['j.example', 'ok', 'two.example'],
      ['j.example', 'ok', 'one.example'],
    ]),
    find('a listed one that has more domains', [
      ...['k', 'l', 'm', 'n', 'o'].map((name): [string, string, string] => [`${name}.example`, 'ok', 'mail.google.com']),
      ['o.example', 'ok', 'tiny.example'],
    ]),
    find('two that are to have three each', [
      ['p.example', 'ok', 'later.example'],
      ['q.example', 'ok', 'later.example'],
    ]),
    find('and have them then', [
      ['r.example', 'ok', 'later.example'],
      ['s.example', 'ok', 'first.example'],
      ['t.example', 'ok', 'first.example'],
      ['r.example', 'ok', 'first.example'],
    ]),
    [
      'one that is gone when it is looked for',
      async () => {
        await reported('u.example', 'ok', null);
        const org = (domain: string) => domain;
        const found = [await findDomains(t.db, START, org)];
        await t.db.query("delete from ruawatch.reports where domain = 'u.example'");
        for (let i = 0; i < 3; i++) found.push(await findDomains(t.db, START, org));
        return found;
      },
    ],
    find('none but one without a name', [['', 'ok', null]]),
    ['those that nobody reports on are forgotten', () => forgetDomains(t.db, later(24 + 2 * MS), 9)],
    ['addresses of mailboxes', () => mailboxAddresses(t.db, START)],
  ];
  const queries = {
    domain: 'select domain, state, how, since, due_at, vouched_by, last_reported, history from ruawatch.domains order by domain',
  };
  await expect(await account({ db: t.db, start: START, queries }, acts)).toMatchFileSnapshot('golden/reported.txt');
});

test('what is written of domains that are checked', async () => {
  const acts: Act[] = [
    ...(['own', 'observed', 'ignored'] as const).map((state) => add(`${state}.example`, state)),
    add('up.observed.example', 'observed'),
    ['own ones that are due', () => takeOwn(t.db, START, later(1), 5)],
    ['and again', () => takeOwn(t.db, START, later(1), 5)],
    ['others that are due', () => takeForeign(t.db, START, later(1), { limit: 5, perHour: 9, perReporter: 9 })],
    check('own.example', 'denied', 1),
    check('own.example', 'unknown', 2),
    check('own.example', 'denied', 3, { lost: true }),
    check('own.example', 'denied', 4, { lost: true }),
    check('own.example', 'proven', 5, { at: 'own.example' }),
    check('ignored.example', 'proven', 5, { at: 'ignored.example' }),
    check('ignored.example', 'denied', 6, { reason: 'x'.repeat(501) }),
    check('up.observed.example', 'unknown', 6),
    check('up.observed.example', 'proven', 7, { at: 'observed.example' }),
    check('new.example', 'proven', 8, { at: 'new.example' }),
    add('seen.example', 'observed'),
    check('seen.example', 'denied', 8, { lost: true }),
    check('seen.example', 'proven', 9, { at: 'seen.example' }),
  ];
  const queries = {
    domain: `select domain, state, how, since, due_at, confirmed_at, last_checked, left(reason, 30) as reason, length(reason) as length, attempts, denied,
                    denied_since, lost_since, history from ruawatch.domains order by domain`,
    work: 'select domain, source, count(*)::int as times from ruawatch.analysis_work group by 1, 2 order by 1, 2',
  };
  await expect(await account({ db: t.db, start: START, queries }, acts)).toMatchFileSnapshot('golden/checked.txt');
});
