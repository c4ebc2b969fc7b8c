import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { transaction } from '../../../services/shared/runtime/db.ts';
import { appendAudit, auditHead, listAudit, verifyAudit } from '../../../services/store/requests/audit.ts';
import { grantRoles, SERVICE_ROLES } from '../../../services/store/schema/roles.ts';
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
