import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { crookedZip, zipOf } from '../archives.ts';
import { mailWith, readAll, recordXml, reportXml } from '../build.ts';

const xml = reportXml();
const other = reportXml().replace('<report_id>r-1<', '<report_id>r-2<');
const ids = async (raw: Uint8Array, name?: string): Promise<string[]> =>
  (await readAll(raw, {}, name)).reports.map((report) => report.report_id);

describe('a mail', () => {
  test('may call a zip gzip, and a gzip anything', async () => {
    expect(await ids(mailWith(await zipOf([{ name: 'a.xml', data: xml }]), 'Content-Type: application/gzip'))).toEqual(['r-1']);
    expect(await ids(mailWith(gzipSync(xml), 'Content-Type: application/octet-stream'))).toEqual(['r-1']);
    expect(await ids(mailWith(gzipSync(xml), 'Content-Type: image/png; name=x.png'))).toEqual(['r-1']);
    expect(await ids(mailWith(Buffer.from(xml), 'Content-Type: application/zip'))).toEqual(['r-1']);
  });

  test('with several attachments gives several reports', async () => {
    const parts = [gzipSync(xml), Buffer.from(other)].map(
      (bytes) => `--b\nContent-Type: application/x\nContent-Transfer-Encoding: base64\n\n${bytes.toString('base64')}\n`,
    );
    const mail = Buffer.from(`Subject: x\nContent-Type: multipart/mixed; boundary=b\n\n${parts.join('')}--b--\n`);
    expect(await ids(mail)).toEqual(['r-1', 'r-2']);
  });

  test('may be forwarded as an attachment', async () => {
    const inner = mailWith(gzipSync(xml)).toString('latin1');
    const mail = Buffer.from(
      `Subject: Fwd\nContent-Type: multipart/mixed; boundary=o\n\n--o\n\nsee below\n--o\nContent-Type: message/rfc822\n\n${inner}\n--o--\n`,
      'latin1',
    );
    expect(await ids(mail)).toEqual(['r-1']);
  });

  test('with HTML, pictures and words only holds nothing', async () => {
    const html = '<!DOCTYPE html><html><body>Buy!</body></html>';
    expect((await readAll(mailWith(Buffer.from(html), 'Content-Type: text/html'))).codes).toEqual(['no_report']);
    expect((await readAll(mailWith(Buffer.from([0x89, 0x50, 0x4e, 0x47, 13, 10])))).codes).toEqual(['no_report']);
    expect((await readAll('Subject: Out of office\n\nI am away.')).codes).toEqual(['no_report']);
  });

  test('that calls itself a report and holds none is refused, not ignored', async () => {
    const named = mailWith(
      Buffer.from('oops'),
      'Content-Type: x/y; name="receiver.example!example.com!1700000000!1700086399.xml.gz"',
    );
    expect((await readAll(named)).codes).toEqual(['report_not_found']);
    const subject = mailWith(Buffer.from('oops'), 'Content-Type: x/y', 'Report Domain: example.com Submitter: receiver.example');
    expect((await readAll(subject)).codes).toEqual(['report_not_found']);
  });
});

describe('a stream that is too large for one go', () => {
  const large = reportXml(recordXml({ inner: `<x>${'y'.repeat(9)}</x>`.repeat(500_000) }));
  const inParts = (bytes: Buffer, at: number) =>
    Buffer.concat([gzipSync(bytes.subarray(0, at)), gzipSync(bytes.subarray(at), { level: 1 })]);

  test.each([0, 1, 3, 5_000])('is known by its first bytes, also where a piece of %i bytes comes first', async (at) => {
    const outcome = await readAll(inParts(Buffer.from(large), at), { ratio: 1e6 });
    expect(outcome.codes).toEqual([]);
    expect(outcome.reports).toMatchObject([{ report_id: 'r-1', records: 1 }]);
  });

  test.each([1, 3])('and holds an archive, the first %i bytes of which come alone', async (at) => {
    const zip = await zipOf([{ name: 'a.xml', data: large, stored: true }]);
    expect((await readAll(inParts(zip, at), { ratio: 1e6 })).reports).toMatchObject([{ report_id: 'r-1' }]);
  });
});

test('what cannot be opened has the name of the member, or that of the archive', async () => {
  const refused = async (bytes: Buffer) =>
    (await readAll(bytes, {}, 'x.zip')).events.map((event) => 'name' in event && event.name);
  const zip = crookedZip('a.xml', Buffer.from(xml), { flags: 1 });
  expect(await refused(zip)).toEqual(['a.xml']);
  expect(await refused(zip.subarray(0, 20))).toEqual(['x.zip']);
});
