import pino from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { GrantKeeper, type KeepMeans } from '../../../services/applier/grants/keep.ts';
import { type Grant, grantMark, loadGrant } from '../../../services/store/grants/grants.ts';
import { beginEnd } from '../../../services/store/grants/life.ts';
import { syncGroups } from '../../../services/store/requests/groups.ts';
import { loadRequest } from '../../../services/store/requests/requests.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';
import { debianPostgres, Servers } from '../../helpers/debian-postgres.ts';
import { askForRole, type Lender, makeLender, ownMark } from '../../helpers/lending.ts';
import { GROUPS } from '../../requests/sample.ts';

const servers = new Servers();
let debian: string | null = null;
beforeAll(async () => {
  if (debianPostgres) debian = (await servers.start('lender', true)).url('postgres');
}, 60_000);
afterAll(() => servers.stop());

const SERVERS = [
  ['the embedded Postgres', () => process.env.TEST_POSTGRES_URL!],
  ['the Postgres of Debian', () => debian!],
] as const;

// Debian: postgresql
const HERE = SERVERS.filter((_, at) => at === 0 || debianPostgres);
describe.each(HERE)('a role is lent by %s', (_name, base) => {
  let t: TestDatabase;
  let lender: Lender;
  let keeper: GrantKeeper;
  let means: KeepMeans;
  beforeAll(async () => {
    lender = await makeLender(base());
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

  const [readers, writers] = [() => lender.server.groups[0]!, () => lender.server.groups[1]!];
  const turn = () => keeper.turn(means);
  const again = (grant: Grant) => loadGrant(t.db, grant.grant_key);
  const roles = async () =>
    (
      await lender.rows<{ rolname: string }>('select rolname from pg_roles where starts_with(rolname, $1) order by 1', [
        await grantMark(t.db),
      ])
    ).map(({ rolname }) => rolname);
  const lent = async (given: Parameters<typeof askForRole>[2] = {}) => {
    const asked = await askForRole(t.db, lender, given);
    await turn();
    return { ...asked, grant: await again(asked.grant) };
  };
  const end = async (grant: Grant) => {
    await beginEnd(t.db, grant, { reason: 'Ended by ada: done', by: 'ada@example.com' }, null);
    await turn();
  };

  test('is used, refused outside its group, and is gone after its end with its sessions', async () => {
    const { grant, password } = await lent();
    expect(grant).toMatchObject({ state: 'active', answer: `The role ${grant.name} is a member of ${readers()}.` });
    const session = await lender.login(grant.name, password);
    expect((await session.query('select text from items')).rows).toEqual([{ text: 'one' }]);
    for (const refused of [
      "insert into items values (2, 'two')",
      'create table mine (a int)',
      'create schema mine',
      'create role mine',
      `alter role ${grant.name} createrole`,
      `alter role ${grant.name} valid until 'infinity'`,
      `grant ${readers()} to ${lender.server.groups[1]}`,
      `select ruawatch_lend.lend('${grant.name}', 'x', 'y', 1, 1)`,
    ])
      await expect(session.query(refused), refused).rejects.toThrow(/permission denied|must be|ADMIN|only roles/i);
    await end(grant);
    expect(await again(grant)).toMatchObject({ state: 'ended', answer: expect.stringContaining('is gone; sessions ended: 1') });
    await expect(session.query('select 1')).rejects.toThrow();
    await expect(lender.login(grant.name, password)).rejects.toThrow();
    expect(await roles()).toEqual([]);
    expect(await loadRequest(t.db, grant.request_key)).toMatchObject({ state: 'ended', ends_at: null });
  });

  test('ends by its time, which begins when it is applied', async () => {
    const { grant } = await lent({ seconds: 1 });
    expect(grant.ends_at!.getTime() - grant.applied_at!.getTime()).toBeLessThanOrEqual(1000);
    await new Promise((resolve) => setTimeout(resolve, 1100));
    await turn();
    expect(await again(grant)).toMatchObject({ state: 'ended', end_reason: 'Its time is over.' });
    expect(await roles()).toEqual([]);
  });

  test('refuses log-ins after its time though no process of ours runs', async () => {
    const { grant, password } = await lent({ seconds: 2 });
    await lender.login(grant.name, password);
    await new Promise((resolve) => setTimeout(resolve, 2200));
    await expect(lender.login(grant.name, password)).rejects.toThrow();
  });

  test('counts as used while somebody has a session, and not before', async () => {
    const { grant, password } = await lent();
    const used = async () => {
      // The first turn of a keeper looks at the targets.
      keeper = new GrantKeeper();
      await turn();
      const { rows } = await t.db.query<{ used: boolean }>(
        'select last_used_at is not null as used from ruawatch.grants where grant_key = $1',
        [grant.grant_key],
      );
      return rows[0]!.used;
    };
    expect(await used()).toBe(false);
    await lender.login(grant.name, password);
    expect(await used()).toBe(true);
    await end(grant);
  });

  test('ends when its holder has left', async () => {
    const { grant } = await lent();
    await syncGroups(t.db, { groups: { mail: GROUPS.mail!.filter((one) => one !== grant.holder) }, deputies: [] });
    await turn();
    expect(await again(grant)).toMatchObject({ state: 'ended', end_reason: expect.stringContaining('may not hold it any more') });
  });

  test('two of one person are two: one ends, the other goes on', async () => {
    const one = await lent();
    const two = await lent({ group: writers() });
    await end(one.grant);
    const session = await lender.login(two.grant.name, two.password);
    await session.query("insert into items values (3, 'three')");
    expect(await roles()).toEqual([two.grant.name]);
    await end(two.grant);
  });

  test('leaves nothing of large objects, default rights and tables in temporary schemas', async () => {
    const { grant, password } = await lent();
    const session = await lender.login(grant.name, password);
    await session.query('select lo_create(0)');
    await session.query('alter default privileges grant select on tables to public');
    await session.query('create temp table mine (a int)');
    const other = await lender.login(grant.name, password, 'postgres').catch(() => null);
    await other?.query('select lo_create(0)');
    await lender.sql(`create table items_of as select 1 as a; alter table items_of owner to ${grant.name}`);
    await beginEnd(t.db, grant, { reason: 'Ended', by: 'ada@example.com' }, null);
    await turn();
    if (other !== null) {
      // The other database is not set up: the right is over all the same, and what is left is said.
      expect(await again(grant)).toMatchObject({ state: 'ending', answer: expect.stringContaining('is not set up') });
      expect(await lender.rows('select from pg_roles where rolname = $1 and rolcanlogin', [grant.name])).toEqual([]);
      await lender.setUp('postgres');
      await t.db.query('update ruawatch.grants set retry_at = null');
      await turn();
    }
    expect((await again(grant)).state).toBe('ended');
    expect(await roles()).toEqual([]);
    await lender.sql(`drop table if exists items_of`);
  });

  test('is closed and cut although its holder keeps its row of pg_authid locked, again and again', async () => {
    const { grant, password } = await lent();
    let going = true;
    const lock = async () => {
      while (going) {
        const session = await lender.login(grant.name, password).catch(() => null);
        if (session === null) return;
        const ended = new Promise((resolve) => session.once('end', resolve));
        await session.query(`begin; alter role ${grant.name} password '${password}'`).catch(() => undefined);
        held();
        await ended;
      }
    };
    let held: () => void = () => undefined;
    const isHeld = new Promise<void>((resolve) => {
      held = resolve;
    });
    const locking = Promise.all([lock(), lock(), lock()]);
    await isHeld;
    await end(grant);
    expect(await again(grant)).toMatchObject({ state: 'ended', answer: expect.stringContaining('is gone; sessions ended') });
    going = false;
    await locking;
    await expect(lender.login(grant.name, password)).rejects.toThrow();
    expect(await roles()).toEqual([]);
  });

  test('a group that gives too much is refused, and what was asked for fails', async () => {
    for (const [grantIt, takeIt] of [
      [`grant pg_read_server_files to ${writers()}`, `revoke pg_read_server_files from ${writers()}`],
      [`alter role ${writers()} createrole`, `alter role ${writers()} nocreaterole`],
      [`grant create on schema public to ${writers()}`, `revoke create on schema public from ${writers()}`],
      [`alter role ${writers()} login`, `alter role ${writers()} nologin`],
      [`create table owned (a int); alter table owned owner to ${writers()}`, 'drop table owned'],
    ]) {
      await lender.sql(grantIt!);
      const { grant } = await lent({ group: writers() });
      await turn();
      expect(await again(grant), grantIt).toMatchObject({ state: 'ended', applied_at: null });
      expect((await loadRequest(t.db, grant.request_key)).state).toBe('failed');
      await lender.sql(takeIt!);
    }
    expect(await roles()).toEqual([]);
  });

  test('what the store does not know is ended at the next start', async () => {
    const { grant } = await lent();
    await t.db.query('delete from ruawatch.grants');
    keeper = new GrantKeeper();
    await turn();
    expect(await roles()).toEqual([]);
    expect(grant.name).toMatch(/^ruawatch_lent_/);
  });

  test.each([
    ['a copy of the database', "update ruawatch.grant_watch set print = 'other'", /copy, or was restored/],
    [
      'an hour in which nothing looked',
      "update ruawatch.grant_watch set seen_at = seen_at - interval '1 hour'",
      /Nothing looked/,
    ],
    ['a clock that was set back', "update ruawatch.grant_watch set seen_at = seen_at + interval '1 hour'", /set back/],
  ])('%s resurrects nothing', async (_, what, reason) => {
    const one = await lent();
    await end(one.grant);
    const two = await lent();
    const three = await askForRole(t.db, lender);
    // As they were an hour ago.
    await t.db.query("update ruawatch.grants set state = 'active', end_reason = null, ended_at = null where grant_key = $1", [
      one.grant.grant_key,
    ]);
    await t.db.query("update ruawatch.requests set state = 'active' where request_key = $1", [one.grant.request_key]);
    await t.db.query(what);
    keeper = new GrantKeeper();
    await turn();
    for (const { grant } of [one, two])
      expect(await again(grant)).toMatchObject({ state: 'ended', end_reason: expect.stringMatching(reason) });
    expect((await loadRequest(t.db, three.grant.request_key)).state).toBe('withdrawn');
    await turn();
    expect(await roles()).toEqual([]);
  });

  test('what somebody planted with our mark and cannot be ended is noted, until it is gone', async () => {
    // One owns a database, and one has a name that no lent role has.
    const mark = await grantMark(t.db);
    const names = [`${mark}0_abcdef`, `${mark}planted`];
    const other = `other_${mark.slice(-9)}x`;
    for (const name of names) await lender.sql(`create role ${name} login`);
    await lender.sql(`create database ${other} owner ${names[0]}`);
    const noted = async () =>
      (await t.db.query('select name, server, kind, answer, since from dmarc.stray_rights order by 1')).rows;
    try {
      await turn();
      const first = await noted();
      expect(first).toMatchObject(names.map((name) => ({ kind: 'access.database', server: 'main', name })));
      expect(first[1].answer).toBe(`The server main answers: ${names[1]} is no name of a lent role`);
      keeper = new GrantKeeper();
      await turn();
      expect(await noted()).toEqual(first);
    } finally {
      await lender.sql(`drop database ${other}`);
      for (const name of names) await lender.sql(`drop role if exists ${name}`);
    }
    keeper = new GrantKeeper();
    await turn();
    expect(await noted()).toEqual([]);
  });

  test('a target that does not answer keeps nothing else from ending, and is tried again', async () => {
    const { grant } = await lent();
    const url = lender.server.url;
    means = {
      ...means,
      access: { ...lender.access, databases: [{ ...lender.server, url: () => 'postgres://x:y@127.0.0.1:1/x' }] },
    };
    await end(grant);
    expect(await again(grant)).toMatchObject({ state: 'ending', tries: 1 });
    expect(keeper.waiting).toContain('could not be ended yet');
    means = { ...means, access: { ...lender.access, databases: [{ ...lender.server, url }] } };
    await t.db.query('update ruawatch.grants set retry_at = null');
    await turn();
    expect((await again(grant)).state).toBe('ended');
    expect(keeper.waiting).toBeNull();
  });
});
