import { afterEach, beforeEach, expect, test } from 'vitest';
import { transaction } from '../../../services/shared/runtime/db.ts';
import { companyPerson, confirmCompanyPerson } from '../../../services/store/console/company.ts';
import { addPasskey, passkeyOf, passkeysOf, removePasskey, usePasskey } from '../../../services/store/console/passkeys.ts';
import {
  actingPeople,
  addPerson,
  approverOf,
  askerWith,
  changePerson,
  confirmTotp,
  countFailure,
  countSuccess,
  endPerson,
  findAccount,
  findPerson,
  isPersonName,
  listPeople,
  nobodyYet,
  proposeTotp,
  putPassword,
  removeTotp,
  signInSecrets,
  unknownDomains,
} from '../../../services/store/console/people.ts';
import { addService } from '../../../services/store/console/service-principals.ts';
import { beginSession, forgetEnded, linkOf, makeLink, visitorOf, withLink } from '../../../services/store/console/sessions.ts';
import { endToken, listTokens, makeToken, tokenVisitor } from '../../../services/store/console/tokens.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';
import { account } from '../../helpers/ledger.ts';

let t: TestDatabase;
beforeEach(async () => {
  t = await testDatabase({ own: false });
  await t.db.query(
    `insert into ruawatch.domains (domain, state, how, since) values ('example.com', 'own', 'added', now()), ('shop.example.net', 'own', 'added', now())`,
  );
});
afterEach(() => t.drop());

const START = new Date('2026-11-27T08:00:00Z');
const later = (hours: number) => new Date(START.getTime() + hours * 3_600_000);
const MS = 1 / 3_600_000;
type Act = [string, () => Promise<unknown>];
/** Secrets that were made, by the name that the account gives them. */
const made = new Map<string, string>();
const by = 'root';

const add = (name: string, role: 'viewer' | 'operator' | 'admin', domains: string[] | null = null, email?: string): Act => [
  `${name} is added`,
  () => addPerson(t.db, { name, role, domains, ...(email === undefined ? {} : { email }) }, by, START),
];
const session = (key: number, as: string, at: number, agent: string | null = 'browser'): Act => [
  `${key} begins the session ${as} after ${at} h`,
  async () => {
    made.set(as, await beginSession(t.db, key, { address: '192.0.2.1', agent }, later(at)));
  },
];
const visits = (as: string, at: number): Act => [`who ${as} is after ${at} h`, () => visitorOf(t.db, made.get(as)!, later(at))];
const token = (
  key: number,
  as: string,
  scopes: ('read' | 'act' | 'decide')[],
  hours: number,
  domains: string[] | null = null,
): Act => [
  `${key} makes the token ${as}: ${scopes}, ${hours} h`,
  async () => {
    const given = { person_key: key, person: `person ${key}`, name: as, scopes, domains, ends_at: later(hours) };
    const { token: text, token_key } = await makeToken(t.db, given, by, START);
    made.set(as, text);
    return token_key;
  },
];
const uses = (as: string, at: number): Act => [
  `who has ${as} after ${at} h`,
  () => tokenVisitor(t.db, made.get(as) ?? as, later(at)),
];
const link = (key: number | null, as: string, purpose: 'password' | 'sign_in', at = 0): Act => [
  `the link ${as} is made for ${key}`,
  async () => {
    made.set(as, await makeLink(t.db, key, purpose, later(at)));
  },
];
const withIt = (as: string, at: number): Act => [
  `the link ${as} is used after ${at} h`,
  () => withLink(t.db, made.get(as)!, later(at), async (_, found) => found),
];
const fails = (key: number, times: number, at = 0): Act => [
  `${key} fails ${times} times`,
  async () => {
    for (let i = 0; i < times; i++) await countFailure(t.db, key, later(at));
  },
];
const change = (name: string, role: 'viewer' | 'operator' | 'admin', domains: string[] | null): Act => [
  `${name} becomes ${role} of ${domains ?? 'all'}`,
  () => changePerson(t.db, name, { role, domains }, { by, now: later(1) }),
];
const end = (name: string): Act => [`${name} is removed`, () => endPerson(t.db, name, by, later(1))];
const company = (
  subject: string,
  name: string,
  rights: { role: 'viewer' | 'operator'; domains: string[] | null },
  at = 0,
): Act => [
  `the provider names ${subject} ${name}, ${rights.role} of ${rights.domains ?? 'all'}`,
  () =>
    companyPerson(
      t.db,
      { issuer: 'https://login.example', subject, name, email: `${subject}@example.com`, rights, refresh: Buffer.from('r') },
      later(at),
    ),
];
const confirms = (key: number, due: number, answer: Parameters<typeof confirmCompanyPerson>[3] | null): Act => [
  `the provider is asked about ${key}, where it was not since ${due} h`,
  async () => {
    const asked: unknown[] = [];
    const sure = await confirmCompanyPerson(t.db, key, { due: later(due), now: later(9) }, async (refresh, subject) => {
      asked.push([refresh?.toString() ?? null, subject]);
      return answer === null ? null : answer(refresh, subject);
    });
    return { sure, asked };
  },
];
const says = (role: 'viewer' | 'operator', domains: string[] | null) => async () => ({
  email: 'new@example.com',
  rights: { role, domains },
  refresh: null,
});

const STORIES: Record<string, () => Act[]> = {
  people: () => [
    ['is nobody there', () => nobodyYet(t.db)],
    add(' Ada ', 'admin', null, 'Ada@Example.com'),
    ['is nobody there', () => nobodyYet(t.db)],
    add('ada', 'viewer'),
    add('ben', 'operator', ['example.com', 'example.net']),
    add('cleo', 'viewer', ['example.com']),
    [
      'a service',
      () =>
        addService(
          t.db,
          { name: 'deploy', owner: 'ada', role: 'operator', domains: ['example.com'], ends_at: later(99) },
          by,
          START,
        ),
    ],
    ['who there is', () => listPeople(t.db)],
    [
      'who may act on example.com, a name below another, and a third',
      async () => Promise.all(['example.com', 'shop.example.net', 'badexample.net'].map((domain) => actingPeople(t.db, domain))),
    ],
    ['one of them', () => findPerson(t.db, ' BEN')],
    ['a service is no person', () => findPerson(t.db, 'deploy')],
    ['accounts', async () => Promise.all(['Ada', 'deploy', 'x'].map((name) => findAccount(t.db, name)))],
    ['secrets', async () => Promise.all(['Ada', 'x'].map((name) => signInSecrets(t.db, name)))],
    ['domains that nobody knows', () => unknownDomains(t.db, ['example.com', 'example.net', 'net', 'xexample.com', 'mple.com'])],
    ['who they are to deciders', async () => Promise.all([1, 3, 5].map((key) => askerWith(t.db, key)))],
    ['who decides', () => approverOf(t.db, 1)],
    ['a service does not', () => approverOf(t.db, 5)],
    ['nobody does not', () => approverOf(t.db, 9)],
    end('ada'),
    change('ada', 'viewer', null),
    change('ada', 'admin', ['example.com']),
    change('ada', 'admin', null),
    add('dora', 'admin'),
    session(6, 'D', 0),
    session(3, 'B', 0),
    token(3, 'b', ['read'], 24),
    token(3, 'ended', ['read'], 1),
    link(3, 'L', 'password'),
    change('deploy', 'admin', null),
    change('BEN', 'viewer', ['example.com', 'example.com']),
    change('nobody', 'viewer', null),
    link(3, 'L', 'password'),
    session(3, 'B', 0),
    token(3, 'b', ['read'], 24),
    end('BEN '),
    end('ben'),
    end('ada'),
    end('dora'),
    ['who there is', () => listPeople(t.db)],
    add('ben', 'viewer', []),
    [
      'somebody whose address is gone',
      () =>
        t.db
          .query(
            "update ruawatch.people set oidc_issuer = 'i', oidc_subject = 's', oidc_checked_at = created_at, name = 'x@example.com', email = null where person_key = 7",
          )
          .then(() => null),
    ],
    ['who that is', () => askerWith(t.db, 7)],
  ],
  sessions: () => [
    add('ada', 'admin'),
    add('ben', 'operator', ['example.com']),
    session(1, 'A', 0, null),
    session(2, 'B', 0, 'x'.repeat(201)),
    visits('A', MS),
    visits('A', 1 / 60),
    visits('A', 1 / 60 + MS),
    visits('B', 12 - MS),
    visits('B', 24 - MS),
    visits('A', 13),
    ['kept busy', () => t.db.query("update ruawatch.sessions set used_at = '2026-12-04 07:00Z'").then(() => null)],
    visits('A', 168 - MS),
    visits('A', 168),
    ['what is over at the end', () => forgetEnded(t.db, later(168 - MS))],
    ['what is over then', () => forgetEnded(t.db, later(168))],
    session(1, 'A', 0),
    ['what is over after half a day', () => forgetEnded(t.db, later(12 - MS))],
    ['and then', () => forgetEnded(t.db, later(12))],
    link(null, 'first', 'password'),
    link(null, 'second', 'password'),
    link(1, 'L', 'sign_in'),
    [
      'what they are for',
      async () => Promise.all(['first', 'second', 'L'].map((as) => linkOf(t.db, made.get(as)!, later(24 - MS)))),
    ],
    withIt('L', 24),
    withIt('L', 1),
    withIt('second', 1),
    withIt('second', 1),
    link(2, 'M', 'password'),
    ['links that are over', () => forgetEnded(t.db, later(24 - MS))],
    ['and then', () => forgetEnded(t.db, later(24))],
    fails(2, 4),
    fails(2, 1),
    fails(2, 1),
    fails(2, 3),
    fails(2, 1, 1),
    ['a code generator', () => proposeTotp(t.db, 2, Buffer.from('secret'))],
    ['confirmed', () => confirmTotp(t.db, 2, 7, later(2))],
    ['without a secret', () => confirmTotp(t.db, 1, 7, later(2))],
    ['a code of before', () => countSuccess(t.db, 2, 7)],
    ['a code', () => countSuccess(t.db, 2, 8)],
    ['no code', () => countSuccess(t.db, 2, null)],
    token(2, 'r', ['read', 'act'], 24),
    token(2, 'd', ['read', 'decide'], 24),
    ['the generator is removed', () => removeTotp(t.db, 2, { by, now: later(3) })],
    session(2, 'B', 0),
    link(2, 'M', 'password'),
    [
      'a passkey',
      () =>
        addPasskey(
          t.db,
          {
            person_key: 2,
            credential_id: Buffer.from('c'),
            public_key: Buffer.from('p'),
            counter: 0,
            transports: ['usb'],
            name: 'k',
          },
          START,
        ),
    ],
    [
      'the same',
      () =>
        addPasskey(
          t.db,
          { person_key: 1, credential_id: Buffer.from('c'), public_key: Buffer.from('p'), counter: 0, transports: [], name: 'k' },
          START,
        ),
    ],
    ['used without a counter', () => usePasskey(t.db, Buffer.from('c'), 0, later(1))],
    ['used with one', () => usePasskey(t.db, Buffer.from('c'), 5, later(2))],
    ['and again', () => usePasskey(t.db, Buffer.from('c'), 5, later(3))],
    [
      'it is known',
      async () => [
        (await passkeysOf(t.db, 2)).length,
        (await passkeyOf(t.db, Buffer.from('c')))?.person,
        await passkeyOf(t.db, Buffer.from('x')),
      ],
    ],
    ['another removes it', () => removePasskey(t.db, 1, Buffer.from('c'))],
    ['another password', () => transaction(t.db, (tx) => putPassword(tx, 2, 'scrypt', { by, now: later(4) }))],
  ],
  tokens: () => [
    add('ada', 'admin'),
    add('ben', 'operator', ['example.com', 'example.net']),
    [
      'a service',
      () =>
        addService(
          t.db,
          { name: 'deploy', owner: 'ada', role: 'operator', domains: ['example.com'], ends_at: later(99) },
          by,
          START,
        ),
    ],
    token(1, 'year', ['read'], 366 * 24),
    token(1, 'longer', ['read'], 366 * 24 + MS),
    token(1, 'day', ['read', 'decide'], 24),
    token(1, 'day and more', ['read', 'decide'], 24 + MS),
    token(2, 'within', ['read', 'act'], 48, ['shop.example.net', 'example.org']),
    token(2, 'own', ['read'], 48),
    token(1, 'less', ['read'], 48, ['example.com']),
    token(3, 'decides', ['decide'], 1),
    token(3, 'service', ['read'], 99),
    token(3, 'service longer', ['read'], 99 + MS),
    uses('year', 1),
    uses('year', 1 + 1 / 60),
    uses('year', 1 + 1 / 60 + MS),
    uses('within', 1),
    uses('own', 1),
    uses('less', 1),
    uses('service', 99 - MS),
    uses('service', 99),
    uses('day', 24 - MS),
    uses('day', 24),
    uses('ruawatch_', 1),
    uses(`ruawatch_${'x'.repeat(43)}`, 1),
    ['whose there are', async () => (await listTokens(t.db, null, later(24))).map(({ token_key }) => token_key)],
    ['those of ben', () => listTokens(t.db, 2, later(48 - MS))],
    ['another ends one', () => endToken(t.db, 4, { person_key: 2, by: 'ben' }, later(2))],
    ['its person ends one', () => endToken(t.db, 3, { person_key: 2, by: 'ben' }, later(2))],
    ['and again', () => endToken(t.db, 3, { person_key: null, by }, later(3))],
    ['whose there are', async () => (await listTokens(t.db, null, later(24))).map(({ token_key }) => token_key)],
    ['an admin ends one', () => endToken(t.db, 4, { person_key: null, by }, later(2))],
    uses('own', 3),
  ],
  company: () => [
    add('ada', 'admin'),
    company('s1', 'Ben@Example.com', { role: 'viewer', domains: ['example.com'] }),
    company('s2', 'ada', { role: 'viewer', domains: null }),
    company('s2', 'a b', { role: 'viewer', domains: null }),
    session(2, 'B', 0),
    token(2, 'b', ['read'], 24),
    company('s1', 'other', { role: 'viewer', domains: ['example.com'] }, 1),
    company('s1', 'other', { role: 'operator', domains: ['example.com'] }, 2),
    session(2, 'B', 0),
    company('s1', 'other', { role: 'operator', domains: null }, 3),
    company('s4', 'dora@example.com', { role: 'operator', domains: null }, 3),
    session(2, 'B', 0),
    confirms(2, 3 - MS, null),
    confirms(2, 3, says('operator', null)),
    confirms(2, 9, says('viewer', ['example.com'])),
    session(2, 'B', 0),
    token(2, 'b', ['read'], 24),
    confirms(2, 9, null),
    confirms(99, 9, null),
  ],
};

test.each(Object.keys(STORIES))('what is written of accounts: %s', async (name) => {
  const queries = {
    person: `select person_key, kind, name, email, owner, role, all_domains, created_at, created_by, ended_at, ended_by, ends_at, password, failures, locked_until,
                    encode(totp_secret, 'escape') as totp_secret, totp_since, totp_step, oidc_issuer, oidc_subject, encode(oidc_refresh, 'escape') as refresh, oidc_checked_at,
                    array(select d.domain from ruawatch.person_domains d where d.person_key = p.person_key order by 1) as domains
               from ruawatch.people p order by 1`,
    token:
      'select token_key, person_key, name, scopes, domains, created_at, created_by, used_at, ends_at, ended_at, ended_by from ruawatch.person_tokens order by 1',
    session:
      'select person_key, created_at, used_at, ends_at, address, length(agent) as agent from ruawatch.sessions order by 1, 2',
    link: 'select coalesce(person_key, 0) as link_of, purpose, created_at, ends_at from ruawatch.person_links order by 1',
    passkey:
      "select encode(credential_id, 'escape') as passkey, person_key, counter, transports, name, created_at, used_at from ruawatch.passkeys order by 1",
    act: 'select act_key, at, person_key, by_name, act, domain, object, detail from ruawatch.console_acts order by 1',
  };
  await expect(await account({ db: t.db, start: START, queries }, STORIES[name]!())).toMatchFileSnapshot(`golden/${name}.txt`);
});

test.each([
  ['ab', true],
  ['a', false],
  [` ${'a'.repeat(100)} `, true],
  ['a'.repeat(101), false],
  ['.ab', false],
  ['A.b_c@d-e+f', true],
  ['a b', false],
  ['\u212Aim', false],
])('whether %j may be a name', (name, may) => expect(isPersonName(name)).toBe(may));
