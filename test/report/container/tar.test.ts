import { expect, test } from 'vitest';
import { tarHeader, tarMembers } from '../../../services/report/container/tar.ts';

interface Given {
  type?: string;
  size?: number;
  /** With the mark of ustar, with a checksum. */
  marked?: boolean;
  summed?: boolean;
}
/** One member of an archive, padded to blocks. */
function member(
  name: string,
  text: string,
  { type = '0', size = text.length, marked = true, summed = true }: Given = {},
): Buffer {
  const header = Buffer.alloc(512);
  header.write(name, 0, 100, 'latin1');
  header.write(`${size.toString(8).padStart(11, '0')}\0`, 124, 'latin1');
  header.write(type, 156, 'latin1');
  if (marked) header.write('ustar', 257, 'latin1');
  if (summed) {
    header.fill(' ', 148, 156);
    const sum = header.reduce((n, byte) => n + byte, 0);
    header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  }
  const data = Buffer.alloc(Math.ceil(text.length / 512) * 512);
  data.write(text, 'latin1');
  return Buffer.concat([header, data]);
}
const read = (...parts: Buffer[]) =>
  [...tarMembers(Buffer.concat(parts))].map(({ name, skipped, data, problem }) => ({
    name,
    skipped,
    data: data?.toString() ?? null,
    problem: problem?.code ?? null,
  }));
const fine = { skipped: false, problem: null };

test('files are read, folders and links are skipped, and zeros end the archive', () => {
  expect(
    read(
      member('a.xml', 'x'.repeat(600)),
      member('d/', '', { type: '5' }),
      member('b', 'y'),
      Buffer.alloc(1024),
      member('c', 'z'),
    ),
  ).toEqual([
    { name: 'a.xml', data: 'x'.repeat(600), ...fine },
    { name: 'd/', data: '', skipped: true, problem: null },
    { name: 'b', data: 'y', ...fine },
  ]);
});

test('long names of GNU and records of POSIX belong to the member behind them', () => {
  const long = `${'n'.repeat(150)}.xml`;
  expect(
    read(
      member('pax_global_header', 'comment=x', { type: 'g' }),
      member('././@LongLink', long, { type: 'L' }),
      member('short', 'x'),
      member('p', 'k=v', { type: 'x' }),
      member('q', 'y'),
    ),
  ).toEqual([
    { name: long, data: 'x', ...fine },
    { name: 'q', data: 'y', ...fine },
  ]);
});

test.each([
  ['0', false],
  ['\0', false],
  ['7', false],
  ['1', true],
  ['2', true],
  ['5', true],
])('a member of type %j is skipped: %s', (type, skipped) => {
  expect(read(member('a', 'x', { type }))).toEqual([{ name: 'a', data: 'x', skipped, problem: null }]);
});

test('a name that fills its field has no zero behind it', () => {
  const name = 'n'.repeat(100);
  expect(read(member(name, 'x'))[0]).toMatchObject({ name });
  // What is behind the zero of a shorter one is left from something else.
  expect(read(member('short\0rest', 'x'))[0]).toMatchObject({ name: 'short' });
});

test('data that fills its blocks has none behind it', () => {
  expect(read(member('a', 'x'.repeat(1024)), member('b', ''), member('c', 'y'))).toEqual([
    { name: 'a', data: 'x'.repeat(1024), ...fine },
    { name: 'b', data: '', ...fine },
    { name: 'c', data: 'y', ...fine },
  ]);
});

test('archives of v7 have no mark; such a header needs its checksum', () => {
  expect(read(member('old', 'x', { marked: false, type: '\0' }))).toEqual([{ name: 'old', data: 'x', ...fine }]);
  expect(tarHeader(member('x', 'y', { marked: false, summed: false }), 0)).toBeNull();
  expect(tarHeader(member('x', 'y', { summed: false }), 0)).toEqual({ size: 1, type: '0' });
});

test('a damaged header loses its member only, and a cut member keeps what is there', () => {
  const broken = member('broken', 'x');
  broken[0] = 0x7a;
  expect(read(member('a', '1'), broken, member('b', '2'))).toEqual([
    { name: 'a', data: '1', ...fine },
    { name: null, data: null, skipped: false, problem: 'archive_damaged' },
    { name: 'b', data: '2', ...fine },
  ]);
  // Whatever lies between two headers is one damage, also at the end.
  const junk = Buffer.alloc(3 * 512, 'j');
  expect(read(junk, member('b', '2'), junk).map(({ name, problem }) => name ?? problem)).toEqual([
    'archive_damaged',
    'b',
    'archive_damaged',
  ]);
  expect(read(member('cut', 'x'.repeat(512), { size: 2_000 }))).toEqual([
    { name: 'cut', data: 'x'.repeat(512), skipped: false, problem: 'archive_damaged' },
  ]);
});

test('a size that is no octal number is no header', () => {
  const header = member('x', 'y', { summed: false });
  header.write('9', 124, 'latin1');
  expect(tarHeader(header, 0)).toBeNull();
});

test('a header says its checksum in octal digits, with blanks around them', () => {
  const header = member('x', 'yy');
  const sum = header.toString('latin1', 148, 154);
  header.write(`  ${sum.slice(1)} `, 148, 'latin1');
  header.write('           ', 124, 'latin1');
  header.write('2', 130, 'latin1');
  const field = header.subarray(148, 156).toString('latin1');
  header.fill(' ', 148, 156);
  const right = header.subarray(0, 512).reduce((n, byte) => n + byte, 0);
  header.write(field, 148, 'latin1');
  expect(tarHeader(header, 0)).toBeNull();
  header.write(`${right.toString(8).padStart(7, ' ')} `, 148, 'latin1');
  expect(tarHeader(header, 0)).toEqual({ size: 2, type: '0' });
  header.write('8', 150, 'latin1');
  expect(tarHeader(header, 0)).toBeNull();
});

test('a header that the bytes do not hold is none', () => {
  const header = member('x', '');
  expect(tarHeader(header, 0)).toEqual({ size: 0, type: '0' });
  expect(tarHeader(header.subarray(0, 511), 0)).toBeNull();
  expect(tarHeader(header, 1)).toBeNull();
});
