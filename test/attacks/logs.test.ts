import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { takeLine } from '../../services/collector/lines/entry.ts';
import { readLine } from '../../services/collector/lines/line.ts';
import { hashWith, printable, redact, sampleOf } from '../../services/collector/privacy.ts';
import { readProgram } from '../../services/collector/programs/index.ts';
import type { Context } from '../../services/shared/runtime/service.ts';
import { LOG_PROGRAMS } from '../../services/shared/settings/collector.ts';
import { importLines, linesOf } from '../collector/setup.ts';
import { testContext } from '../helpers/context.ts';
import { type TestDatabase, testDatabase } from '../helpers/database.ts';

const hash = hashWith('key');
const NOW = new Date('2026-11-27T12:00:00Z');
const options = { now: NOW.getTime(), hash, programs: new Set(LOG_PROGRAMS), host: 'x' };

let t: TestDatabase;
let context: Context;
beforeAll(async () => {
  t = await testDatabase();
  context = testContext(t, { clock: { now: () => NOW } });
});
afterAll(async () => {
  await context.queues.close();
  await t.drop();
});
const texts = async () => {
  const all: string[] = [];
  for (const table of ['log_lines', 'log_unparsed', 'sent_messages', 'sending_days', 'sending_day_recipients', 'log_dns_changes'])
    all.push(...(await t.db.query<{ all: string }>(`select x::text as all from ruawatch.${table} x`)).rows.map((row) => row.all));
  return all.join('\n');
};

describe('hostile lines', () => {
  test('binary, NUL, escape sequences, half characters and marks of direction: nothing fails, and nothing of it is stored', async () => {
    const evil = '\u001b[2J\u0000\u0007\u202e\ud800\u2028';
    const binary = Buffer.from(Array.from({ length: 2_000 }, (_, n) => (n * 7) % 256)).toString('latin1');
    await importLines(context, [
      ...linesOf({
        id: 'AAAAA1',
        from: `a${evil}@exa${evil}mple.com`,
        to: `b@${evil}`,
        host: `mx${evil}`,
        messageId: `${evil}@x`,
        words: evil,
      }),
      `2026-11-27T10:00:00.000000+00:00 mx1 postfix/strange[7]: ${evil}`,
      binary,
      ...linesOf({ id: 'AAAAA2', words: binary.replaceAll('\n', '') }),
    ]);
    expect(await texts()).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2028\ud800-\udfff]/);
  });

  test('words of SQL, names of prototypes and of columns are names like others', async () => {
    const names = ["'; drop table ruawatch.sent_messages; --", '__proto__', 'constructor', '$1', '\\', '{}', '"'];
    for (const [n, name] of names.entries())
      await importLines(context, linesOf({ id: `BBBBB${n}`, from: `x@${name}`, to: `y@${name}`, signed: name, messageId: name }));
    expect((await t.db.query("select from ruawatch.sent_messages where queue_id like 'BBBBB%'")).rowCount).toBe(names.length);
    expect(({} as Record<string, unknown>)[0]).toBeUndefined();
    expect(
      (await t.db.query("select from dmarc.sending_days where domain = '__proto__' and by_recipient ? '__proto__'")).rowCount,
    ).toBe(1);
  });

  test('a flood of one queue id, and of recipients, is bounded', async () => {
    const [client, id, , from] = linesOf({ id: 'CCCCC1' });
    const to = (n: number) => linesOf({ id: 'CCCCC1', to: `r${n}@d${n}.example` })[4]!;
    await importLines(context, [client!, id!, from!, ...Array.from({ length: 6_000 }, (_, n) => to(n))]);
    const { rows } = await t.db.query(
      "select jsonb_array_length(recipients) as n, cardinality(line_hashes) as lines from ruawatch.sent_messages where queue_id = 'CCCCC1'",
    );
    expect(rows).toHaveLength(1);
    expect(rows[0].n).toBeLessThanOrEqual(1_000);
    expect(rows[0].lines).toBeLessThanOrEqual(5_000);
    const named = await t.db.query(
      "select count(*) as n from ruawatch.sending_day_recipients where recipient_domain like 'd%.example'",
    );
    expect(named.rows[0].n).toBeLessThanOrEqual(1_000);
  });

  test('a line of the future has the time at which it came', () => {
    const line = linesOf({ id: 'DDDDD1', at: '2099-01-01T00:00:00.000000+00:00' })[0]!;
    expect(takeLine({ text: line }, options)).toMatchObject({ kept: { at: NOW.getTime() } });
    expect(takeLine({ text: line.replace('2099-01-01T00', '2026-11-27T12') }, options)).toMatchObject({
      kept: { at: NOW.getTime() },
    });
  });

  test('a name in an index is never longer than an index takes', async () => {
    const long = 'ü'.repeat(5_000);
    const done = await importLines(
      context,
      linesOf({ id: 'EEEEE1', from: `x@${long}`, to: `y@${long}`, signed: long, messageId: long, host: long }),
    );
    expect(done.judged).toBe(1);
  });
});

describe('any text at all', () => {
  const line = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 400 }),
    fc
      .string({ maxLength: 200 })
      .map(
        (text) => `Nov 27 10:00:00 mx1 postfix/smtp[1]: ABCDE1: to=<${text}>, relay=${text}, dsn=2.0.0, status=sent (${text})`,
      ),
    fc.string({ maxLength: 200 }).map((text) => `2026-11-27 10:00:00 1abCDe-000001-AB <= ${text} H=${text}`),
    fc
      .string({ maxLength: 200 })
      .map((text) => `<22>1 2026-11-27T10:00:00Z mx rspamd 1 - [${text}] rspamd_task_write_log: id: <${text}>, qid: <${text}>`),
  );
  test('is taken apart, read and cleaned without an error', () => {
    fc.assert(
      fc.property(line, (text) => {
        readLine(text, 0);
        takeLine({ text }, options);
        for (const program of LOG_PROGRAMS) readProgram(program, program === 'postfix' ? 'postfix/smtp' : program, text);
        expect(printable(text)).not.toMatch(/[\p{Cc}\p{Cs}]/u);
        sampleOf(redact(text, hash));
      }),
      { numRuns: 300 },
    );
  });

  test('takes time in proportion to its length', () => {
    for (const text of [
      '@'.repeat(200_000),
      `${'a'.repeat(200_000)}@`,
      '"'.repeat(200_000),
      'a@b '.repeat(50_000),
      `id=${'<'.repeat(200_000)}`,
      'to='.repeat(60_000),
      `${'x='.repeat(100_000)}@y`,
    ]) {
      const cut = text.slice(0, 16_384);
      takeLine({ text: `Nov 27 10:00:00 mx1 postfix/smtp[1]: ${cut}` }, options);
      redact(cut, hash);
    }
  });
});
