import { Readable } from 'node:stream';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { importLogs } from '../../../services/collector/import.ts';
import { linesOfBody } from '../../../services/collector/intake/json.ts';
import { readTrace } from '../../../services/collector/lines/trace.ts';
import { readService } from '../../../services/collector/programs/services.ts';
import type { Context } from '../../../services/shared/runtime/service.ts';
import { testContext } from '../../helpers/context.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';
import { linesOf, SOURCE } from '../setup.ts';

const NOW = new Date('2026-11-27T16:00:00Z');
let t: TestDatabase;
let context: Context;
beforeEach(async () => {
  t = await testDatabase();
  context = testContext(t, { clock: { now: () => NOW } });
});
afterEach(async () => {
  await context.queues.close();
  await t.drop();
});
const read = (...octets: Buffer[]) => importLogs(context, { file: '-', source: SOURCE, stdin: Readable.from(octets) });
const rows = async (sql: string) => (await t.db.query(sql)).rows;

test('parts of long lines of two streams, and the lines of many messages, mixed', async () => {
  const cri = (text: string, mark: string, stream = 'stdout') => `2026-11-27T10:00:00.5Z ${stream} ${mark} ${text}`;
  const ids = Array.from({ length: 20 }, (_, n) => `4Xk2bQ1z0Tz${n + 10}v`);
  const lines = ids.flatMap((id) => linesOf({ id, words: `250 ${'x'.repeat(90)}` }));
  // In the order of their texts: those of one message lie far apart.
  const mixed = [...lines].sort((a, b) => a.slice(40).localeCompare(b.slice(40)));
  const written = mixed.flatMap((line, n) => {
    const half = Math.floor(line.length / 2);
    const other = mixed[(n + 1) % mixed.length]!;
    return n % 3 === 0
      ? [
          cri(line.slice(0, half), 'P'),
          cri(other.slice(0, 60), 'P', 'stderr'),
          cri(line.slice(half), 'F'),
          cri(other.slice(60), 'F', 'stderr'),
        ]
      : [cri(line, 'F')];
  });
  const done = await read(Buffer.from(`${written.join('\n')}\n`));
  expect(done.counts).toEqual({ stored: lines.length + Math.ceil(mixed.length / 3) });
  expect(await rows('select sent, signed, unsigned from dmarc.sending_days')).toEqual([{ sent: 20, signed: 20, unsigned: 0 }]);
  expect(await rows('select count(*)::int as n from ruawatch.sent_messages')).toEqual([{ n: 20 }]);
});

test('a line that ends with its file is not lost, and neither is one of Docker that is long', async () => {
  const [first, ...others] = linesOf({ id: '4Xk2bQ1z0Tz9vR' });
  const long = `${'y'.repeat(16_384)}`;
  const docker = (log: string) => JSON.stringify({ log, stream: 'stdout', time: '2026-11-27T10:00:00Z' });
  const done = await read(
    Buffer.from(
      [
        docker(long),
        docker(`${long}\n`),
        ...others.map((line) => docker(`${line}\n`)),
        `2026-11-27T10:00:00Z stdout P ${first}`,
      ].join('\n'),
    ),
  );
  expect(done.counts).toEqual({ foreign: 1, stored: others.length + 1 });
});

test('a trace in UTF-16, with a preamble and line breaks within values', async () => {
  const csv = `#TYPE Microsoft.Exchange.Management.Tracking\r\n"Received","SenderAddress","RecipientAddress","Subject","Status","ToIP","MessageId"\r\n${[
    1, 2, 3,
  ]
    .map(
      (n) =>
        `"27.11.2026 10:0${n}:00","news@example.com","bob@gmx.net","a ""secret"",\r\n\r\nplan","Delivered","203.0.113.5","<${n}@x>"`,
    )
    .join('\r\n')}\r\n`;
  const octets = Buffer.from(`\ufeff${csv}`, 'utf16le');
  const whole = await read(octets.subarray(0, 101), octets.subarray(101));
  expect(whole.counts).toEqual({ stored: 3 });
  const found = await rows('select message_id, started_at from ruawatch.sent_messages order by 1');
  expect(found.map(({ message_id, started_at }) => [message_id, started_at.toISOString()])).toEqual([
    ['1@x', '2026-11-27T10:01:00.000Z'],
    ['2@x', '2026-11-27T10:02:00.000Z'],
    ['3@x', '2026-11-27T10:03:00.000Z'],
  ]);
  // The same in the other order of octets changes nothing.
  await read(Buffer.from(octets).swap16());
  expect(await rows('select count(*)::int as n from ruawatch.sent_messages')).toEqual([{ n: 3 }]);
  const [{ all }] = await rows(`select string_agg(x::text, '') as all from ruawatch.log_lines x`);
  expect(all ?? '').not.toMatch(/secret|bob/);
});

test.each<[string, string, string, object]>([
  [
    'other order, semicolons',
    'Status;Message ID;Recipient Address;Sender Address;To IP;Received',
    'Failed;<1@x>;bob@gmx.net;news@example.com;203.0.113.5;2026-11-27T10:00:00Z',
    { status: 'bounced', by: 'smtp' },
  ],
  [
    'tabs, American times',
    'Received\tSender Address\tRecipient Address\tStatus\tTo IP\tMessage ID',
    '11/27/2026 10:00:00 AM\tnews@example.com\tbob@gmx.net\tPending\t203.0.113.5\t<1@x>',
    { status: 'deferred' },
  ],
  [
    'German',
    'Datum (UTC);Absender;Empfänger;Betreff;Status;Nachrichten-ID',
    '27.11.2026 10:00:00;news@example.com;bob@gmx.net;x;Zugestellt;<1@x>',
    { status: 'sent' },
  ],
  [
    'French',
    'Date (UTC),Expéditeur,Destinataire,Objet,État,ID de message',
    '27/11/2026 10:00,news@example.com,bob@gmx.net,x,Échec,<1@x>',
    { status: 'bounced' },
  ],
  [
    'Spanish',
    'Fecha,Remitente,Destinatario,Asunto,Estado,Id. de mensaje',
    '2026-11-27 10:00:00,news@example.com,bob@gmx.net,x,Entregado,<1@x>',
    { status: 'sent' },
  ],
  [
    'a blank that does not break',
    'Received,SenderAddress,RecipientAddress,Status,ToIP,MessageId',
    '11/27/2026 10:00:00\u202fAM,news@example.com,bob@gmx.net,Delivered,203.0.113.5,<1@x>',
    { status: 'sent' },
  ],
])('a trace: %s', (_, heading, line, said) => {
  const [raw] = readTrace(heading)!(line);
  expect(raw!.at).toBe(Date.parse('2026-11-27T10:00:00Z'));
  expect(readService(raw!.text)!.events).toContainEqual(expect.objectContaining({ kind: 'delivery', ...said }));
});

test.each(['11/10/2026 10:00:00', '31.02.2026 10:00:00', 'yesterday', ''])('a trace has no time in %s', (time) => {
  const [raw] = readTrace('Received,SenderAddress,RecipientAddress,Status,MessageId')!(
    `${time},news@example.com,bob@gmx.net,Delivered,<1@x>`,
  );
  expect(raw!.at).toBeUndefined();
});

test('a quote too many swallows 200 lines, not the rest of the file', () => {
  const take = readTrace('Received,SenderAddress,RecipientAddress,Status,MessageId')!;
  const row = '2026-11-27T10:00:00Z,news@example.com,bob@gmx.net,Delivered,<1@x>';
  const found = [`"${row}`, ...Array.from({ length: 300 }, () => row)].map((line) => take(line).length);
  expect(found.reduce((sum, n) => sum + n, 0)).toBe(101);
});

test('parts within one body of a shipper are put together, and kubectl may be piped as it is', () => {
  const record = (log: string, logtag: string, pod_name = 'a') => ({ log, logtag, stream: 'stdout', kubernetes: { pod_name } });
  const body = JSON.stringify([
    record('one ', 'P'),
    record('two ', 'P', 'b'),
    record('and', 'F'),
    record('and', 'F', 'b'),
    record('left', 'P'),
  ]);
  expect(linesOfBody(body, { now: 0 }).raws.map(({ text }) => text)).toEqual(['one and', 'two and', 'left']);
  expect(linesOfBody('[pod/mta-0/postfix] a\n[pod/mta-0/postfix] b\n', { now: 0 }).raws).toHaveLength(2);
});
