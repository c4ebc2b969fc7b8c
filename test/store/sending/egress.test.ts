import { expect, test } from 'vitest';
import { isWithoutGap } from '../../../services/store/sending/egress.ts';

/** A week, then the three days that are judged: hours in which something was logged. */
const hours = (logs: (hour: number, day: number) => boolean): boolean[] =>
  Array.from({ length: 240 }, (_, n) => logs(n % 24, Math.floor(n / 24)));
const outage = (from: number, to: number) => (hour: number, day: number) => !(day === 8 && hour >= from && hour < to);

test.each<[string, boolean[], boolean]>([
  ['a busy server', hours(() => true), true],
  ['two silent hours', hours(outage(3, 5)), true],
  ['three silent hours', hours(outage(3, 6)), false],
  ['a server that rests at night', hours((hour) => hour >= 6), true],
  [
    'one that rests at night, and an outage as long as its nights',
    hours((hour, day) => hour >= 6 && outage(9, 15)(hour, day)),
    true,
  ],
  [
    'one that rests at night, and an outage of the rest of the day',
    hours((hour, day) => hour >= 6 && outage(14, 24)(hour, day)),
    false,
  ],
  ['one that rests for ten hours, which is too long to be sure', hours((hour) => hour >= 10), false],
  ['a source that is new', hours((_, day) => day >= 7), false],
  ['a source that began within the week', hours((_, day) => day >= 5), true],
  ['one that ceased', hours((_, day) => day < 9), false],
  ['nothing', [], false],
  ['a gap as long as the longest before', hours((hour, day) => (day === 8 ? hour >= 5 : day !== 3 || hour >= 5)), true],
  ['a gap that is one hour longer', hours((hour, day) => (day === 8 ? hour >= 6 : day !== 3 || hour >= 5)), false],
  ['eight silent hours where more is usual', hours((hour, day) => (day === 8 ? hour >= 8 : day !== 3 || hour >= 12)), true],
  ['nine silent hours where more is usual', hours((hour, day) => (day === 8 ? hour >= 9 : day !== 3 || hour >= 12)), false],
  ['a gap that the judged days begin with', hours((hour, day) => day !== 7 || hour >= 2), true],
  ['one that they begin with and is too long', hours((hour, day) => day !== 7 || hour >= 3), false],
  [
    'one that they begin with, after another before them',
    hours((hour, day) => !((day === 6 && hour >= 22) || (day === 7 && hour < 2))),
    true,
  ],
  ['silence before the first message is no habit', hours((hour, day) => day > 3 && !(day === 8 && hour < 3)), false],
  ['two gaps with one message between', hours((hour, day) => day !== 8 || hour === 2 || hour > 4), true],
])('%s', (_, given, complete) => expect(isWithoutGap(given)).toBe(complete));
