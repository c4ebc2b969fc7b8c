import { Writable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { parseWithFallback } from '../../services/parser/parse-with-fallback.ts';
import { readInThisThread } from '../../services/parser/reading/pool.ts';
import type { Context } from '../../services/shared/runtime/service.ts';
import { testContext } from '../helpers/context.ts';
import { type TestDatabase, testDatabase } from '../helpers/database.ts';
import { receive, reportMail, reportXml } from '../helpers/report.ts';

let t: TestDatabase;
let context: Context;
let logged: Record<string, unknown>[];
beforeEach(async () => {
  t = await testDatabase();
  logged = [];
  const write = (chunk: Buffer, _encoding: unknown, done: () => void) => {
    logged.push(JSON.parse(chunk.toString()));
    done();
  };
  const level = { formatters: { level: (label: string) => ({ level: label }) } };
  context = { ...testContext(t), log: pino({ level: 'debug', ...level }, new Writable({ write })) };
});
afterEach(async () => {
  await context.queues.close();
  await t.drop();
});

const parse = (keys: readonly number[]) => parseWithFallback(context, keys, context.log, { readers: readInThisThread({}) });
const shown = () => logged.filter(({ level }) => level !== 'debug');
const tls = gzipSync(
  JSON.stringify({
    'organization-name': 'Example',
    'date-range': { 'start-datetime': '2026-09-01T00:00:00Z', 'end-datetime': '2026-09-01T23:59:59Z' },
    'contact-info': 'tls@reporter.example',
    'report-id': 'tls-1',
    policies: [
      {
        policy: { 'policy-type': 'sts', 'policy-string': [], 'policy-domain': 'example.com', 'mx-host': [] },
        summary: { 'total-successful-session-count': 1, 'total-failure-session-count': 0 },
      },
    ],
  }),
);
const tlsMail = Buffer.from(
  `From: tls@reporter.example\r\nTo: rua@example.com\r\nSubject: Report Domain: example.com\r\nMIME-Version: 1.0\r\nContent-Type: application/tlsrpt+gzip\r\nContent-Transfer-Encoding: base64\r\n\r\n${tls.toString('base64').replace(/.{76}/g, '$&\r\n')}\r\n`,
);
const chat = (n: number) =>
  Buffer.from(`From: a@b.example\r\nSubject: lunch ${n}\r\nContent-Type: text/plain\r\n\r\nShall we?\r\n`);

test('a batch is one line of the log with the counts by outcome; single mails are for debugging', async () => {
  const keys = await receive(t, [
    reportMail(reportXml({ id: 'a', rows: [{}, { ip: '192.0.2.9' }] }), { unique: 'a' }),
    reportMail(reportXml({ id: 'a', rows: [{}, { ip: '192.0.2.9' }] }), { unique: 'again' }),
    reportMail(reportXml({ id: 'b' }), { unique: 'b' }),
    reportMail(reportXml({ id: 'b', rows: [{ count: 7 }] }), { unique: 'corrected' }),
    reportMail('<feedback><report_metadata>', { unique: 'broken' }),
    reportMail('<feedback><report_metadata>', { unique: 'broken too' }),
    tlsMail,
    chat(1),
    chat(2),
  ]);
  await parse(keys);
  expect(shown()).toEqual([
    {
      level: 'info',
      time: expect.any(Number),
      pid: expect.any(Number),
      hostname: expect.any(String),
      messages: 9,
      stored: 5,
      ignored: 2,
      quarantined: 2,
      codes: expect.any(Object),
      reports: 3,
      records: 4,
      tls_reports: 1,
      duplicates: 1,
      superseded: 1,
      seconds: expect.any(Number),
      msg: 'parsed a batch',
    },
  ]);
  const { codes } = shown()[0] as { codes: Record<string, number> };
  expect(Object.values(codes).reduce((sum, n) => sum + n, 0)).toBe(4);
  expect(logged.filter(({ level }) => level === 'debug').map(({ message }) => message)).toEqual(expect.arrayContaining(keys));
});

test('a batch in which there was nothing to do is not mentioned', async () => {
  const keys = await receive(t, [reportMail(reportXml())]);
  await parse(keys);
  logged = [];
  await parse(keys);
  expect(shown()).toEqual([]);
});

test('messages are counted by state and code, and the records of new reports alone', async () => {
  const keys = await receive(t, [
    reportMail(reportXml({ id: 'a', rows: [{}, { ip: '192.0.2.9' }] }), { unique: 'a' }),
    reportMail(reportXml({ id: 'a', rows: [{}, { ip: '192.0.2.9' }] }), { unique: 'again' }),
    reportMail(reportXml({ id: 'b' }), { unique: 'b' }),
    reportMail('<feedback><report_metadata>', { unique: 'broken' }),
    chat(1),
  ]);
  await parse(keys);
  const lines = (await context.metrics.registry.metrics()).split('\n');
  const value = (name: string) => lines.filter((line) => line.startsWith(name));
  expect(value('ruawatch_messages_total{state="stored",code=""}')).toEqual(['ruawatch_messages_total{state="stored",code=""} 3']);
  expect(value('ruawatch_messages_total{state="quarantined"')).toHaveLength(1);
  expect(value('ruawatch_messages_total{state="ignored",code="no_report"}')).toHaveLength(1);
  expect(value('ruawatch_reports_total{outcome="duplicate"}')).toEqual(['ruawatch_reports_total{outcome="duplicate"} 1']);
  expect(value('ruawatch_records_total')).toEqual(['ruawatch_records_total 3']);
});
