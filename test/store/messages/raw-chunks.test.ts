import { randomBytes } from 'node:crypto';
import { deflateSync, gzipSync } from 'node:zlib';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parseWithFallback } from '../../../services/parser/parse-with-fallback.ts';
import { readInThisThread } from '../../../services/parser/reading/pool.ts';
import { verifyMessages } from '../../../services/parser/verify/index.ts';
import { transaction } from '../../../services/shared/runtime/db.ts';
import type { Context } from '../../../services/shared/runtime/service.ts';
import { measureArchive } from '../../../services/store/messages/archive.ts';
import { storeMails } from '../../../services/store/messages/intake.ts';
import { claimMessages, loadRaw, loadRaws, replayMessages } from '../../../services/store/messages/messages.ts';
import { CHUNK_BYTES, deflateChunk, inflateChunk } from '../../../services/store/messages/raw-chunks.ts';
import { arrivalOf } from '../../helpers/arrival.ts';
import { testContext } from '../../helpers/context.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';
import { reportMail, reportXml } from '../../helpers/report.ts';
import { mailFrom, receivePolled, resolverOf, signed } from '../../parser/signed.ts';

const REPORTER = 'reporter.example';
const xml = (size: number) =>
  Buffer.from(Array.from({ length: size / 36 + 1 }, (_, i) => `<record><count>${i}</count></record>\r\n`).join('')).subarray(
    0,
    size,
  );
const base64 = (size: number) => Buffer.from(randomBytes(size).toString('base64').replace(/.{76}/g, '$&\r\n')).subarray(0, size);

describe('a chunk', () => {
  test.each([
    ['of nothing', Buffer.alloc(0), 1, 1],
    ['of one byte', Buffer.from('x'), 1, 1],
    ['of too few bytes to gain anything', xml(511), 1, 1],
    ['of XML', xml(512), 0.1, 0.5],
    ['of much XML', xml(CHUNK_BYTES), 0.01, 0.15],
    ['of base64', base64(3000), 0.7, 0.8],
    ['of much base64', base64(CHUNK_BYTES), 0.74, 0.78],
    ['of a mail with a header and base64', Buffer.concat([xml(1500), base64(4500)]), 0.5, 0.8],
    ['of what is compressed', gzipSync(randomBytes(20_000)), 1, 1],
    ['of much that is compressed', randomBytes(CHUNK_BYTES), 1, 1],
    ['of one and the same byte', Buffer.alloc(CHUNK_BYTES, 'a'), 0.0001, 0.2],
  ])('%s comes back as it was', (_, plain, least, most) => {
    const chunk = deflateChunk(plain);
    expect(inflateChunk(chunk, 1).equals(plain)).toBe(true);
    expect(chunk.plain_size).toBe(most === 1 ? null : plain.length);
    expect(chunk.bytes.length).toBeGreaterThanOrEqual(Math.floor(least * plain.length));
    expect(chunk.bytes.length).toBeLessThanOrEqual(most * plain.length);
  });

  test('much base64 is not searched for what it does not have, and much text is', () => {
    // Huffman alone leaves every byte of a repeated line; the search for repetitions leaves next to nothing
    // of it. Of all 64 letters of base64, so that each takes six bits: of a random line some would be
    // missing, and it be coded shorter.
    const line = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'.padEnd(76, 'ruawatch');
    expect(deflateChunk(Buffer.from(line.repeat(1000))).bytes.length).toBeGreaterThan(50_000);
    expect(deflateChunk(Buffer.from(line.repeat(40))).bytes.length).toBeLessThan(500);
    expect(deflateChunk(Buffer.from(`<a b="${line.slice(0, 50)}">`.repeat(1000))).bytes.length).toBeLessThan(5000);
  });

  const damaged = deflateChunk(xml(5000));
  const flipped = Buffer.from(damaged.bytes);
  flipped[flipped.length >> 1]! ^= 0x10;
  test.each([
    ['a bit that flipped', { ...damaged, bytes: flipped }],
    ['an end that is missing', { ...damaged, bytes: damaged.bytes.subarray(0, -20) }],
    ['nothing left', { ...damaged, bytes: Buffer.alloc(0) }],
    ['a size that is too small', { ...damaged, plain_size: 4999 }],
    ['a size that is too large', { ...damaged, plain_size: 5001 }],
    ['a size of nothing', { ...damaged, plain_size: 0 }],
    ['a size below nothing', { ...damaged, plain_size: -1 }],
    ['what was never deflated', { bytes: xml(5000), plain_size: 5000 }],
    ['more than a chunk', { bytes: deflateSync(Buffer.alloc(CHUNK_BYTES + 1)), plain_size: CHUNK_BYTES + 1 }],
    ['a bomb', { bytes: deflateSync(Buffer.alloc(50_000_000)), plain_size: CHUNK_BYTES }],
  ])('with %s is damaged', (_, chunk) => {
    expect(() => inflateChunk(chunk, 17)).toThrow(
      expect.objectContaining({
        code: 'raw_damaged',
        transient: false,
        message: expect.stringContaining('ruawatch messages replay 17'),
      }),
    );
  });
});

describe('in the database', () => {
  let t: TestDatabase;
  let context: Context;
  beforeEach(async () => {
    t = await testDatabase();
    context = { ...testContext(t), log: pino({ level: 'silent' }) };
  });
  afterEach(async () => {
    await context.queues.close();
    await t.drop();
  });
  const rows = async (sql: string) => (await t.db.query<Record<string, number>>(sql)).rows;
  const parse = (keys: number[]) => parseWithFallback(context, keys, context.log, { readers: readInThisThread({}) });
  const states = async (keys: number[]) =>
    (
      await t.db.query(
        'select state, code from ruawatch.messages where message_key = any($1) order by array_position($1::bigint[], message_key)',
        [keys],
      )
    ).rows.map(({ state, code }) => [state, code]);

  test('mails of every kind and size come back as they were, and so do those of before', async () => {
    const raws = [
      Buffer.alloc(0),
      Buffer.from('x'),
      xml(2000),
      base64(2001),
      randomBytes(2002),
      ...[-1, 0, 1].flatMap((more) => [xml(CHUNK_BYTES + more), base64(2 * CHUNK_BYTES + more), randomBytes(CHUNK_BYTES + more)]),
      Buffer.concat([xml(CHUNK_BYTES), randomBytes(CHUNK_BYTES), base64(CHUNK_BYTES)]),
    ];
    const place = { mailbox: 'm', folder: null, uidValidity: null };
    const { keys } = await transaction(t.db, (tx) =>
      storeMails(
        tx,
        place,
        raws.map((raw) => arrivalOf(raw, new Date(0))),
      ),
    );
    const check = async () => {
      await transaction(t.db, async (tx) => {
        const claimed = await claimMessages(tx, [...keys.values()]);
        const all = await loadRaws(tx, claimed);
        expect(claimed).toHaveLength(raws.length);
        for (const message of claimed) {
          const raw = raws.find((one) => keys.get(arrivalOf(one, new Date(0)).sha256.toString('hex')) === message.message_key)!;
          expect(all.get(message.message_key)!.equals(raw)).toBe(true);
          expect((await loadRaw(tx, message))!.equals(raw)).toBe(true);
          expect(message.size).toBe(raw.length);
        }
      });
    };
    await check();
    const sizes = async () =>
      (
        await rows(
          'select sum(octet_length(bytes)) as stored, sum(coalesce(plain_size, octet_length(bytes))) as plain from ruawatch.raw',
        )
      )[0]!;
    const { stored, plain } = await sizes();
    expect(plain).toBe(raws.reduce((sum, raw) => sum + raw.length, 0));
    expect(stored).toBeLessThan(plain! * 0.8);
    // It is the disk that has a limit.
    expect(await measureArchive(t.db)).toBe(stored);

    for (const row of (
      await t.db.query('select message_key, n, bytes, plain_size from ruawatch.raw where plain_size is not null')
    ).rows)
      await t.db.query('update ruawatch.raw set bytes = $3, plain_size = null where message_key = $1 and n = $2', [
        row.message_key,
        row.n,
        inflateChunk(row, row.message_key),
      ]);
    expect((await sizes()).stored).toBe(plain);
    await check();
  });

  test('a mail whose bytes are damaged fails, the others of its batch are stored; restored, it is read again', async () => {
    const keys = await receivePolled(
      t,
      [1, 2, 3].map((n) => reportMail(reportXml({ id: `r${n}` }), { unique: `m${n}` })),
    );
    const { rows: before } = await t.db.query('select bytes from ruawatch.raw where message_key = $1', [keys[1]]);
    await t.db.query('update ruawatch.raw set bytes = set_byte(bytes, 400, 255 - get_byte(bytes, 400)) where message_key = $1', [
      keys[1],
    ]);
    await parse(keys);
    expect(await states(keys)).toEqual([
      ['stored', null],
      ['failed', 'raw_damaged'],
      ['stored', null],
    ]);
    await t.db.query('update ruawatch.raw set bytes = $2 where message_key = $1', [keys[1], before[0].bytes]);
    expect(await replayMessages(t.db, { keys })).toEqual([keys[1]]);
    await parse(keys);
    expect(await states(keys)).toEqual([
      ['stored', null],
      ['stored', null],
      ['stored', null],
    ]);
  });

  test('a mail whose bytes were damaged before it was verified proves nothing, and holds up no other', async () => {
    context.config.trust = { check: 'verify', authserv_ids: [] };
    const mails = [1, 2].map((n) => signed(mailFrom(REPORTER, { id: `v${n}` }), REPORTER));
    const keys = await receivePolled(t, await Promise.all(mails));
    await parse(keys);
    await t.db.query('update ruawatch.raw set plain_size = plain_size - 1 where message_key = $1', [keys[0]]);
    const { deferred } = await verifyMessages(context, resolverOf(REPORTER), keys);
    expect(deferred).toEqual([]);
    const { rows: told } = await t.db.query('select reporter_trust, trust_reason from ruawatch.reports order by report_id');
    expect(told.map((row) => row.reporter_trust)).toEqual(['unauthenticated', 'authenticated']);
    expect(told[0].trust_reason).toContain('damaged in the database');
  });
});
