import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pino from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { GrantKeeper, type KeepMeans } from '../../../services/applier/grants/keep.ts';
import type { MailServer } from '../../../services/shared/settings/access.ts';
import { type Grant, grantMark, loadGrant } from '../../../services/store/grants/grants.ts';
import { beginEnd } from '../../../services/store/grants/life.ts';
import { whileAlone } from '../../../services/store/requests/alone.ts';
import { syncGroups } from '../../../services/store/requests/groups.ts';
import { openRequest } from '../../../services/store/requests/open.ts';
import { loadRequest } from '../../../services/store/requests/requests.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';
import { askForGrant } from '../../helpers/grants.ts';
import { AUTOMATIC, ownMark } from '../../helpers/lending.ts';
import { GROUPS, planOf } from '../../requests/sample.ts';

const ADA = 'ada@example.com';
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

let t: TestDatabase;
let folder: string;
let now: Date;
let keeper: GrantKeeper;
let means: KeepMeans;
let lines: Record<string, unknown>[];
beforeEach(async () => {
  t = await testDatabase();
  await ownMark(t.db);
  await syncGroups(t.db, { groups: GROUPS, deputies: [] });
  folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-keep-'));
  has('a', []);
  has('b', []);
  // The database's clock writes when something was asked for.
  now = new Date(Date.now() + MINUTE_MS);
  keeper = new GrantKeeper();
  lines = [];
  means = {
    db: t.db,
    log: pino({ base: null, timestamp: false }, { write: (line: string) => void lines.push(JSON.parse(line)) }),
    access: {
      unwatchedMs: 15 * MINUTE_MS,
      databases: [],
      dns: [],
      mail: [server('a'), server('b')],
      providers: [],
      console: null,
    },
    dnsTargets: [],
    dns: { ask: async () => ({ state: 'unknown', reason: 'cancelled', message: '' }) },
    at: () => now,
    signal: new AbortController().signal,
  };
});
afterEach(async () => {
  await t.drop();
  rmSync(folder, { recursive: true });
});

/** A program that keeps names in a file, and ends with the code in another one while that is there. */
const PROGRAM = `const fs = require('fs');
const file = process.argv[1];
const asked = JSON.parse(fs.readFileSync(0, 'utf8'));
const fault = file + '.' + asked.verb;
if (fs.existsSync(fault)) { console.error('not now'); process.exit(Number(fs.readFileSync(fault, 'utf8'))); }
const names = JSON.parse(fs.readFileSync(file, 'utf8'));
const left = names.filter((name) => name !== asked.name);
if (asked.verb === 'lend') fs.writeFileSync(file, JSON.stringify([...left, asked.name]));
if (asked.verb === 'end') fs.writeFileSync(file, JSON.stringify(left));
if (asked.verb === 'list') console.log(JSON.stringify({ names }));`;
const server = (name: string): MailServer => ({
  name,
  for: [],
  services: [],
  longestSeconds: 86_400,
  risk: 'low',
  addresses: ['@example.com'],
  accounts: { by: 'command', command: [process.execPath, '-e', PROGRAM, path.join(folder, name)] },
  doveadm: null,
});
const has = (name: string, names: string[]) => writeFileSync(path.join(folder, name), JSON.stringify(names));
const namesOf = (name: string): string[] => JSON.parse(readFileSync(path.join(folder, name), 'utf8'));
const fault = (name: string, verb: string, code: number | null) => {
  const file = path.join(folder, `${name}.${verb}`);
  if (code !== null) writeFileSync(file, String(code));
  else if (existsSync(file)) rmSync(file);
};
const ask = (where = 'a') =>
  askForGrant(t.db, { kind: 'access.email', holder: ADA, scope: { from: 'shop@example.com' }, server: where, seconds: 86_400 });
const turn = () => keeper.turn(means);
const again = (grant: Grant) => loadGrant(t.db, grant.grant_key);
const lend = async (where = 'a') => {
  const grant = await ask(where);
  await turn();
  return again(grant);
};
const later = (ms: number) => {
  now = new Date(now.getTime() + ms);
};
const warnings = () => lines.splice(0).filter(({ level }) => (level as number) >= 40);
const ends = async (grant: Grant) => {
  const { state, end_reason, answer } = await again(grant);
  return { state, end_reason, answer };
};

test('another process that works keeps it from beginning, and what it measured before counts no more', async () => {
  const grant = await lend();
  const ran = async () => (await again(grant)).ran_ms;
  await turn();
  expect(await ran()).toBeGreaterThan(0);
  const before = await ran();
  const busy = await whileAlone(t.db, async () => expect(await turn()).toBe(false), 'grants');
  expect(busy).toBe(true);
  // The other one has measured this time.
  expect(await turn()).toBe(true);
  expect(await ran()).toBe(before);
  expect(warnings()).toEqual([]);
});

describe('a time in which nothing looked', () => {
  const MOMENTS = 'Nothing looked at grants for 16 minutes: the database may have been restored from a copy.';
  const BACK = 'The clock of the database was set back.';
  test.each([
    ['of the limit', 15 * MINUTE_MS, null],
    ['of a minute more', 16 * MINUTE_MS, MOMENTS],
    // Whole minutes are said.
    ['of nearly that', 15 * MINUTE_MS + 30_000, MOMENTS],
    ['of less than none, within what clocks are corrected by', -5000, null],
    ['of less than that', -5001, BACK],
  ])('%s', async (_, ms, reason) => {
    const grant = await lend();
    const waits = await ask();
    await t.db.query('update ruawatch.grant_watch set seen_at = $1', [new Date(now.getTime() - ms)]);
    await turn();
    expect(await again(grant)).toMatchObject({ state: reason === null ? 'active' : 'ended', end_reason: reason });
    expect((await loadRequest(t.db, waits.request_key)).state).toBe(reason === null ? 'active' : 'withdrawn');
    expect(warnings()).toEqual(
      reason === null ? [] : [{ level: 40, grants: 2, reason, msg: 'all grants end: ask again for what is still needed' }],
    );
    // It was looked: the next turn is one like any other.
    const next = await lend('b');
    expect(next.state).toBe('active');
  });

  test('that ends nothing is not worth a line', async () => {
    await turn();
    later(16 * MINUTE_MS);
    await turn();
    later(5 * HOUR_MS);
    await turn();
    expect(warnings()).toEqual([]);
  });

  test.each([
    ['four hours', 4 * HOUR_MS, 'approved'],
    ['a second more', 4 * HOUR_MS + 1000, 'expired'],
  ])('of %s', async (_, ms, state) => {
    await turn();
    const asked = { plan: planOf(), requester: ADA, requester_kind: 'person' as const, why: 'ours' };
    const key = (await openRequest(t.db, AUTOMATIC, asked))!;
    await t.db.query('update ruawatch.grant_watch set seen_at = $1', [new Date(now.getTime() - ms)]);
    await turn();
    const reason = 'Nothing looked at grants for 240 minutes: the database may have been restored from a copy.';
    const msg = 'all approvals that wait end: ask again for what is still wanted';
    expect(warnings()).toEqual(state === 'approved' ? [] : [{ level: 40, requests: 1, reason, msg }]);
    expect((await loadRequest(t.db, key)).state).toBe(state);
  });
});

describe('lending', () => {
  test('is noted with what the target answered', async () => {
    const grant = await lend();
    expect(await ends(grant)).toEqual({
      state: 'active',
      end_reason: null,
      answer: `The account ${grant.name} may send as shop@example.com.`,
    });
    expect([namesOf('a'), namesOf('b')]).toEqual([[grant.name], []]);
  });

  test('of what is withdrawn meanwhile is not begun', async () => {
    const grant = await ask();
    await t.db.query('update ruawatch.requests set expires_at = $2 where request_key = $1', [grant.request_key, now]);
    await turn();
    expect((await again(grant)).state).toBe('asked');
    expect(namesOf('a')).toEqual([]);
  });

  test('that a target refuses has failed at once', async () => {
    fault('a', 'lend', 1);
    const grant = await lend();
    expect(await ends(grant)).toMatchObject({ state: 'ending', end_reason: 'a: not now' });
    await turn();
    expect((await again(grant)).state).toBe('ended');
    expect(await loadRequest(t.db, grant.request_key)).toMatchObject({ state: 'failed', outcome: 'It was not lent. a: not now' });
  });

  test.each([
    ['an hour', HOUR_MS, 'applying'],
    ['a millisecond more', HOUR_MS + 1, 'ending'],
  ])('that a target puts off for %s is given up after an hour', async (_, ms, state) => {
    fault('a', 'lend', 75);
    const grant = await lend();
    expect((await again(grant)).state).toBe('applying');
    expect(warnings()).toEqual([
      { level: 40, grant: grant.grant_key, answer: 'a: not now', msg: 'a right could not be lent yet; it is tried again' },
    ]);
    later(ms);
    await t.db.query('update ruawatch.grant_watch set seen_at = $1', [now]);
    await turn();
    expect((await again(grant)).state).toBe(state);
  });

  test('that goes wrong is said, and keeps nothing else from being lent', async () => {
    const [broken, other] = [await ask(), await ask('b')];
    await t.db.query(`update ruawatch.grants set scope = '{}' where grant_key = $1`, [broken.grant_key]);
    await turn();
    expect([(await again(broken)).state, (await again(other)).state]).toEqual(['applying', 'active']);
    expect(warnings()).toEqual([
      { level: 50, grant: broken.grant_key, err: expect.any(String), msg: 'a right could not be lent' },
    ]);
  });

  test('begins nothing after the stop', async () => {
    const grant = await ask();
    await keeper.turn({ ...means, signal: AbortSignal.abort() });
    expect((await again(grant)).state).toBe('asked');
  });
});

describe('ending', () => {
  test('that a target puts off is said, with what waits, and tried again', async () => {
    const all = [];
    for (let i = 0; i < 4; i++) all.push(await lend());
    fault('a', 'end', 75);
    for (const grant of all) await beginEnd(t.db, grant, { reason: 'a leak' }, now);
    await turn();
    const said = all.slice(0, 3).map(({ grant_key }) => `${grant_key} (a: not now)`);
    expect(keeper.waiting).toBe(`Grants could not be ended yet: ${said.join(', ')}`);
    expect(warnings().sort((x, y) => Number(x.grant) - Number(y.grant))).toEqual(
      all.map(({ grant_key }) => ({
        level: 40,
        grant: grant_key,
        answer: 'a: not now',
        msg: 'a grant could not be ended yet; it is tried again',
      })),
    );
    fault('a', 'end', null);
    later(1000);
    await turn();
    expect(await Promise.all(all.map(ends))).toEqual(
      all.map(({ name }) => ({ state: 'ended', end_reason: 'a leak', answer: `The account ${name} is gone.` })),
    );
    expect([keeper.waiting, warnings(), namesOf('a')]).toEqual([null, [], []]);
  });

  test('what is due ends in the same turn', async () => {
    const grant = await lend();
    await t.db.query('update ruawatch.grants set ends_at = $2 where grant_key = $1', [grant.grant_key, now]);
    await turn();
    expect(await ends(grant)).toMatchObject({ state: 'ended', end_reason: 'Its time is over.' });
  });
});

describe('a look at what targets have', () => {
  const looked = async () => {
    keeper = new GrantKeeper();
    await turn();
  };
  const strays = async () =>
    (await t.db.query('select kind, server, name, answer from ruawatch.stray_rights order by name')).rows;

  test('ends what no grant is for, and says so; the marks of others stay', async () => {
    const grant = await lend();
    const [stray, foreign] = [`${await grantMark(t.db)}99_abcdef`, 'ruawatch_lent_ffffffff_1_abcdef'];
    has('a', [foreign, grant.name, stray]);
    await looked();
    expect(namesOf('a')).toEqual([foreign, grant.name]);
    expect((await again(grant)).state).toBe('active');
    expect(warnings()).toEqual([
      {
        level: 40,
        server: 'a',
        name: stray,
        answer: `The account ${stray} is gone.`,
        msg: 'a right that no grant is for was ended at its target',
      },
    ]);
    expect(await strays()).toEqual([]);
  });

  test('notes what cannot be ended, until it is gone; a target that is silent keeps what was noted', async () => {
    const stray = `${await grantMark(t.db)}99_abcdef`;
    has('a', [stray]);
    fault('a', 'end', 75);
    await looked();
    const noted = [{ kind: 'access.email', server: 'a', name: stray, answer: 'a: not now' }];
    expect(await strays()).toEqual(noted);
    expect(warnings()).toEqual([
      {
        level: 50,
        server: 'a',
        name: stray,
        answer: 'a: not now',
        msg: 'a right that no grant is for could not be ended; it is tried again',
      },
    ]);
    fault('a', 'list', 75);
    await looked();
    expect(await strays()).toEqual(noted);
    expect(warnings()).toEqual([
      { level: 40, server: 'a', answer: 'not now', msg: 'a target does not say what it lends; it is queried again' },
    ]);
    fault('a', 'list', null);
    fault('a', 'end', null);
    await looked();
    expect(await strays()).toEqual([]);
  });

  test('ends the grants that their target has lost, and none of a target that is silent', async () => {
    const [lost, silent] = [await lend('a'), await lend('b')];
    for (const name of ['a', 'b']) has(name, []);
    fault('b', 'list', 75);
    await looked();
    expect(await ends(lost)).toMatchObject({ state: 'ending', end_reason: 'Its target does not have it any more.' });
    expect((await again(silent)).state).toBe('active');
  });

  test('is taken once a minute', async () => {
    const grant = await lend();
    has('a', []);
    await turn();
    expect((await again(grant)).state).toBe('active');
    await looked();
    expect((await again(grant)).state).toBe('ending');
  });
});
