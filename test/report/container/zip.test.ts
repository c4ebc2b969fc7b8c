import { crc32, deflateRawSync, gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { zipMembers, zipStart } from '../../../services/report/container/zip.ts';
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

/** A local header with its data, and nothing else of an archive. */
function local(name: string, body: Buffer | string, { flags = 0, method = 0, crc = 7, size = body.length } = {}): Buffer {
  const header = Buffer.alloc(30);
  header.write('PK\x03\x04', 'latin1');
  header.writeUInt16LE(flags, 6);
  header.writeUInt16LE(method, 8);
  header.writeUInt32LE(crc, 14);
  header.writeUInt32LE(size, 18);
  header.writeUInt16LE(name.length, 26);
  header.writeUInt16LE(2, 28);
  return Buffer.concat([header, Buffer.from(`${name}ex`), Buffer.from(body)]);
}
async function membersOf(...parts: Buffer[]) {
  const found = [];
  for await (const { data, problem, ...rest } of zipMembers(Buffer.concat(parts)))
    found.push({ ...rest, data: data?.toString('latin1') ?? null, problem: problem?.message ?? null });
  return found;
}
const damaged = (why: string) => `The archive is damaged (${why}); what could be read is used.`;
const NO_DIRECTORY = damaged('its directory is missing or cut off');
const stored = { skipped: false, deflated: false, problem: NO_DIRECTORY };

describe('without a directory, by local headers', () => {
  test('members of stated length, and what follows the last', async () => {
    expect(
      await membersOf(Buffer.from('junk'), local('a', 'one'), local('b', 'two', { method: 8 }), Buffer.from('rest')),
    ).toEqual([
      { name: 'a', data: 'one', crc32: 7, ...stored },
      { name: 'b', data: 'two', crc32: 7, ...stored, deflated: true },
    ]);
  });

  test.each([
    ['that is written behind the data', { flags: 8 }],
    ['of none', { size: 0 }],
    ['that is in a field of zip64', { size: 0xffffffff }],
  ])('a length %s: up to the next header, or the end; stored ones without their descriptor', async (_what, given) => {
    const descriptor = Buffer.from('PK\x07\x08crc', 'latin1');
    expect(await membersOf(local('a', 'one', given), local('b', 'two', given), descriptor)).toEqual([
      { name: 'a', data: 'one', crc32: null, ...stored },
      { name: 'b', data: 'two', crc32: null, ...stored },
    ]);
    const packed = { ...given, method: 8 };
    expect(await membersOf(local('a', 'one', packed), descriptor)).toEqual([
      { name: 'a', data: 'onePK\x07\x08crc', crc32: null, ...stored, deflated: true },
    ]);
  });

  test('one that is cut off ends with the bytes', async () => {
    expect(await membersOf(local('a', 'one', { size: 100 }))).toEqual([{ name: 'a', data: 'one', crc32: 7, ...stored }]);
  });

  test('folders are left out; what cannot be opened is said', async () => {
    const none = { data: null, crc32: null, ...stored };
    expect(
      await membersOf(
        local('a/', 'one'),
        local('b', 'two', { flags: 1 }),
        local('c', 'three', { method: 12 }),
        local('d', 'four', { flags: 2 }),
      ),
    ).toEqual([
      { name: 'b', ...none },
      { name: 'c', ...none },
      { name: 'd', data: 'four', crc32: 7, ...stored },
    ]);
    // When nothing is found there is one that says so.
    const nothing = [{ name: null, ...none }];
    expect(await membersOf(Buffer.from('PK'))).toEqual(nothing);
    expect(await membersOf(local('a/', 'one'))).toEqual(nothing);
  });

  test.each([
    ['the longest name', local('n'.repeat(1_024), 'x'), true],
    ['a longer one', local('n'.repeat(1_025), 'x'), false],
    ['the last method', local('a', 'x', { method: 99 }), true],
    ['one beyond', local('a', 'x', { method: 100 }), false],
    ['no data', local('a', ''), false],
    ['half of it', local('a', 'x').subarray(0, 29), false],
  ])('%s', async (_what, bytes, is) => {
    expect(zipStart(Buffer.concat([Buffer.from('x'), bytes]))).toBe(is ? 1 : null);
    expect((await membersOf(bytes)).map(({ name }) => name !== null)).toEqual([is]);
  });

  test('the first sixteen marks are tried', () => {
    const marks = (n: number) => Buffer.concat([Buffer.from('PK\x03\x04'.repeat(n), 'latin1'), Buffer.alloc(26, 0xff)]);
    const member = local('a', 'x');
    expect(zipStart(Buffer.concat([marks(15), member]))).toBe(marks(15).length);
    expect(zipStart(Buffer.concat([marks(16), member]))).toBeNull();
  });
});

describe('with a directory', () => {
  const fine = { skipped: false, problem: null };
  const one = { name: 'a', crc32: crc32('one'), ...fine };
  const given = { method: 0, crc: crc32('one') };
  const zip = crookedZip('a', Buffer.from('one'), given);
  /** The same, whose directory says that the member is longer than the file. */
  const cutOff = Buffer.from(zip);
  for (const at of [20, 24]) cutOff.writeUInt32LE(1_000, cutOff.indexOf('PK\x01\x02', 0, 'latin1') + at);

  test.each<[string, Buffer, object]>([
    ['a stored member', zip, { ...one, data: 'one', deflated: false }],
    [
      'a deflated one',
      crookedZip('a', Buffer.from('one'), { crc: 3 }),
      { ...one, crc32: 3, data: deflateRawSync('one').toString('latin1'), deflated: true },
    ],
    [
      'a wrong checksum',
      crookedZip('a', Buffer.from('one'), { method: 0, crc: 1 }),
      { ...one, crc32: 1, data: 'one', deflated: false, problem: damaged('the checksum does not match') },
    ],
    ['a folder', crookedZip('a/', Buffer.alloc(0), given), { ...one, name: 'a/', data: null, deflated: false, skipped: true }],
    ['a folder with data', crookedZip('a/', Buffer.from('one'), given), { ...one, name: 'a/', data: 'one', deflated: false }],
    ['an empty file', crookedZip('a', Buffer.alloc(0), { method: 0, crc: 0 }), { ...one, crc32: 0, data: '', deflated: false }],
    [
      'a member that is cut off',
      cutOff,
      {
        ...one,
        data: cutOff.subarray(31).toString('latin1'),
        deflated: false,
        problem: damaged('the member is cut off'),
      },
    ],
    [
      'an encrypted one',
      crookedZip('a', Buffer.from('one'), { crc: given.crc, flags: 1 }),
      { ...one, data: null, deflated: false, problem: 'The archive is encrypted; a report must not be.' },
    ],
    [
      'another method',
      crookedZip('a', Buffer.from('one'), { ...given, method: 12 }),
      {
        ...one,
        data: null,
        deflated: false,
        problem: 'The archive uses compression method 12; only stored and deflated members can be read.',
      },
    ],
  ])('%s', async (_what, bytes, expected) => {
    expect(await membersOf(bytes)).toEqual([expected]);
    // What comes after the archive has no part in it.
    if (bytes !== cutOff) expect(await membersOf(bytes, Buffer.from('\r\n'))).toEqual([expected]);
  });
});
