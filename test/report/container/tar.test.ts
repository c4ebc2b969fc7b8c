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
    read(member('././@LongLink', long, { type: 'L' }), member('short', 'x'), member('p', 'k=v', { type: 'x' }), member('q', 'y')),
  ).toEqual([
    { name: long, data: 'x', ...fine },
    { name: 'q', data: 'y', ...fine },
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
  expect(read(member('cut', 'x'.repeat(512), { size: 2_000 }))).toEqual([
    { name: 'cut', data: 'x'.repeat(512), skipped: false, problem: 'archive_damaged' },
  ]);
});

test('a size that is no octal number is no header', () => {
  const header = member('x', 'y', { summed: false });
  header.write('9', 124, 'latin1');
  expect(tarHeader(header, 0)).toBeNull();
});
