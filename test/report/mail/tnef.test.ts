import { expect, test } from 'vitest';
import { isTnef, tnefFiles } from '../../../services/report/mail/tnef.ts';

const attribute = (id: number, value: Uint8Array, length = value.length, level = 2) => {
  const head = Buffer.alloc(9);
  head.writeUInt8(level);
  head.writeUInt32LE(id, 1);
  head.writeUInt32LE(length, 5);
  return Buffer.concat([head, value, Buffer.alloc(2)]);
};
const [BEGINS, TITLE, DATA] = [0x00069002, 0x00018010, 0x0006800f];
const stream = (...parts: Buffer[]) => Buffer.concat([Buffer.from([0x78, 0x9f, 0x3e, 0x22, 1, 0]), ...parts]);
const names = (bytes: Buffer) => tnefFiles(bytes).map(({ name, bytes: file }) => `${name}:${file.toString()}`);

test('files come with the names of their own attachment', () => {
  const two = stream(
    attribute(DATA, Buffer.from('not an attachment'), undefined, 1),
    attribute(BEGINS, Buffer.alloc(14)),
    attribute(TITLE, Buffer.from('a.xml\0junk')),
    attribute(DATA, Buffer.from('one')),
    attribute(BEGINS, Buffer.alloc(14)),
    attribute(DATA, Buffer.from('two')),
    attribute(BEGINS, Buffer.alloc(14)),
    attribute(TITLE, Buffer.from('empty\0')),
  );
  expect(isTnef(two)).toBe(true);
  expect(names(two)).toEqual(['a.xml:one', 'null:two']);
});

test('what is cut off or says a wrong length ends where the stream does', () => {
  expect(names(stream(attribute(BEGINS, Buffer.alloc(14)), attribute(DATA, Buffer.from('one'), 0xffffffff)))).toEqual([
    'null:one\0\0',
  ]);
  const whole = stream(attribute(BEGINS, Buffer.alloc(14)), attribute(DATA, Buffer.from('one')));
  for (let length = 0; length < whole.length; length++)
    expect(tnefFiles(whole.subarray(0, length)).length).toBeLessThanOrEqual(1);
});

test('the number of files is bounded', () => {
  const many = Array.from({ length: 300 }, () => [attribute(BEGINS, Buffer.alloc(14)), attribute(DATA, Buffer.from('x'))]);
  expect(tnefFiles(stream(...many.flat()))).toHaveLength(100);
});
