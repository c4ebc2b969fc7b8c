import pino from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { databaseWorker } from '../../../services/applier/grants/database.ts';
import { GrantKeeper, type KeepMeans } from '../../../services/applier/grants/keep.ts';
import { type Grant, grantMark, loadGrant } from '../../../services/store/grants/grants.ts';
import { beginEnd } from '../../../services/store/grants/life.ts';
import { syncGroups } from '../../../services/store/requests/groups.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';
import { askForRole, type Lender, makeLender, ownMark } from '../../helpers/lending.ts';
import { GROUPS } from '../../requests/sample.ts';

// What the worker says and does of a server that answers as the test has it; database.test.ts has roles as
// they are.
let t: TestDatabase;
let lender: Lender;
let keeper: GrantKeeper;
let means: KeepMeans;
beforeAll(async () => {
  lender = await makeLender(process.env.TEST_POSTGRES_URL!);
});
afterAll(() => lender.close());
beforeEach(async () => {
  t = await testDatabase();
  await ownMark(t.db);
  await syncGroups(t.db, { groups: GROUPS, deputies: [] });
  keeper = new GrantKeeper();
  means = {
    db: t.db,
    log: pino({ level: 'silent' }),
    access: lender.access,
    dnsTargets: [],
    dns: { ask: async () => ({ state: 'unknown', reason: 'cancelled', message: '' }) },
    at: () => null,
    signal: new AbortController().signal,
  };
});
afterEach(() => t.drop());

const turn = () => keeper.turn(means);
const again = (grant: Grant) => loadGrant(t.db, grant.grant_key);
const lent = async () => {
  const { grant } = await askForRole(t.db, lender);
  await turn();
  return { grant: await again(grant) };
};
const end = async (grant: Grant) => {
  await beginEnd(t.db, grant, { reason: 'Ended by ada: done', by: 'ada@example.com' }, null);
  await turn();
};

describe('its sessions', () => {
  let original: string;
  beforeEach(async () => {
    const rows = await lender.rows<{ text: string }>(
      "select pg_get_functiondef('ruawatch_lend.cut(text)'::regprocedure) as text",
    );
    original = rows[0]!.text;
  });
  afterEach(() => lender.sql(`${original}; drop table public.cuts`));
  /** The server finds so many sessions, each time that it is asked; the last number again and again. */
  const found = (...numbers: number[]) =>
    lender.sql(`create table public.cuts as select 0 as asked, array[${numbers.join(', ')}]::bigint[] as numbers;
      grant select, update on public.cuts to ruawatch_lender;
      create or replace function ruawatch_lend.cut(name text) returns bigint language plpgsql security definer
        set search_path = pg_catalog, pg_temp as $$ declare answer bigint; begin
        update public.cuts set asked = asked + 1 returning numbers[least(asked, cardinality(numbers))] into answer;
        return answer;
      end $$`);
  const asked = async () => (await lender.rows<{ asked: number }>('select asked from public.cuts'))[0]!.asked;

  test.each([
    ['none', [0, 0, 0, 9], 3, ''],
    ['some that begin meanwhile', [0, 0, 2, 0, 3, 1, 0, 0, 0, 9], 9, '; sessions ended: 3'],
  ])('%s: they are looked for until none was found three times in a row', async (_, numbers, times, said) => {
    const { grant } = await lent();
    await found(...numbers);
    await end(grant);
    expect(await again(grant)).toMatchObject({ state: 'ended', answer: `The role ${grant.name} is gone${said}.` });
    expect(await asked()).toBe(times);
  });

  test('that do not end are said, and it stays without a login until they have', async () => {
    const { grant } = await lent();
    await found(0, 0, 1);
    await end(grant);
    expect(await again(grant)).toMatchObject({
      state: 'ending',
      answer: `Sessions of ${grant.name} do not end; nobody can log in as it any more.`,
    });
    expect(await lender.rows('select rolcanlogin from pg_roles where rolname = $1', [grant.name])).toEqual([
      { rolcanlogin: false },
    ]);
    await lender.sql(original);
    await t.db.query('update ruawatch.grants set retry_at = null');
    await turn();
    expect((await again(grant)).state).toBe('ended');
  });
});

describe('closing it', () => {
  let original: string;
  beforeEach(async () => {
    const rows = await lender.rows<{ text: string }>(
      "select pg_get_functiondef('ruawatch_lend.close(text)'::regprocedure) as text",
    );
    original = rows[0]!.text;
  });
  afterEach(() => lender.sql(`${original}; drop sequence public.closes`));
  /** The server refuses it so many times with this code, and then finds no role. */
  const refused = (code: string, times: number) =>
    lender.sql(`create sequence public.closes; grant usage on sequence public.closes to ruawatch_lender;
      create or replace function ruawatch_lend.close(name text) returns boolean language plpgsql security definer
        set search_path = pg_catalog, pg_temp as $$ begin
        if nextval('public.closes') <= ${times} then raise exception 'it is held' using errcode = '${code}'; end if;
        return false;
      end $$`);
  const asked = async () => Number((await lender.rows<{ n: string }>('select last_value as n from public.closes'))[0]!.n);

  test.each(['55P03', '57014', 'XX000'])('is tried again at once while its row is held (%s)', async (code) => {
    const { grant } = await lent();
    await refused(code, 2);
    await end(grant);
    expect(await again(grant)).toMatchObject({ state: 'ended', answer: `There is no role ${grant.name}.` });
    expect(await asked()).toBe(3);
  });

  test('is not when the server refuses it for another reason', async () => {
    const { grant } = await lent();
    await refused('42501', 2);
    await end(grant);
    expect(await again(grant)).toMatchObject({ state: 'ending', answer: 'The server main answers: it is held' });
    expect(await asked()).toBe(1);
  });
});

test('what is not in the settings, or not set up, is said', async () => {
  const { grant } = await askForRole(t.db, lender);
  await turn();
  const mark = await grantMark(t.db);
  const [server] = means.access.databases;
  const worker = (name = 'main') => {
    const access = { ...means.access, databases: [{ ...server!, name }] };
    return { ...means, mark, access };
  };
  const other = { ...grant, scope: { group: 'pg_monitor' } };
  expect([
    await databaseWorker.apply(grant, worker('other')),
    await databaseWorker.apply(other, worker()),
    await databaseWorker.end(grant, worker('other')),
    await databaseWorker.end({ ...grant, name: `${mark}1_ffffff` }, worker()),
  ]).toEqual([
    { state: 'failed', answer: 'The settings (access.database) have no server main.' },
    { state: 'failed', answer: 'The role pg_monitor is not among those that main lends.' },
    {
      state: 'later',
      answer: 'The settings (access.database) have no server main any more: put it back until its grants have ended.',
    },
    { state: 'ended', answer: `There is no role ${mark}1_ffffff.` },
  ]);
  // What was lent is found, and ends when it was to end.
  expect(await databaseWorker.apply(grant, worker())).toEqual({
    state: 'active',
    answer: `The role ${grant.name} is a member of ${lender.server.groups[0]}.`,
    most: expect.any(Date),
  });
  expect(await databaseWorker.apply({ ...grant, name: `${mark}2_ffffff`, credential: null }, worker())).toEqual({
    state: 'failed',
    answer: 'The server main answers: that is no SCRAM verifier',
  });
  expect(await databaseWorker.present!(worker(), (name) => expect.unreachable(name))).toEqual([
    { server: 'main', name: grant.name, sessions: 0 },
  ]);

  await lender.sql('alter schema ruawatch_lend rename to away');
  const answer = 'The server main is not set up to lend roles: run what "ruawatch access setup main" prints.';
  const failed: string[][] = [];
  try {
    expect(await databaseWorker.apply(grant, worker())).toEqual({ state: 'later', answer });
    expect(await databaseWorker.end(grant, worker())).toEqual({ state: 'later', answer });
    expect(await databaseWorker.present!(worker(), (...said) => failed.push(said))).toEqual([]);
    expect(failed).toEqual([['main', answer]]);
  } finally {
    await lender.sql('alter schema away rename to ruawatch_lend');
  }
  await end(grant);
});
