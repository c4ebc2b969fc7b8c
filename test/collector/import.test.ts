import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { importLogs } from '../../services/collector/import.ts';
import type { Context } from '../../services/shared/runtime/service.ts';
import { testContext } from '../helpers/context.ts';
import { type TestDatabase, testDatabase } from '../helpers/database.ts';
import { importLines, linesOf, SOURCE } from './setup.ts';

let t: TestDatabase;
let context: Context;
const NOW = new Date('2026-11-27T12:00:00Z');

beforeEach(async () => {
  t = await testDatabase();
  context = testContext(t, { clock: { now: () => NOW } });
});
afterEach(async () => {
  await context.queues.close();
  await t.drop();
});

const days = async () =>
  (
    await t.db.query(
      `select cluster, environment, workload, domain, selector, day, sent, signed, unsigned, aligned, deferred, refused, refused_dmarc, by_recipient
         from dmarc.sending_days order by domain, selector, day`,
    )
  ).rows;
const messages = async () => (await t.db.query('select * from ruawatch.sent_messages order by started_at, message_key')).rows;
const DAY = {
  cluster: 'a',
  environment: 'production',
  workload: 'shop',
  domain: 'example.com',
  day: '2026-11-27',
  deferred: 0,
  refused: 0,
  refused_dmarc: 0,
};

test('a source keeps the place that it was made with: another one is refused, and no option is none', async () => {
  const source = {
    name: 'mx1',
    cluster: 'a',
    environment: 'production',
    workload: 'shop',
    egress: ['192.0.2.0/24'],
    syslog_from: [],
  };
  const none = { ...source, cluster: '', environment: '', workload: '', egress: [] };
  const read = (given: typeof source) => importLogs(context, { file: '-', source: given, stdin: Readable.from([]) });
  await read(source);
  await read(none);
  await read(source);
  for (const other of [{ workload: 'crm' }, { environment: 'staging' }, { cluster: 'b' }, { egress: ['192.0.2.0/25'] }] as const)
    await expect(read({ ...none, ...other } as typeof source)).rejects.toMatchObject({ code: 'log_source_differs' });
});

test('a log that was read under another source is said to count twice', async () => {
  const lines = [...linesOf({ id: 'AAAAA1' }), ...linesOf({ id: 'AAAAA2' })];
  expect((await importLines(context, lines)).twice).toEqual([]);
  expect((await importLines(context, lines)).twice).toEqual([]);
  const other = { name: 'other', workload: 'crm' };
  expect((await importLines(context, lines.slice(0, 6), other)).twice).toEqual([{ name: 'mail', messages: 1, of: 1 }]);
  // The same id of another message, on the same host.
  const later = linesOf({ id: 'AAAAA2', at: '2026-11-27T11:00:00.000000+00:00', messageId: 'x@y' });
  expect((await importLines(context, later, other)).twice).toEqual([{ name: 'mail', messages: 1, of: 2 }]);
});

test('a file is unpacked by its first two octets, and read as it is without both', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-log-import-'));
  try {
    const text = `${linesOf({ id: 'AAAAA1' }).join('\n')}\n`;
    const file = path.join(folder, 'mail.log');
    const read = async (octets: Buffer) => {
      writeFileSync(file, octets);
      const { lines, counts } = await importLogs(context, { file, source: SOURCE, stdin: Readable.from([]) });
      return [lines, counts];
    };
    expect(await read(gzipSync(text))).toEqual([6, { stored: 6 }]);
    expect(await read(Buffer.alloc(0))).toEqual([0, {}]);
    for (const head of ['1f0a', '1e8b0a', '1f8c0a'])
      expect(await read(Buffer.concat([Buffer.from(head, 'hex'), Buffer.from(text)]))).toEqual([7, { foreign: 1, stored: 6 }]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

describe('what files of lines add up to', () => {
  test('signed and unsigned messages, by workload, domain, selector and day', async () => {
    const done = await importLines(context, [
      ...linesOf({ id: 'AAAAA1' }),
      ...linesOf({ id: 'AAAAA2', signed: null }),
      ...linesOf({ id: 'AAAAA3' }),
    ]);
    expect(done).toMatchObject({ lines: 17, counts: { stored: 17 }, judged: 3 });
    expect(await days()).toEqual([
      { ...DAY, selector: '', sent: 1, signed: 0, unsigned: 1, aligned: 0, by_recipient: { 'gmx.net': 1 } },
      { ...DAY, selector: 's1', sent: 2, signed: 2, unsigned: 0, aligned: 2, by_recipient: { 'gmx.net': 2 } },
    ]);
    expect((await messages())[0]).toMatchObject({
      host: 'mx1',
      queue_id: 'AAAAA1',
      message_id: 'AAAAA1@mx1.example.com',
      direction: 'out',
      client_name: 'app-0.shop',
      client_ip: '10.1.2.3',
      envelope_domain: 'example.com',
      ended: true,
      signatures: [{ domain: 'example.com', selector: 's1' }],
      recipients: [expect.objectContaining({ domain: 'gmx.net', status: 'sent', outside: true, relay: 'mx00.gmx.net' })],
    });
  });

  test('the same lines again, in any order and in parts, change nothing', async () => {
    const lines = [...linesOf({ id: 'AAAAA1' }), ...linesOf({ id: 'AAAAA2', signed: null })];
    await importLines(context, lines);
    const before = await days();
    await importLines(context, [...lines].reverse());
    await importLines(context, lines.slice(3, 7));
    for (const line of lines) await importLines(context, [line]);
    expect(await days()).toEqual(before);
    expect(await messages()).toHaveLength(2);
  });

  test('a message whose lines come one by one, in any order, counts as it would at once', async () => {
    const lines = linesOf({ id: 'AAAAA1' });
    for (const line of [...lines].reverse()) await importLines(context, [line]);
    expect(await days()).toEqual([
      { ...DAY, selector: 's1', sent: 1, signed: 1, unsigned: 0, aligned: 1, by_recipient: { 'gmx.net': 1 } },
    ]);
  });

  test('a deferred message is one that waits, until it is sent: then it is sent, on the day on which it began', async () => {
    const first = linesOf({
      id: 'AAAAA1',
      status: 'deferred',
      dsn: '4.7.1',
      words: 'host mx00.gmx.net[203.0.113.5] said: 450 4.7.1 later',
      removed: false,
    });
    await importLines(context, first);
    expect(await days()).toEqual([
      { ...DAY, selector: 's1', sent: 0, signed: 0, unsigned: 0, aligned: 0, deferred: 1, by_recipient: {} },
    ]);
    const later = linesOf({ id: 'AAAAA1', at: '2026-11-27T11:00:00.000000+00:00' }).slice(3);
    await importLines(context, later);
    expect(await days()).toEqual([
      { ...DAY, selector: 's1', sent: 1, signed: 1, unsigned: 0, aligned: 1, by_recipient: { 'gmx.net': 1 } },
    ]);
    expect(await messages()).toHaveLength(1);
  });

  test('a short id that is used again is another message', async () => {
    await importLines(context, [
      ...linesOf({ id: 'ABCDEF1', messageId: 'one@example.com' }),
      ...linesOf({ id: 'ABCDEF1', messageId: 'two@example.com', signed: null, at: '2026-11-27T10:05:00.000000+00:00' }),
    ]);
    expect((await messages()).map((row) => [row.message_id, row.signatures.length])).toEqual([
      ['one@example.com', 1],
      ['two@example.com', 0],
    ]);
    expect((await days()).map((row) => [row.selector, row.sent])).toEqual([
      ['', 1],
      ['s1', 1],
    ]);
  });

  test('one id of two hosts is two messages', async () => {
    await importLines(context, [
      ...linesOf({ id: 'ABCDEF1', host: 'mx1', messageId: 'one@x' }),
      ...linesOf({ id: 'ABCDEF1', host: 'mx2', messageId: 'two@x' }),
    ]);
    expect(await messages()).toHaveLength(2);
  });

  test('a mail that a filter puts back into the queue counts once, signed before it', async () => {
    const filter = 'amavis[127.0.0.1]:10024';
    await importLines(context, [
      ...linesOf({
        id: 'AAAAA1',
        messageId: 'one@example.com',
        relay: filter,
        words: '250 2.0.0 from MTA(smtp:[127.0.0.1]:10025): 250 2.0.0 Ok: queued as BBBBB1',
      }),
      ...linesOf({ id: 'BBBBB1', messageId: 'one@example.com', client: 'localhost[127.0.0.1]', signed: null }),
    ]);
    expect(await days()).toEqual([
      { ...DAY, selector: 's1', sent: 1, signed: 1, unsigned: 0, aligned: 1, by_recipient: { 'gmx.net': 1 } },
    ]);
    const [first, second] = await messages();
    expect(first).toMatchObject({ leads_to: second.message_key, direction: 'internal' });
    expect(second).toMatchObject({ leads_to: null, direction: 'out', counted: null });
  });

  test('a filter without an id of its own is bridged by the Message-ID alone, also when the parts come a day apart', async () => {
    await importLines(
      context,
      linesOf({ id: 'AAAAA1', messageId: 'one@example.com', relay: 'filter', words: 'delivered via filter service' }).map(
        (line) => line.replace('postfix/smtp[', 'postfix/pipe['),
      ),
    );
    await importLines(
      context,
      linesOf({
        id: 'BBBBB1',
        messageId: 'one@example.com',
        client: 'localhost[127.0.0.1]',
        signed: null,
        at: '2026-11-27T10:20:00.000000+00:00',
      }),
    );
    expect((await days()).map((row) => [row.selector, row.sent, row.unsigned])).toEqual([['s1', 1, 0]]);
  });

  test('a relay of ours counts a mail of a pod once, for the pod', async () => {
    await importLines(
      context,
      linesOf({
        id: 'AAAAA1',
        host: 'shop-0',
        messageId: 'one@example.com',
        signed: null,
        relay: 'relay.mail[10.0.0.5]:25',
        words: '250 2.0.0 Ok: queued as BBBBB1',
      }),
    );
    expect(await days()).toEqual([]);
    await importLines(
      context,
      linesOf({ id: 'BBBBB1', host: 'relay-0', messageId: 'one@example.com', client: 'shop-0[10.1.2.3]' }),
      { name: 'relay', workload: 'relay' },
    );
    expect((await days()).map((row) => [row.workload, row.selector, row.sent])).toEqual([['shop', 's1', 1]]);
  });

  test('a milter in a pod of its own is joined by the queue id', async () => {
    const lines = linesOf({ id: 'AAAAA1' });
    await importLines(
      context,
      lines.map((line) => (line.includes('opendkim') ? line.replace('mx1', 'opendkim-7') : line)),
    );
    expect((await days()).map((row) => [row.selector, row.sent])).toEqual([['s1', 1]]);
  });

  test('what arrives from outside, and what stays inside, is not sent', async () => {
    const inbound = { client: 'mx.other.net[198.51.100.7]', relay: 'imap[10.0.0.9]:24', signed: null };
    await importLines(context, [
      ...linesOf({ id: 'AAAAA1', ...inbound }),
      ...linesOf({ id: 'AAAAA2', relay: 'local', signed: null }).map((line) => line.replace('postfix/smtp[', 'postfix/local[')),
    ]);
    expect(await days()).toEqual([]);
    expect((await messages()).map((row) => row.direction)).toEqual(['in', 'internal']);
  });

  test('a receiver that refuses with words about DMARC', async () => {
    await importLines(
      context,
      linesOf({
        id: 'AAAAA1',
        status: 'bounced',
        dsn: '5.7.26',
        words:
          "host gmail-smtp-in.l.google.com[203.0.113.5] said: 550-5.7.26 Unauthenticated email from example.com is not accepted due to domain's DMARC policy. (in reply to end of DATA command)",
      }),
    );
    expect(await days()).toEqual([
      { ...DAY, selector: 's1', sent: 0, signed: 0, unsigned: 0, aligned: 0, refused: 1, refused_dmarc: 1, by_recipient: {} },
    ]);
  });

  test('an expired message is refused, not waiting', async () => {
    const lines = linesOf({
      id: 'AAAAA1',
      status: 'deferred',
      dsn: '4.4.1',
      words: 'connect to mx00.gmx.net[203.0.113.5]:25: Connection timed out',
      removed: false,
    });
    await importLines(context, [
      ...lines,
      '2026-11-27T11:00:00.000000+00:00 mx1 postfix/qmgr[7]: AAAAA1: from=<news@example.com>, status=expired, returned to sender',
    ]);
    expect(await days()).toEqual([expect.objectContaining({ deferred: 0, refused: 1 })]);
  });

  test('no local part, no user and no subject is stored, and Message-IDs are', async () => {
    const lines = linesOf({
      id: 'AAAAA1',
      from: 'alice.liddell@example.com',
      to: '"bob b"@gmx.net',
      sasl: 'alice.liddell',
      status: 'bounced',
      dsn: '5.1.1',
      words: 'host x[203.0.113.5] said: 550 5.1.1 <bob.b+x=y@gmx.net>: no such user',
    });
    await importLines(context, [
      ...lines,
      '2026-11-27T10:00:00.000000+00:00 mx1 postfix/cleanup[7]: AAAAA1: info: header Subject: dear alice.liddell from app-0[10.1.2.3]; from=<alice.liddell@example.com> to=<bob.b@gmx.net> proto=ESMTP helo=<app>',
      '2026-11-27T10:00:00.000000+00:00 mx1 postfix/nosuchdaemon[7]: alice.liddell wrote "hello" to bob.b@gmx.net',
    ]);
    for (const table of ['log_lines', 'log_unparsed', 'sent_messages', 'log_dns_changes']) {
      const { rows } = await t.db.query(`select x::text as all from ruawatch.${table} x`);
      const text = rows.map((row) => row.all).join('\n');
      expect(text).not.toMatch(/bob|dear|hello/);
      if (table !== 'log_unparsed') expect(text).not.toMatch(/alice/);
      if (table === 'sent_messages') expect(text).toContain('AAAAA1@mx1.example.com');
    }
    const [row] = await messages();
    expect(row.sender_hash).toMatch(/^h:[0-9a-f]{16}$/);
    expect(row.sasl_username).toMatch(/^h:[0-9a-f]{16}$/);
  });
});
