import { crc32, deflateRawSync, gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { inflateAtOnce, inflateStream, type Wrapping } from '../../../services/report/container/inflate.ts';
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

/** What decompression yields, and what it tells its meter: bytes as their sum. */
function meterOf() {
  const told: unknown[] = [];
  let bytes = 0;
  return {
    told,
    meter: {
      bytes: (size: number) => {
        bytes += size;
      },
      member: () => void told.push('member'),
      damaged: (why: string) => void told.push(why),
    },
    bytes: () => bytes,
  };
}
function atOnce(bytes: Buffer, wrapping: Wrapping, most = 1_000) {
  const { told, meter, bytes: sum } = meterOf();
  const whole = inflateAtOnce(bytes, wrapping, most, meter);
  return { text: whole === null ? null : whole.toString('latin1'), told, bytes: sum() };
}
async function inStream(bytes: Buffer, wrapping: Wrapping) {
  const { told, meter, bytes: sum } = meterOf();
  const pieces: Buffer[] = [];
  for await (const piece of inflateStream(bytes, wrapping, meter)) pieces.push(piece);
  return { text: Buffer.concat(pieces).toString('latin1'), told, bytes: sum() };
}

const GZIP: Wrapping = { format: 'gzip' };
const deflate = (sum: number | null): Wrapping => ({ format: 'deflate', crc32: sum });
const NO_HEADER = 'its header is not whole';
const MISMATCH = 'the checksum does not match';
const abc = gzipSync('abc');
const wrong = Buffer.from(abc);
wrong.writeUInt32LE(1, abc.length - 8);
/** A gzip member with what the flags say in its header, all of which is there. */
const withFlags = (flags: number) =>
  Buffer.concat([
    Buffer.from([0x1f, 0x8b, 8, flags, 0, 0, 0, 0, 0, 3]),
    Buffer.from(flags & 4 ? [3, 0, 0x41, 0, 0x42] : []),
    Buffer.from(flags & 8 ? 'name\0' : ''),
    Buffer.from(flags & 16 ? 'comment\0' : ''),
    Buffer.from(flags & 2 ? [1, 2] : []),
    abc.subarray(10),
  ]);
const headerOf = (flags: number) => withFlags(flags).length - abc.length + 10;

describe('at once and in a stream alike', () => {
  test.each<[string, Buffer, Wrapping, { text: string; told: unknown[]; bytes: number }]>([
    ['one member', abc, GZIP, { text: 'abc', told: [], bytes: 3 }],
    ['three', Buffer.concat([abc, gzipSync(''), abc]), GZIP, { text: 'abcabc', told: ['member', 'member'], bytes: 6 }],
    ['no header', abc.subarray(0, 10), GZIP, { text: '', told: [NO_HEADER], bytes: 0 }],
    ['another method', Buffer.from(abc).fill(7, 2, 3), GZIP, { text: '', told: [NO_HEADER], bytes: 0 }],
    // The second one is what follows the first, whatever it is.
    ['a second one cut off', Buffer.concat([abc, abc.subarray(0, 10)]), GZIP, { text: 'abc', told: [], bytes: 3 }],
    [
      'a second one whose name does not end',
      Buffer.concat([abc, withFlags(8).subarray(0, 13)]),
      GZIP,
      { text: 'abc', told: ['member'], bytes: 3 },
    ],
    ['a wrong checksum', wrong, GZIP, { text: 'abc', told: [MISMATCH], bytes: 3 }],
    ['a checksum cut off', abc.subarray(0, -5), GZIP, { text: 'abc', told: [MISMATCH], bytes: 3 }],
    ['a length cut off', abc.subarray(0, -4), GZIP, { text: 'abc', told: [], bytes: 3 }],
    ['bare deflate', deflateRawSync('abc'), deflate(null), { text: 'abc', told: [], bytes: 3 }],
    ['the same with its checksum', deflateRawSync('abc'), deflate(crc32('abc')), { text: 'abc', told: [], bytes: 3 }],
    ['the same with another', deflateRawSync('abc'), deflate(0), { text: 'abc', told: [MISMATCH], bytes: 3 }],
    [
      'a member of gzip eight bytes behind it',
      Buffer.concat([deflateRawSync('abc'), Buffer.alloc(8), abc]),
      deflate(null),
      { text: 'abc', told: [], bytes: 3 },
    ],
  ])('%s', async (_what, bytes, wrapping, expected) => {
    const stream = await inStream(bytes, wrapping);
    expect(stream).toEqual(expected);
    const once = atOnce(bytes, wrapping);
    // A member that turns out to be none is not counted when all is read at once.
    expect({ ...once, told: once.told.filter((one) => one !== 'member') }).toEqual({
      ...expected,
      told: expected.told.filter((one) => one !== 'member'),
    });
    if (expected.text === 'abcabc') expect(once.told).toEqual(expected.told);
  });

  test.each([0, 2, 4, 8, 16, 6, 12, 24, 30])('a header with the flags %i, and one that is cut off anywhere', async (flags) => {
    const whole = withFlags(flags);
    expect(await inStream(whole, GZIP)).toEqual({ text: 'abc', told: [], bytes: 3 });
    expect(atOnce(whole, GZIP)).toEqual({ text: 'abc', told: [], bytes: 3 });
    for (let cut = 0; cut <= headerOf(flags); cut++) {
      expect(atOnce(whole.subarray(0, cut), GZIP), `${cut}`).toEqual({ text: '', told: [NO_HEADER], bytes: 0 });
      expect(await inStream(whole.subarray(0, cut), GZIP), `${cut}`).toEqual({ text: '', told: [NO_HEADER], bytes: 0 });
    }
  });
});

test('at once only what fits, in a few members, and is whole', () => {
  const nothing = { text: null, told: [], bytes: 0 };
  expect(atOnce(abc, GZIP, 3)).toMatchObject({ text: 'abc' });
  expect(atOnce(abc, GZIP, 2)).toEqual(nothing);
  const two = Buffer.concat([abc, abc]);
  expect(atOnce(two, GZIP, 6)).toMatchObject({ text: 'abcabc' });
  expect(atOnce(two, GZIP, 5)).toEqual(nothing);
  expect(atOnce(Buffer.concat([abc, gzipSync('')]), GZIP, 3)).toMatchObject({ text: 'abc' });
  const members = (n: number) => Buffer.concat(Array.from({ length: n }, () => abc));
  expect(atOnce(members(17), GZIP)).toMatchObject({ text: 'abc'.repeat(17), bytes: 51 });
  expect(atOnce(members(18), GZIP)).toEqual(nothing);
  expect(atOnce(Buffer.from('\xff\xff\xff', 'latin1'), deflate(null))).toEqual(nothing);
});

test('a stream keeps what comes before the damage, once, in slices', async () => {
  const text = Array.from({ length: 200_000 }, (_, i) => ((i * 7919) % 100_003).toString(36)).join('');
  const bytes = gzipSync(text);
  const pieces: number[] = [];
  for await (const piece of inflateStream(bytes, GZIP, meterOf().meter)) pieces.push(piece.length);
  expect(Math.max(...pieces)).toBe(65_536);
  expect(await inStream(bytes, GZIP)).toEqual({ text, told: [], bytes: text.length });
  bytes.fill(0xff, bytes.length - 2_000, bytes.length - 1_000);
  const rescued: number[] = [];
  for await (const piece of inflateStream(bytes, GZIP, meterOf().meter)) rescued.push(piece.length);
  expect(rescued).not.toContain(0);
  const { text: kept, told, bytes: sum } = await inStream(bytes, GZIP);
  expect(told).toHaveLength(1);
  expect(sum).toBe(kept.length);
  expect(kept.slice(0, -20_000)).toBe(text.slice(0, kept.length - 20_000));
  expect(kept.length).toBeGreaterThan(text.length * 0.99);
});
