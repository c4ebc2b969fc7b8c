import { expect, test } from 'vitest';
import { encodedFiles } from '../../../services/report/mail/uuencode.ts';

const letter = (value: number) => String.fromCharCode(32 + value);

/** Lines of up to 45 bytes, as uuencode writes them; a zero is a blank. */
function lines(bytes: Buffer): string[] {
  const all: string[] = [];
  for (let at = 0; at < bytes.length; at += 45) {
    const part = bytes.subarray(at, at + 45);
    let line = letter(part.length);
    for (let i = 0; i < part.length; i += 3) {
      const bits = ((part[i] ?? 0) << 16) | ((part[i + 1] ?? 0) << 8) | (part[i + 2] ?? 0);
      for (const shift of [18, 12, 6, 0]) line += letter((bits >> shift) & 63);
    }
    all.push(line);
  }
  return all;
}

const file = (bytes: Buffer, change = (line: string) => line, name = 'a.bin') =>
  Buffer.from([`begin 644 ${name}`, ...lines(bytes).map(change), '`', 'end', ''].join('\n'), 'latin1');
const sample = (length: number) => Buffer.from(Array.from({ length }, (_, i) => (i * 37) & 255));

test('files of every length come out as they went in', () => {
  for (let length = 1; length <= 137; length++)
    expect(encodedFiles(file(sample(length))), `${length}`).toEqual([{ name: 'a.bin', bytes: sample(length) }]);
});

test('blanks that were lost at the end of a line are zeros', () => {
  for (const zeros of [1, 2, 3, 7, 44]) {
    const bytes = Buffer.concat([Buffer.from([255]), Buffer.alloc(zeros)]);
    expect(encodedFiles(file(bytes, (line) => line.trimEnd()))[0]?.bytes, `${zeros}`).toEqual(bytes);
  }
});

test('several files in one text are found in their order, and a text without any has none', () => {
  const text = Buffer.concat([file(sample(50), undefined, 'one'), Buffer.from('\nwords\n\n'), file(sample(3), undefined, 'two')]);
  expect(encodedFiles(text).map(({ name, bytes }) => [name, bytes.length])).toEqual([
    ['one', 50],
    ['two', 3],
  ]);
  expect(encodedFiles(Buffer.from('to begin 644 with'))).toEqual([]);
});
