import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { tarOf, zipOf } from '../archives.ts';
import { problemCodes, readAll, recordXml, reportXml } from '../build.ts';

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
