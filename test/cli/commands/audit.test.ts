import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type AuditReportOptions, runAuditReport, runAuditVerify } from '../../../services/cli/commands/audit.ts';
import { csvField } from '../../../services/cli/terminal/audit-text.ts';
import { loadConfig } from '../../../services/shared/settings/config.ts';
import { auditHead } from '../../../services/store/requests/audit.ts';
import { override } from '../../../services/store/requests/decide.ts';
import { syncGroups } from '../../../services/store/requests/groups.ts';
import { loadRequest } from '../../../services/store/requests/requests.ts';
import { ADA, DORA, dnsPlan, later, opened, START, TWO, vote } from '../../alerter/requests/setup.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';
import { GROUPS } from '../../requests/sample.ts';

let t: TestDatabase;
beforeEach(async () => {
  t = await testDatabase();
  await syncGroups(t.db, { groups: GROUPS, deputies: [] });
  await vote(t.db, await opened(t.db, { name: 'one', stages: [{ group: 'mail' }] }), ADA, { why: 'the senders are fine' });
  const plan = dnsPlan({ summary: '=cmd|evil, "quoted"' });
  const key = await opened(t.db, TWO, { plan, why: '@SUM(1)' });
  const { digest } = await loadRequest(t.db, key);
  const emergency = { group: 'security', ends_hours: 4, review: 'mail' };
  await override(t.db, key, { person: DORA, why: 'on fire', digest, via: 'test', at: later(1) }, emergency);
});
afterEach(() => t.drop());

const run = async (options: AuditReportOptions = {}, audit_days: number | null = null) => {
  const lines: string[] = [];
  const now = new Date(Date.now() + 60_000);
  const config = loadConfig({ DATABASE_URL: t.url }, '/nowhere');
  config.retention.audit_days = audit_days;
  const code = await runAuditReport(
    config,
    { from: '2026-01-01', to: '2100-01-01', ...options },
    {
      out: (line) => lines.push(line),
      now,
    },
  );
  return { code, text: lines.join('\n'), lines };
};

describe('audit report', () => {
  test('says by controls who asked, who decided, why, and what is an exception', async () => {
    const { code, text } = await run();
    expect(code).toBe(0);
    for (const part of [
      '3 requests, 0 applied; 2 exceptions.',
      'Change management (ISO/IEC 27001:2022 A.8.32; SOC 2 CC8.1)',
      'asked    2026-11-27 08:00 by playbook policy-step: the finding 7',
      'approve  2026-11-27 09:00 by ada@example.com (test): the senders are fine',
      '2 decisions of 2 people',
      '+ mail: ada@example.com',
      '1 break-glass approval.',
      '! Request 2: It was approved by break-glass by dora@example.com: on fire.',
      '! Request 2: The look back at the break-glass (request 3) is pending.',
      `Head now:    ${await auditHead(t.db)}`,
      'every hash of the',
    ])
      expect(text).toContain(part);
    expect(await run({ head: await auditHead(t.db) })).toMatchObject({ code: 0 });
  });

  test('a chain that was changed is an exception, and the exit code says so', async () => {
    await t.db.query("update ruawatch.audit set body = '{}' where number = 2");
    const { code, text } = await run();
    expect(code).toBe(2);
    expect(text).toContain('! The audit chain is not intact: 1 row from number 2 on.');
    expect(await run({ head: `1:${'0'.repeat(64)}` })).toMatchObject({ code: 2 });
  });

  test('a beginning that no setting has deleted is an exception, and so is a head of before it', async () => {
    const head = `1:${'a'.repeat(64)}`;
    await t.db.query(
      `update ruawatch.audit_head set base_number = 2, base_hash = (select hash from ruawatch.audit where number = 2)`,
    );
    await t.db.query('delete from ruawatch.audit where number <= 2');
    const moved = '! The chain begins after row 2, and retention.audit_days is not set: somebody deleted rows.';
    const older = '! The head that was given is of a row before number 3, which is gone: it proves nothing.';
    const plain = await run();
    expect(plain).toMatchObject({ code: 2, text: expect.stringContaining(moved) });
    expect(plain.text).not.toContain(older);
    const noted = await run({ head });
    expect(noted.text).toContain(older);
    expect(noted.text).toContain(moved);
    const allowed = await run({ head }, 400);
    expect(allowed).toMatchObject({ code: 0, text: expect.stringContaining(older) });
    expect(allowed.text).not.toContain(moved);
  });

  test('is JSON with the same, and CSV with a line for each request that no spreadsheet takes for a formula', async () => {
    const json = JSON.parse((await run({ json: true })).text);
    expect(json).toMatchObject({
      requests: [{ request_key: 1 }, { request_key: 2, emergency: true, review: { request_key: 3 } }, { kind: 'review' }],
      exceptions: [{ control: 'privileged', request_key: 2 }, {}],
      controls: { change: { iso: 'A.8.32', soc: 'CC8.1' } },
      verified: { faults: [] },
    });
    const { lines } = await run({ csv: true });
    expect(lines).toHaveLength(4);
    expect(lines[0]).toMatch(/^request,kind,domain,/);
    expect(lines[2]).toContain('"\'=cmd|evil, ""quoted"""');
    expect(lines[2]).toContain('"\'@SUM(1)"');
  });

  test('has only what is of its time', async () => {
    expect((await run({ to: START.toISOString() })).text).toContain('0 requests, 0 applied');
    await expect(run({ from: '2026-12-01', to: '2026-11-01' })).rejects.toThrow('--from must be before --to.');
    await expect(run({ json: true, csv: true })).rejects.toThrow('exclude each other');
  });
});

test.each([
  ['plain', '"plain"'],
  ['a,"b"', '"a,""b"""'],
  ['+1', '"\'+1"'],
  ['a\r\nb', '"a b"'],
])('%j is the field %s', (text, field) => {
  expect(csvField(text)).toBe(field);
});

describe('audit verify', () => {
  const verify = async (options: { head?: string; json?: boolean } = {}, audit_days: number | null = null) => {
    const lines: string[] = [];
    const config = loadConfig({ DATABASE_URL: t.url }, '/nowhere');
    config.retention.audit_days = audit_days;
    const code = await runAuditVerify(config, options, (line) => lines.push(line));
    return { code, lines };
  };
  const noHead = 'Rows that were cut off together with the head show only with --head, from an earlier mail.';

  test('says that every hash is right, and whether a head that was noted is in the chain', async () => {
    const head = await auditHead(t.db);
    const [rows] = head.split(':');
    expect(await verify()).toEqual({ code: 0, lines: [`${rows} rows, every hash is right.`, `Head: ${head}`, noHead] });
    expect(await verify({ head })).toEqual({
      code: 0,
      lines: [`${rows} rows, every hash is right, and the head is in it.`, `Head: ${head}`],
    });
    const other = `1:${'a'.repeat(64)}`;
    expect(await verify({ head: other })).toEqual({
      code: 2,
      lines: [`The head ${other} is not in this chain: rows were cut off, or the chain was computed anew.`, `Head: ${head}`],
    });
    for (const wrong of [
      '1',
      `x:${'a'.repeat(64)}`,
      `1:${'a'.repeat(63)}`,
      `1:${'A'.repeat(64)}`,
      `${'1'.repeat(16)}:${'a'.repeat(64)}`,
    ])
      await expect(verify({ head: wrong })).rejects.toMatchObject({ code: 'usage' });
    const { code, lines } = await verify({ json: true });
    expect([code, JSON.parse(lines.join('\n'))]).toMatchObject([0, { rows: Number(rows), faults: [], head }]);
  });

  test('names each row that was changed', async () => {
    await t.db.query("update ruawatch.audit set body = '{}' where number = 2");
    const { code, lines } = await verify();
    expect(code).toBe(2);
    expect(lines[0]).toMatch(/^Row 2: /);
    expect(lines.join()).not.toContain('every hash is right');
  });

  test('tells rows that retention has deleted from those that somebody else has', async () => {
    await t.db.query(
      `update ruawatch.audit_head set base_number = 2, base_hash = (select hash from ruawatch.audit where number = 2)`,
    );
    await t.db.query('delete from ruawatch.audit where number <= 2');
    const older = `1:${'a'.repeat(64)}`;
    const gone = `The head ${older} is of a row that retention has deleted: rows after 2 are kept.`;
    const kept = await verify({ head: older }, 400);
    expect([kept.code, kept.lines[0]]).toEqual([0, gone]);
    expect(kept.lines[1]).toMatch(/^\d+ rows, every hash is right\.$/);
    expect((await verify({}, 400)).lines.join()).not.toContain('has deleted');
    const moved = 'The chain begins after row 2, and retention.audit_days is not set: rows were deleted by somebody else.';
    expect(await verify()).toMatchObject({ code: 2, lines: [moved, expect.stringMatching(/^Head: /), noHead] });
  });
});
