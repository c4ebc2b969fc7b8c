import pino from 'pino';
import { describe, expect, test } from 'vitest';
import { closeManual, isSet, type SeenSettings } from '../../services/applier/manual.ts';
import type { Plan } from '../../services/requests/plan.ts';
import { openRequest } from '../../services/store/requests/open.ts';
import { loadRequest } from '../../services/store/requests/requests.ts';
import { testDatabase } from '../helpers/database.ts';
import { AUTOMATIC } from '../helpers/lending.ts';
import { planOf } from '../requests/sample.ts';

const target = (name: string, longestSeconds: number, defaultSeconds?: number) => ({
  name,
  for: [],
  services: [],
  longestSeconds,
  risk: 'low' as const,
  ...(defaultSeconds === undefined ? {} : { defaultSeconds }),
});
const SETTINGS = {
  access: {
    databases: [{ ...target('db', 7200, 1800), groups: ['readers'], connections: 5, logFolder: null, url: () => '' }],
    dns: [
      { ...target('zone', 3600), names: ['a.example.com'] },
      { ...target('open', 3600), names: null },
    ],
    mail: [{ ...target('post', 600), addresses: [], accounts: {} as never, doveadm: null }],
    providers: [
      { ...target('cloud', 900), names: ['b.example.com', '.c.example.com'], zones: [], aws: null, command: null },
      { ...target('all', 900), zones: [], aws: null, command: null },
    ],
    console: { ...target('console', 300), roles: ['operator'] },
  },
  dnsTargets: [
    { kind: 'rfc2136', name: 'primary', zones: [], server: {} as never, key: { name: 'old', algorithm: 'hmac-sha256' } },
    { kind: 'command', name: 'script', zones: [], command: [] },
  ],
} as unknown as SeenSettings;
const done = (id: string, value: string, settings = SETTINGS) => isSet({ seen: { by: 'settings', id, value } }, settings);

describe('what people were asked to change in the settings is done', () => {
  test.each([
    // A target lends for so long, or for less; one that is gone lends nothing.
    ['longest:db', '7199', false],
    ['longest:db', '7200', true],
    ['longest:db', '7201', true],
    ['longest:zone', '3599', false],
    ['longest:post', '599', false],
    ['longest:post', '600', true],
    ['longest:cloud', '899', false],
    ['longest:console', '299', false],
    ['longest:console', '300', true],
    ['longest:gone', '1', true],
    // By default for so long: for the longest time where no default is set.
    ['default:db', '1799', false],
    ['default:db', '1800', true],
    ['default:zone', '3599', false],
    ['default:zone', '3600', true],
    ['default:gone', '1', true],
    // Names that go beyond those that are to be left, and a target that lends all names.
    ['names:zone', 'a.example.com x.example.com', true],
    ['names:zone', 'x.example.com', false],
    ['names:open', 'a.example.com', false],
    ['names:cloud', 'b.example.com .c.example.com', true],
    ['names:cloud', 'b.example.com', false],
    ['names:all', 'b.example.com', false],
    ['names:gone', 'b.example.com', true],
    ['names:db', 'b.example.com', true],
    // A role that is lent, one that is not, and one of another server.
    ['group:db', 'readers', false],
    ['group:db', 'writers', true],
    ['group:other', 'readers', true],
    // A key by which a server is changed.
    ['key:primary', 'old', false],
    ['key:primary', 'other', true],
    ['key:other', 'old', true],
    ['key:script', 'old', true],
    // What this version does not know is never taken for done.
    ['something else', '', false],
    ['longest', '99999', true],
    ['', '', false],
  ])('%s = %s: %s', (id, value, expected) => {
    expect(done(id, value)).toBe(expected);
  });

  test('where the console lends nothing, it is gone', () => {
    const access = { ...SETTINGS.access, console: null };
    expect(done('longest:console', '1', { ...SETTINGS, access })).toBe(true);
  });
});

test('a request ends when all that it asks for by hand is done, and no other', async () => {
  const t = await testDatabase();
  try {
    const manual = (id: string, value: string): Plan['changes'][number] => ({
      target: 'manual',
      what: id,
      before: 'more',
      after: 'less',
      run: 'by hand',
      seen: { by: 'settings', id, value },
    });
    const [isDone, isNot] = [() => manual('longest:db', '7200'), () => manual('longest:db', '7199')];
    const ask = async (state: string, part: Partial<Plan>) => {
      const given = { plan: planOf(part), requester: 'ada@example.com', requester_kind: 'person' as const, why: 'less' };
      const key = (await openRequest(t.db, AUTOMATIC, given))!;
      await t.db.query('update ruawatch.requests set state = $2 where request_key = $1', [key, state]);
      return key;
    };
    const reduce = (...changes: Plan['changes']) => ({ kind: 'rights.reduce' as const, domain: '*', changes });
    const keys = [
      await ask('handed_over', reduce(isDone())),
      await ask('handed_over', reduce(isDone(), manual('group:db', 'writers'))),
      await ask('handed_over', reduce(isDone(), isNot())),
      // Nobody has decided about it, so it was not asked of anybody.
      await ask('approved', reduce(manual('key:other', 'old'))),
      // What nothing of the kind is in is not done by that.
      await ask('handed_over', {}),
    ];
    const signal = new AbortController().signal;
    const at = () => null;
    await closeManual({ db: t.db, log: pino({ level: 'silent' }), targets: [], at, now: () => new Date(), signal }, SETTINGS);
    const ends = await Promise.all(
      keys.map(async (key) => loadRequest(t.db, key).then(({ state, outcome }) => [state, outcome])),
    );
    const said = 'It is done: what it asked to take away is gone.';
    expect(ends).toEqual([
      ['done', said],
      ['done', said],
      ['handed_over', null],
      ['approved', null],
      ['handed_over', null],
    ]);
  } finally {
    await t.drop();
  }
});
