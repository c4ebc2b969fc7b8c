import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { readAll, reportXml } from '../build.ts';
import { type Message, msgOf } from '../msgs.ts';

const withId = (id: string): Buffer => gzipSync(reportXml().replace('>r-1<', `>${id}<`));
const attached = (id: string) => ({ name: `receiver.example!example.com!1!2!${id}.xml.gz`, data: withId(id) });

describe('.msg', () => {
  test('the reports in its attachments, small and large, and in the messages attached to it', async () => {
    const noise = Array.from({ length: 3_000 }, (_, i) => `<x>${Math.imul(i, 2654435761) >>> 0}</x>`).join('');
    const large = gzipSync(reportXml().replace('>r-1<', '>large<').replace('</feedback>', `${noise}</feedback>`));
    expect(large.length).toBeGreaterThan(4096);
    const msg = msgOf({
      subject: 'Report Domain: example.com',
      body: 'Two reports are attached.',
      attachments: [
        attached('small'),
        { name: 'large.xml.gz', data: large },
        { subject: 'FW: a report', attachments: [attached('inner'), { attachments: [attached('innermost')] }] },
      ],
    });
    const outcome = await readAll(msg);
    expect(outcome.codes).toEqual([]);
    expect(outcome.reports.map(({ report_id }) => report_id)).toEqual(['small', 'large', 'inner', 'innermost']);
  });

  test('a failure report, by its parts', async () => {
    const msg = msgOf({
      headers: 'From: DMARC <dmarc@receiver.example>\r\nMessage-ID: <1@receiver.example>\r\nSubject: DMARC failure\r\n',
      attachments: [
        {
          name: 'ATT00001',
          mime: 'message/feedback-report',
          data: Buffer.from('Feedback-Type: auth-failure\r\nSource-IP: 192.0.2.1\r\nReported-Domain: example.com\r\n'),
        },
        { subject: 'what was said', body: 'hello' },
      ],
    });
    const { failures, codes } = await readAll(msg);
    expect(codes).toEqual([]);
    expect(failures).toMatchObject([
      { domain: 'example.com', source_ip: '192.0.2.1', reporter: 'receiver.example', subject: 'what was said' },
    ]);
  });

  test('one without a report is ignored, one that promises a report is not', async () => {
    const picture = { name: 'a.png', data: Buffer.from('\x89PNG\r\n\x1a\n', 'latin1') };
    expect((await readAll(msgOf({ subject: 'hello', body: 'hi', attachments: [picture] }))).codes).toEqual(['no_report']);
    expect((await readAll(msgOf({ subject: 'Report Domain: example.com', body: 'hi' }))).codes).toEqual(['report_not_found']);
  });

  test('limits', async () => {
    const nested = (n: number): Message => (n === 0 ? { attachments: [attached('deep')] } : { attachments: [nested(n - 1)] });
    expect((await readAll(msgOf(nested(3)), { mimeDepth: 3 })).reports).toHaveLength(1);
    expect((await readAll(msgOf(nested(4)), { mimeDepth: 3 })).codes).toEqual(['mime_too_deep']);
    const many = msgOf({ attachments: [attached('1'), attached('2'), attached('3')] });
    expect((await readAll(many, { mimeParts: 3 })).reports).toHaveLength(3);
    expect((await readAll(many, { mimeParts: 2 })).codes).toEqual(['too_many_parts']);
    expect((await readAll(many, { unpackedBytes: 100 })).codes).toEqual(Array(3).fill('unpacked_too_large'));
  });

  test('a damaged one is refused with a sentence, wherever the damage lies', async () => {
    const whole = msgOf({ subject: 'x', attachments: [attached('1'), { attachments: [attached('2')] }] });
    const codes = new Set<string>();
    for (let at = 24; at + 4 <= whole.length; at += 4) {
      const value = [-1, -2, at % 16, 0x7fffffff, -0x80000000][(at / 4) % 5] as number;
      const bent = Buffer.from(whole);
      bent.writeInt32LE(value, at);
      const outcome = await readAll(bent);
      for (const code of outcome.codes) codes.add(code);
      expect(outcome.codes.length + outcome.reports.length, `${value} at ${at}`).toBeGreaterThan(0);
    }
    expect([...codes]).toContain('msg_damaged');
    expect((await readAll(whole.subarray(0, 1024))).codes).toEqual(['msg_damaged']);
  });
});
