import { createGzip, gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import type { ReadEvent } from '../../services/report/model.ts';
import { readMessage } from '../../services/report/read.ts';
import { METADATA, mailWith, POLICY, recordXml } from './build.ts';

/** The gzip of a report of n records, made piece by piece. */
async function largeReport(n: number): Promise<Buffer> {
  const gzip = createGzip({ level: 1 });
  const chunks: Buffer[] = [];
  gzip.on('data', (chunk: Buffer) => chunks.push(chunk));
  const ended = new Promise((resolve) => gzip.on('end', resolve));
  gzip.write(`<?xml version="1.0"?><feedback>${METADATA}${POLICY}`);
  for (let i = 0; i < n; i += 1000) {
    let piece = '';
    for (let k = i; k < Math.min(n, i + 1000); k++)
      piece += recordXml({ ip: `10.${k >> 16}.${(k >> 8) & 255}.${k & 255}`, count: 1 + (k % 5) });
    if (!gzip.write(piece)) await new Promise((resolve) => gzip.once('drain', resolve));
  }
  gzip.end('</feedback>');
  await ended;
  return Buffer.concat(chunks);
}

describe('a large report', () => {
  test('comes in bounded batches, in order, with bounded memory', async () => {
    const n = 200_000;
    const bytes = await largeReport(n);
    let batches = 0;
    let records = 0;
    let messages = 0;
    let inOrder = true;
    let peak = 0;
    const before = process.memoryUsage();
    for await (const event of readMessage(bytes, { limits: { ratio: 1_000 }, batch: 5_000 })) {
      if (event.type === 'records') {
        batches++;
        expect(event.records.length).toBeLessThanOrEqual(5_000);
        expect(event.begin).toBe(1_700_000_000);
        for (const record of event.records) {
          const k = records++;
          messages += record.count;
          inOrder &&= record.source_ip === `10.${k >> 16}.${(k >> 8) & 255}.${k & 255}`;
        }
        peak = Math.max(peak, process.memoryUsage().rss);
      } else {
        expect(event).toMatchObject({ type: 'report', report: { records: n, messages, salvaged: false, problems: [] } });
      }
    }
    expect(records).toBe(n);
    expect(inOrder).toBe(true);
    expect(batches).toBe(n / 5_000);
    // The document is over 130 MB of text; reading it whole would take several times as much.
    expect(peak - before.rss).toBeLessThan(250 * 1024 * 1024);
  });

  test('broken near its end is salvaged from there: nothing is lost or told twice', async () => {
    const n = 30_000;
    const record = (i: number): string => recordXml({ ip: `10.0.${i >> 8}.${i & 255}`, count: 1 + (i % 5) });
    const pieces = Array.from({ length: n }, (_, i) => record(i));
    pieces[20_000] = pieces[20_000]?.replace('</row>', '</wor>') as string;
    pieces[25_000] = pieces[25_000]?.replace('example.com', 'a < b & c') as string;
    const seen: string[] = [];
    for await (const event of readMessage(Buffer.from(`<feedback>${METADATA}${POLICY}${pieces.join('')}</feedback>`))) {
      if (event.type === 'records')
        for (const { source_ip, header_from } of event.records) seen.push(`${source_ip} ${header_from}`);
      else expect(event).toMatchObject({ type: 'report', report: { records: n - 1, salvaged: true } });
    }
    const whole = Array.from({ length: n }, (_, i) => `10.0.${i >> 8}.${i & 255} ${i === 25_000 ? 'a < b & c' : 'example.com'}`);
    whole.splice(20_000, 1);
    expect(seen).toEqual(whole);
  });
});

describe('a mail without a report', () => {
  const complaint = (type: string) =>
    [
      'From: abuse@receiver.example',
      'Subject: Report Domain: example.com Submitter: receiver.example',
      'Content-Type: multipart/report; report-type=feedback-report; boundary=f',
      '',
      '--f',
      'Content-Type: message/feedback-report',
      '',
      `Feedback-Type: ${type}`,
      'Source-IP: 192.0.2.1',
      '',
      '--f--',
      '',
    ].join('\r\n');
  const eventsOf = async (raw: string) => {
    const events: ReadEvent[] = [];
    for await (const event of readMessage(Buffer.from(raw))) events.push(event);
    return events;
  };

  test('that only announces one is refused, and one of chat is nothing', async () => {
    expect(await eventsOf('Subject: Report Domain: example.com Submitter: r.example\r\n\r\nSee the attachment.')).toMatchObject([
      { type: 'refused', problem: { message: expect.stringMatching(/^The mail claims to be a report, but holds none\./) } },
    ]);
    expect(await eventsOf('Subject: lunch\r\n\r\nShall we?')).toMatchObject([{ type: 'nothing' }]);
  });

  test('that is a complaint about abuse is nothing, whatever its subject announces', async () => {
    expect(await eventsOf(complaint('abuse'))).toMatchObject([{ type: 'nothing', problem: { code: 'complaint' } }]);
  });

  test('is read as far as the mails that are attached to it as files', async () => {
    const inner = mailWith(gzipSync(`<feedback>${METADATA}${POLICY}${recordXml({})}</feedback>`));
    const outer = Buffer.concat([
      Buffer.from(
        'Subject: Fwd\r\nContent-Type: application/octet-stream; name=a.eml\r\nContent-Transfer-Encoding: base64\r\n\r\n',
      ),
      Buffer.from(inner.toString('base64')),
    ]);
    const types: string[] = [];
    for await (const { type } of readMessage(outer)) types.push(type);
    expect(types).toEqual(['records', 'report']);
  });
});
