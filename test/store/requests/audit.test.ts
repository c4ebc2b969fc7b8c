import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { transaction } from '../../../services/shared/runtime/db.ts';
import { appendAudit, auditHead, cutAudit, listAudit, verifyAudit } from '../../../services/store/requests/audit.ts';
import { SERVICE_ROLES } from '../../../services/store/schema/role-rights.ts';
import { grantRoles } from '../../../services/store/schema/roles.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';

let t: TestDatabase;
beforeEach(async () => {
  t = await testDatabase();
});
afterEach(() => t.drop());

const add = (n: number) =>
  transaction(t.db, (tx) => appendAudit(tx, { actor: 'ada@example.com', verb: 'test', object: `thing ${n}`, detail: { n } }));

test('rows have numbers without gaps, also of many writers and of those that fail', async () => {
  const ends = await Promise.allSettled(
    Array.from({ length: 24 }, (_, n) =>
      transaction(t.db, async (tx) => {
        await appendAudit(tx, { actor: 'a', verb: 'b', object: 'c', detail: { n } });
        if (n % 3 === 0) throw new Error('rolled back');
      }),
    ),
  );
  expect(ends.filter((end) => end.status === 'fulfilled')).toHaveLength(16);
  const rows = await listAudit(t.db, { limit: 100 });
  expect(rows.map(({ number }) => number)).toEqual(Array.from({ length: 16 }, (_, i) => i + 1));
  expect(await verifyAudit(t.db)).toMatchObject({ rows: 16, faults: [], has_head: null });
});

describe('what was done to the chain is found', () => {
  let heads: string[];
  beforeEach(async () => {
    heads = [];
    for (let n = 1; n <= 6; n++) heads.push(await add(n));
  });

  test('nothing', async () => {
    for (const head of heads) expect(await verifyAudit(t.db, head)).toMatchObject({ faults: [], has_head: true });
    expect(await auditHead(t.db)).toBe(heads[5]);
  });

  test.each([
    [
      'a body',
      "update ruawatch.audit set body = replace(body, 'ada', 'eve') where number = 3",
      [{ number: 3, fault: 'changed' }],
    ],
    ['a time', "update ruawatch.audit set at = at + interval '1 second' where number = 2", [{ number: 2, fault: 'changed' }]],
    ['a row in the middle is gone', 'delete from ruawatch.audit where number = 4', [{ number: 5, fault: 'missing' }]],
    ['the first row is gone', 'delete from ruawatch.audit where number = 1', [{ number: 2, fault: 'missing' }]],
    ['the newest rows are gone', 'delete from ruawatch.audit where number > 4', [{ number: 6, fault: 'cut' }]],
    [
      'a row whose hash was made to fit',
      "update ruawatch.audit a set body = '{}', hash = ruawatch.audit_hash(b.hash, a.number, a.at, '{}') from ruawatch.audit b where a.number = 3 and b.number = 2",
      [{ number: 4, fault: 'changed' }],
    ],
  ])('%s', async (_, statement, faults) => {
    await t.db.query(statement);
    expect((await verifyAudit(t.db)).faults).toEqual(faults);
  });

  test('a tail that is gone with the head shows against a head that a mail carried out', async () => {
    await t.db.query(`delete from ruawatch.audit where number > 4;
      update ruawatch.audit_head set number = 4, hash = (select hash from ruawatch.audit where number = 4)`);
    expect(await verifyAudit(t.db)).toMatchObject({ faults: [], has_head: null });
    expect(await verifyAudit(t.db, heads[5])).toMatchObject({ has_head: false });
    expect(await verifyAudit(t.db, heads[3])).toMatchObject({ has_head: true });
  });

  test('a chain that was computed anew from some row on shows against it too', async () => {
    await t.db.query("update ruawatch.audit set body = '{}' where number = 2");
    for (let n = 2; n <= 6; n++)
      await t.db.query(
        'update ruawatch.audit a set hash = ruawatch.audit_hash(b.hash, a.number, a.at, a.body) from ruawatch.audit b where a.number = $1 and b.number = $1 - 1',
        [n],
      );
    await t.db.query('update ruawatch.audit_head set hash = (select hash from ruawatch.audit where number = 6)');
    expect((await verifyAudit(t.db)).faults).toEqual([]);
    expect(await verifyAudit(t.db, heads[5])).toMatchObject({ has_head: false });
  });
});

describe('retention', () => {
  /** A chain whose first rows are of another time, as if they had been written then. */
  const chain = async (days: readonly number[]) => {
    const heads: string[] = [];
    for (const n of days) {
      heads.push(await add(n));
      await t.db.query(
        `update ruawatch.audit a set at = clock_timestamp() - make_interval(days => $1),
                hash = ruawatch.audit_hash(h.hash, a.number, clock_timestamp() - make_interval(days => $1), a.body)
           from (select coalesce((select hash from ruawatch.audit order by number desc offset 1 limit 1), base_hash) as hash from ruawatch.audit_head) h
          where a.number = (select max(number) from ruawatch.audit)`,
        [n],
      );
      // The time that was hashed is the one that is stored.
      await t.db.query(
        `update ruawatch.audit a set hash = ruawatch.audit_hash(coalesce(b.hash, h.base_hash), a.number, a.at, a.body)
           from ruawatch.audit_head h left join ruawatch.audit b on b.number = (select max(number) - 1 from ruawatch.audit)
          where a.number = (select max(number) from ruawatch.audit)`,
      );
      await t.db.query('update ruawatch.audit_head set hash = (select hash from ruawatch.audit order by number desc limit 1)');
      heads[heads.length - 1] = await auditHead(t.db);
    }
    return heads;
  };
  const ago = (days: number) => new Date(Date.now() - days * 86_400_000);

  test('deletes the oldest rows, says so in the chain, and the rest can be verified', async () => {
    const heads = await chain([900, 800, 700, 10, 1]);
    expect(await verifyAudit(t.db)).toMatchObject({ faults: [], rows: 5 });
    expect(await cutAudit(t.db, ago(750))).toBe(2);
    expect(await verifyAudit(t.db, heads[4])).toMatchObject({ faults: [], rows: 4, has_head: true, base: heads[1] });
    // The newest row that went is still proven by its hash; an older one cannot be looked for.
    expect(await verifyAudit(t.db, heads[1])).toMatchObject({ has_head: true });
    expect(await verifyAudit(t.db, heads[0])).toMatchObject({ has_head: null });
    const newest = (await listAudit(t.db, { limit: 10 })).at(-1)!;
    expect(JSON.parse(newest.body)).toMatchObject({ verb: 'audit.cut', rows: 2, until: 2 });
    expect(await cutAudit(t.db, ago(750))).toBe(0);
    await t.db.query("update ruawatch.audit set body = '{}' where number = 3");
    expect((await verifyAudit(t.db)).faults).toEqual([{ number: 3, fault: 'changed' }]);
  });

  test('takes nothing younger than a year, whatever it is asked for, and no row that was changed', async () => {
    await chain([400, 300]);
    expect(await cutAudit(t.db, new Date(Date.now() + 86_400_000))).toBe(1);
    await t.drop();
    t = await testDatabase();
    await chain([500, 400]);
    await t.db.query("update ruawatch.audit set body = '{}' where number = 1");
    await expect(cutAudit(t.db, ago(366))).rejects.toMatchObject({ code: 'XX001' });
    expect((await verifyAudit(t.db)).rows).toBe(2);
  });

  test('leaves a row that is old by a clock which was set back', async () => {
    await chain([20, 500, 1]);
    expect(await cutAudit(t.db, ago(365))).toBe(0);
  });

  test('empties a chain that is old as a whole but for the row that says so', async () => {
    await chain([500, 400]);
    expect(await cutAudit(t.db, ago(366))).toBe(2);
    expect(await verifyAudit(t.db)).toMatchObject({ faults: [], rows: 1 });
    await add(3);
    expect(await verifyAudit(t.db)).toMatchObject({ faults: [], rows: 2 });
  });
});

test('no service can change, delete or write a row but through the function', async () => {
  await add(1);
  await grantRoles(t.db);
  for (const role of SERVICE_ROLES) {
    for (const statement of [
      "insert into ruawatch.audit values (99, now(), '{}', 'x')",
      "update ruawatch.audit set body = '{}'",
      'delete from ruawatch.audit',
      'truncate ruawatch.audit',
      'update ruawatch.audit_head set number = 0',
      'delete from ruawatch.audit_head',
    ]) {
      const tried = t.db
        .query(`begin; set local role ${role}; ${statement}; commit`)
        .catch((error: { code: string }) => error.code);
      expect([role, statement, await tried]).toEqual([role, statement, '42501']);
      await t.db.query('rollback');
    }
  }
});

test('what cannot be read again is not added', async () => {
  for (const body of ['no json', '[]', '7', 'null'])
    await expect(t.db.query('select ruawatch.audit_append($1)', [body]), body).rejects.toThrow();
  expect((await verifyAudit(t.db)).faults).toEqual([]);
});
