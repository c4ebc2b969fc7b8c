import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Frames, type Packet } from '../../../services/milter/wire/frames.ts';
import { ProtocolError } from '../../../services/milter/wire/protocol.ts';
import { packet } from './packets.ts';

const shown = (packets: readonly Packet[]) => packets.map(({ command, data }) => [command, data.toString('hex')]);

describe('the frames', () => {
  test('do not depend on how the stream is cut', () => {
    const one = fc.tuple(fc.constantFrom(...'ABCDEHKLMNOQRTUz'), fc.uint8Array({ maxLength: 40 }));
    fc.assert(
      fc.property(fc.array(one, { maxLength: 12 }), fc.array(fc.nat({ max: 9 })), (packets, cuts) => {
        const stream = Buffer.concat(packets.map(([command, data]) => packet(command, Buffer.from(data))));
        const frames = new Frames();
        const found: Packet[] = [];
        let at = 0;
        for (const cut of cuts) {
          found.push(...frames.push(stream.subarray(at, at + cut)));
          at += cut;
        }
        found.push(...frames.push(stream.subarray(at)));
        expect(shown(found)).toEqual(packets.map(([command, data]) => [command, Buffer.from(data).toString('hex')]));
        expect(frames.waiting).toBe(0);
      }),
    );
  });

  test('come one octet at a time', () => {
    const stream = Buffer.concat([packet('H', 'mail.example\0'), packet('A'), packet('B', Buffer.alloc(70_000, 1))]);
    const frames = new Frames();
    const found: Packet[] = [];
    for (let i = 0; i < stream.length; i++) found.push(...frames.push(stream.subarray(i, i + 1)));
    expect(found.map(({ command, data }) => [command, data.length])).toEqual([
      ['H', 13],
      ['A', 0],
      ['B', 70_000],
    ]);
  });

  test.each([0xffffffff, 0x80000000, 512 * 1024 + 1])(
    'of a length of %i end the stream before anything of it is kept',
    (length) => {
      const head = Buffer.alloc(4);
      head.writeUInt32BE(length);
      const frames = new Frames();
      expect(() => frames.push(head)).toThrow(ProtocolError);
      expect(frames.waiting).toBe(4);
    },
  );

  test('of the longest length are read', () => {
    expect(new Frames().push(packet('B', Buffer.alloc(512 * 1024 - 1)))[0]!.data).toHaveLength(512 * 1024 - 1);
  });

  test('without a command end the stream, also behind a good one', () => {
    expect(() => new Frames().push(Buffer.alloc(4))).toThrow('no command');
    expect(() => new Frames().push(Buffer.concat([packet('A'), Buffer.alloc(4)]))).toThrow(ProtocolError);
  });
});
