import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Frames } from '../../../services/milter/wire/frames.ts';
import {
  accept,
  deleteHeader,
  insertHeader,
  negotiated,
  proceed,
  progress,
  quarantine,
  refuse,
  tempfail,
} from '../../../services/milter/wire/replies.ts';

const sent = (bytes: Buffer) => new Frames().push(bytes).map(({ command, data }) => `${command}${data.toString('latin1')}`);

describe('replies of the filter', () => {
  test('are packets of the protocol', () => {
    expect(negotiated(6, 0x31, 0x1fffff).toString('hex')).toBe('0000000d4f0000000600000031001fffff');
    expect([proceed(), accept(), tempfail(), progress()].flatMap(sent)).toEqual(['c', 'a', 't', 'p']);
    expect(sent(insertHeader(0, 'X-A', ' b'))).toEqual(['i\0\0\0\0X-A\0 b\0']);
    expect(sent(deleteHeader(3, 'X-A'))).toEqual(['m\0\0\0\x03X-A\0\0']);
    expect(sent(quarantine('held by a rule'))).toEqual(['qheld by a rule\0']);
    expect(sent(refuse('550 5.7.1 100% refused'))).toEqual(['y550 5.7.1 100%% refused\0']);
    // No server logs or sends more of a line.
    expect(sent(refuse('x'.repeat(501)))).toEqual([`y${'x'.repeat(500)}\0`]);
    expect(sent(quarantine('x'.repeat(201)))).toEqual([`q${'x'.repeat(200)}\0`]);
  });

  test('hold no line end, NUL or letter that the mail chose', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 600 }), (text) => {
        for (const bytes of [refuse(`550 5.7.1 ${text}`), quarantine(text)]) {
          const [one] = sent(bytes);
          expect(one!.slice(1, -1)).toMatch(/^[ -~]*$/);
          expect(one!.at(-1)).toBe('\0');
        }
        expect(sent(insertHeader(1, 'X-A', text))[0]!.split('\0').length).toBe(
          sent(insertHeader(1, 'X-A', 'b'))[0]!.split('\0').length,
        );
      }),
    );
  });
});
