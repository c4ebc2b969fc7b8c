import { expect, test } from 'vitest';
import { guardCompoundFile, isCompoundFile } from '../../../services/report/mail/compound.ts';
import { type Message, msgOf } from '../msgs.ts';

const nested = (n: number): Message => (n === 0 ? { subject: 'deep' } : { subject: 'x', attachments: [nested(n - 1)] });
const whole = msgOf({ subject: 'x', attachments: [{ name: 'large', data: new Uint8Array(9_000).fill(7) }, nested(1)] });
const offset = (bytes: Buffer, sector: number) => (sector + 1) * (bytes[30] === 12 ? 4096 : 512);
const damage = (change: (bytes: Buffer) => void) => {
  const bytes = Buffer.from(whole);
  change(bytes);
  return () => guardCompoundFile(bytes, 20);
};

/** Where the entries of the first sector of the directory are. */
const entries = (bytes: Buffer) => [0, 1, 2, 3].map((i) => offset(bytes, bytes.readInt32LE(0x30)) + 128 * i);
const firstStream = (bytes: Buffer) => entries(bytes).find((at) => bytes[at + 0x42] === 2) as number;

test('a whole file passes, as deep as it is', () => {
  expect(isCompoundFile(whole)).toBe(true);
  expect(() => guardCompoundFile(whole, 20)).not.toThrow();
  const deep = msgOf(nested(4));
  expect(() => guardCompoundFile(deep, 20)).not.toThrow();
  expect(() => guardCompoundFile(deep, 4)).toThrow(expect.objectContaining({ code: 'mime_too_deep' }));
});

test('a stream that is longer than the file, or of a negative length, is damage', () => {
  for (const size of [whole.length + 1, -1])
    expect(
      damage((bytes) => bytes.writeInt32LE(size, firstStream(bytes) + 0x78)),
      `${size}`,
    ).toThrow(expect.objectContaining({ code: 'msg_damaged' }));
});

test('a circle among the small sectors is damage', () => {
  const circle = damage((bytes) => {
    const table = offset(bytes, bytes.readInt32LE(0x3c));
    for (let i = 0; i < 16; i++) bytes.writeInt32LE(i, table + 4 * i);
  });
  expect(circle).toThrow(expect.objectContaining({ code: 'msg_damaged' }));
});

test('an entry of the directory that is not there, or that is reached twice, is damage', () => {
  const lost = damage((bytes) => bytes.writeInt32LE(9_999, (entries(bytes)[0] as number) + 0x4c));
  expect(lost).toThrow(expect.objectContaining({ code: 'msg_damaged' }));
  const twice = damage((bytes) => {
    const root = entries(bytes)[0] as number;
    bytes.writeInt32LE(1, root + 0x4c);
    bytes.writeInt32LE(1, (entries(bytes)[1] as number) + 0x48);
  });
  expect(twice).toThrow(expect.objectContaining({ code: 'msg_damaged' }));
});
