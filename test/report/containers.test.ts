import { crc32, gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { crookedZip, overlappingZip, tarOf, zipOf } from './archives.ts';
import { mailWith, problemCodes, readAll, recordXml, reportXml } from './build.ts';

const xml = reportXml();
const other = reportXml().replace('<report_id>r-1<', '<report_id>r-2<');
const ids = async (raw: Uint8Array, name?: string): Promise<string[]> =>
  (await readAll(raw, {}, name)).reports.map((report) => report.report_id);

describe('gzip', () => {
  test('of several members is one document', async () => {
    const half = xml.length >> 1;
    const members = Buffer.concat([gzipSync(xml.slice(0, half)), gzipSync(''), gzipSync(xml.slice(half))]);
    const outcome = await readAll(members);
    expect(outcome.reports).toMatchObject([{ report_id: 'r-1', salvaged: false, problems: [] }]);
  });

  test.each([
    ['a line end', '\r\n'],
    ['zeros', '\0\0\0\0\0\0\0\0\0\0\0\0'],
    ['letters', 'garbage garbage garbage'],
    ['what begins like a member', '\x1f\x8b'],
  ])('with %s after it', async (_name, trail) => {
    const outcome = await readAll(Buffer.concat([gzipSync(xml), Buffer.from(trail, 'latin1')]));
    expect(outcome.reports).toMatchObject([{ report_id: 'r-1', salvaged: false, problems: [] }]);
  });

  test('with a name, a comment, an extra field and a header checksum', async () => {
    const plain = gzipSync(xml);
    const header = Buffer.concat([
      Buffer.from([0x1f, 0x8b, 8, 0x1e, 0, 0, 0, 0, 0, 3, 2, 0, 0x41, 0x42]),
      Buffer.from('name.xml\0comment\0'),
      Buffer.from([0, 0]),
    ]);
    expect(await ids(Buffer.concat([header, plain.subarray(10)]))).toEqual(['r-1']);
  });

  test('cut off keeps the whole records before the cut', async () => {
    const records = Array.from({ length: 2000 }, (_, i) =>
      recordXml({ ip: `192.0.${i >> 8}.${i & 255}`, count: (i * 7919) % 1000 }),
    );
    const whole = gzipSync(reportXml(records.join('')));
    const outcome = await readAll(whole.subarray(0, Math.floor(whole.length * 0.6)));
    expect(outcome.reports).toMatchObject([{ report_id: 'r-1', salvaged: true }]);
    expect(problemCodes(outcome)).toEqual(['not_well_formed', 'record_broken', 'archive_damaged']);
    expect(outcome.records.length).toBeGreaterThan(800);
    expect(outcome.records.length).toBeLessThan(2000);
    expect(outcome.records.map((record) => record.count)).toEqual(outcome.records.map((_, i) => (i * 7919) % 1000));
  });

  test('damaged in the middle keeps what comes before the damage', async () => {
    const records = Array.from({ length: 2000 }, (_, i) =>
      recordXml({ count: (i * 7919) % 1000, from: `d${(i * 31) % 977}.example.com` }),
    );
    const bytes = gzipSync(reportXml(records.join('')));
    bytes.fill(0xff, bytes.length >> 1, (bytes.length >> 1) + 64);
    const outcome = await readAll(bytes);
    expect(outcome.reports).toMatchObject([{ report_id: 'r-1', salvaged: true }]);
    expect(problemCodes(outcome)).toContain('archive_damaged');
    expect(outcome.records.length).toBeGreaterThan(500);
    expect(outcome.reports[0]?.records).toBe(outcome.records.length);
  });

  test('with a wrong checksum is read, and said to be damaged', async () => {
    const bytes = gzipSync(xml);
    bytes.writeUInt32LE(0, bytes.length - 8);
    const outcome = await readAll(bytes);
    expect(outcome.reports).toMatchObject([{ report_id: 'r-1', salvaged: false }]);
    expect(problemCodes(outcome)).toEqual(['archive_damaged']);
  });

  test('in gzip, zip in gzip, tar in gzip', async () => {
    expect(await ids(gzipSync(gzipSync(xml)))).toEqual(['r-1']);
    expect(await ids(gzipSync(await zipOf([{ name: 'a.xml', data: xml }])))).toEqual(['r-1']);
    expect(
      await ids(gzipSync(tarOf([{ name: 'dir/' }, { name: 'dir/a.xml', data: xml }, { name: 'b.xml', data: other }]))),
    ).toEqual(['r-1', 'r-2']);
  });
});

describe('zip', () => {
  test('stored and deflated, directories, odd names, several reports', async () => {
    const zip = await zipOf([
      { name: 'reports/' },
      { name: 'reports/übung.xml', data: xml },
      { name: 'second', data: other, stored: true },
      { name: 'readme.txt', data: 'unused' },
    ]);
    const outcome = await readAll(zip);
    expect(
      outcome.events.flatMap((event) => (event.type === 'report' ? [[event.part, event.name, event.report.report_id]] : [])),
    ).toEqual([
      [0, 'reports/übung.xml', 'r-1'],
      [1, 'second', 'r-2'],
    ]);
  });

  test('a member that the directory names many times is read once, and each naming counts as a member', async () => {
    const report = Buffer.from(xml);
    const outcome = await readAll(overlappingZip(report, 390));
    expect(outcome.events.map(({ type }) => type)).toEqual(['records', 'report']);
    // Within another container, hundreds of namings are a few bytes of what was delivered.
    expect(await ids(gzipSync(overlappingZip(report, 390)))).toEqual(['r-1']);
    const many = await readAll(overlappingZip(report, 1_001));
    expect(many.events.at(-1)).toMatchObject({ type: 'refused', problem: { code: 'too_many_members' } });
  });

  test('zip64, and with data descriptors', async () => {
    expect(await ids(await zipOf([{ name: 'a.xml', data: xml }], { zip64: true }))).toEqual(['r-1']);
    expect(await ids(await zipOf([{ name: 'a.xml', data: xml }], { streamed: true }))).toEqual(['r-1']);
  });

  test('with bytes after its end', async () => {
    expect(await ids(Buffer.concat([await zipOf([{ name: 'a.xml', data: xml }]), Buffer.from('\r\n\r\n')]))).toEqual(['r-1']);
  });

  test('whose names climb out of the folder touches nothing and is read', async () => {
    const outcome = await readAll(crookedZip('../../etc/passwd', Buffer.from(xml), { crc: crc32(xml) }));
    expect(outcome.events.at(-1)).toMatchObject({ type: 'report', name: '../../etc/passwd' });
    expect(await ids(crookedZip('C:\\x\\\0.xml', Buffer.from(xml), { crc: crc32(xml) }))).toEqual(['r-1']);
    expect(await ids(crookedZip('', Buffer.from(xml), { crc: crc32(xml) }))).toEqual(['r-1']);
  });

  test('encrypted, or of an unknown method, is refused with a reason', async () => {
    expect((await readAll(crookedZip('a.xml', Buffer.from(xml), { flags: 1 }))).codes).toEqual(['archive_encrypted']);
    expect((await readAll(crookedZip('a.xml', Buffer.from(xml), { method: 12 }))).codes).toEqual(['archive_method_unknown']);
  });

  test('with a wrong checksum is read, and said to be damaged', async () => {
    const outcome = await readAll(crookedZip('a.xml', Buffer.from(xml), { crc: 1 }));
    expect(outcome.reports).toHaveLength(1);
    expect(problemCodes(outcome)).toEqual(['archive_damaged']);
  });

  test('cut off before its directory gives its first member', async () => {
    const whole = crookedZip('a.xml', Buffer.from(xml), { crc: crc32(xml) });
    const outcome = await readAll(whole.subarray(0, whole.length - 60));
    expect(outcome.reports).toMatchObject([{ report_id: 'r-1' }]);
    expect(problemCodes(outcome)).toEqual(['archive_damaged']);
    expect((await readAll(whole.subarray(0, 20))).codes).toEqual(['archive_damaged']);
  });

  test('one member that cannot be read does not hide the others', async () => {
    const zip = await zipOf([
      { name: 'broken.xml', data: '<feedback><record>' },
      { name: 'good.xml', data: xml },
    ]);
    const outcome = await readAll(zip);
    expect(outcome.codes).toEqual(['metadata_missing']);
    expect(outcome.reports).toMatchObject([{ report_id: 'r-1' }]);
  });
});

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
