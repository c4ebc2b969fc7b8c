import type pg from 'pg';
import { expect, test } from 'vitest';
import { closeDatabase, restoreReader, setUpLogins } from '../../../services/store/schema/logins.ts';
import { ROLES } from '../../../services/store/schema/role-rights.ts';

interface Answer {
  rows?: object[];
  rowCount?: number;
  code?: string;
}
/** A session that answers as told, by a part of the statement, and notes what each statement begins with. */
function session(answers: readonly [RegExp, ...Answer[]][]) {
  const sent: string[] = [];
  const left = answers.map(([part, ...given]) => ({ part, given }));
  const admin = {
    query: async (sql: string, params?: unknown[]) => {
      const text = sql.replace(/\s+/g, ' ').trim();
      sent.push([text.split(' ').slice(0, 5).join(' '), ...(params === undefined ? [] : [JSON.stringify(params)])].join(' '));
      const answer = left.find(({ part }) => part.test(text))?.given.shift();
      if (answer?.code) throw Object.assign(new Error(`The server says ${answer.code}.`), { code: answer.code });
      return { rows: [], rowCount: 0, ...answer };
    },
  } as unknown as pg.Client;
  return { admin, sent };
}
const RESTORE = /alter role ruawatch_reader reset all/;
const READER = 'alter role ruawatch_reader reset all;';
const AGAIN = 'select pg_terminate_backend(pid) from pg_stat_activity where ["ruawatch_reader"]';
const times = <T>(n: number, one: T): T[] => Array.from({ length: n }, () => one);

test("the people's login is restored once nobody changes it any more, and the session is left as it was", async () => {
  const free = session([]);
  await restoreReader(free.admin, 'ruawatch', 'verifier');
  expect(free.sent).toEqual(["set lock_timeout = '2s'", READER, 'reset lock_timeout']);
  const busy = session([[RESTORE, { code: '55P03' }, { code: 'XX000' }, { code: '40001' }]]);
  await restoreReader(busy.admin, 'ruawatch', 'verifier');
  expect(busy.sent).toEqual(["set lock_timeout = '2s'", ...times(3, [READER, AGAIN]).flat(), READER, 'reset lock_timeout']);
});

test('what else the server says ends it at once, and the twentieth try is the last', async () => {
  const refused = session([[RESTORE, { code: '42501' }]]);
  await expect(restoreReader(refused.admin, 'ruawatch', 'verifier')).rejects.toMatchObject({ code: '42501' });
  expect(refused.sent).toEqual(["set lock_timeout = '2s'", READER]);
  const late = session([[RESTORE, ...times(19, { code: '55P03' })]]);
  await restoreReader(late.admin, 'ruawatch', 'verifier');
  const never = session([[RESTORE, ...times(20, { code: '55P03' })]]);
  await expect(restoreReader(never.admin, 'ruawatch', 'verifier')).rejects.toMatchObject({ code: '55P03' });
  expect(never.sent.filter((one) => one === READER)).toHaveLength(20);
});

test('the logins are made with no more rights than they need, and the database given to the services', async () => {
  const steps = (database: string, others: string[] = []) => [
    expect.stringMatching(/^select r\.rolname as name, .*pg_read_server_files/),
    ...others,
    ...times(ROLES.length + 2, 'do $$ begin if not'),
    'alter role ruawatch login nosuperuser',
    expect.stringMatching(/^grant \w+ to ruawatch_reader$/),
    'select from pg_database where datname ["ruawatch"]',
    database,
    "set lock_timeout = '2s'",
    READER,
    'reset lock_timeout',
    'revoke temporary on database ruawatch',
  ];
  const fresh = session([]);
  expect(await setUpLogins(fresh.admin, 'ruawatch', { services: 'a', reader: 'b' })).toEqual([]);
  expect(fresh.sent).toEqual(steps('create database ruawatch owner ruawatch'));
  const older = session([
    [/rolsuper/, { rows: [{ name: 'Guest', quoted: '"Guest"' }] }],
    [/from pg_database/, { rowCount: 1 }],
  ]);
  expect(await setUpLogins(older.admin, 'ruawatch', { services: 'a', reader: 'b' })).toEqual(['Guest']);
  const stripped = [
    'alter role "Guest" nosuperuser nocreatedb',
    'revoke pg_execute_server_program, pg_read_server_files, pg_write_server_files from',
  ];
  expect(older.sent).toEqual(steps('alter database ruawatch owner to', stripped));
});

test('all that the superuser owns is handed over in one transaction, and closed to readers', async () => {
  const { admin, sent } = session([
    [/with ours as/, { rows: [{ statement: 'alter schema a owner to x' }, { statement: 'alter table a.b owner to x' }] }],
    [/regprocedure/, { rows: [{ call: 'pg_advisory_lock(bigint)' }] }],
    [/pg_default_acl/, { rows: [{ kind: 'tables', role: 'ruawatch_parser', rights: 'select, insert' }] }],
  ]);
  await closeDatabase(admin, 'bullmq');
  expect(sent).toEqual([
    'begin',
    'with ours as ( select',
    expect.stringMatching(/^select p\.oid::regprocedure::text as call from .*lowrite/),
    'alter schema a owner to',
    'alter table a.b owner to',
    'revoke execute on function pg_advisory_lock(bigint)',
    'grant execute on function pg_advisory_lock(bigint)',
    'select case d.defaclobjtype when \'r\' ["bullmq"]',
    'alter default privileges for role',
    'commit',
  ]);
});
