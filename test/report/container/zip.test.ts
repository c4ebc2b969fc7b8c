import { crc32, gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { zipStart } from '../../../services/report/container/zip.ts';
import { crookedZip, overlappingZip, zipOf } from '../archives.ts';
import { problemCodes, readAll, reportXml } from '../build.ts';

const xml = reportXml();
const other = reportXml().replace('<report_id>r-1<', '<report_id>r-2<');
const ids = async (raw: Uint8Array, name?: string): Promise<string[]> =>
  (await readAll(raw, {}, name)).reports.map((report) => report.report_id);

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

  test('a member whose local header is damaged is read where its name ends, and its damage is noted', async () => {
    const bytes = crookedZip('a.xml', Buffer.from(xml), { crc: crc32(xml) });
    bytes.writeUInt32LE(0, 0);
    const outcome = await readAll(bytes, {}, 'a.zip');
    expect(outcome.reports).toMatchObject([{ report_id: 'r-1' }]);
    expect(problemCodes(outcome)).toEqual(['archive_damaged']);
    // The name is not there either: nothing says where the data begin.
    bytes.writeUInt32LE(0, 30);
    expect(await ids(bytes, 'a.zip')).toEqual([]);
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

test('an archive begins where its directory says, and nowhere else', async () => {
  const zip = await zipOf([{ name: 'a.xml', data: xml }]);
  const at = zip.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1'));
  const withSize = (size: number) => {
    const changed = Buffer.from(zip);
    changed.writeUInt32LE(size, at + 12);
    return changed;
  };
  expect(zipStart(zip)).toBe(0);
  expect(zipStart(Buffer.concat([Buffer.from('stub'), zip]))).toBe(4);
  // The first local header decides where the directory is not where its end says.
  for (const size of [0, 1, at + 1, 0xffffffff])
    expect(zipStart(Buffer.concat([Buffer.from('xx'), withSize(size)])), `${size}`).toBe(2);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  for (const size of [0, 1, 0xffffffff]) {
    end.writeUInt32LE(size, 12);
    expect(zipStart(end)).toBeNull();
  }
  expect(zipStart(zip.subarray(at))).toBeNull();
  expect(zipStart(Buffer.alloc(0))).toBeNull();
});
