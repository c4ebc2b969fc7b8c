import { expect, test } from 'vitest';
import { isBroken } from '../../services/applier/watch.ts';
import type { Broken } from '../../services/store/requests/broken.ts';

/** What passes falls to nothing, but where a test says otherwise. */
const of = (messages: number, lost: number, reporters = 2, [messages_before, lost_before] = [0, 0], more: Partial<Broken> = {}) =>
  isBroken({ messages, lost, reporters, messages_before, lost_before, failed_before: 0, passed: 0, passed_usual: 1000, ...more });

test.each([
  ['20 lost by the word of two reporters', of(20, 20), true],
  ['19 lost', of(19, 19), false],
  ['one reporter', of(20, 20, 1), false],
  ['three reporters', of(20, 20, 3), true],
  ['two in a hundred', of(1000, 20), true],
  ['less than two in a hundred', of(1001, 20), false],
  ['four times what was usual', of(1000, 40, 2, [1000, 10]), true],
  ['less than four times what was usual', of(1000, 39, 2, [1000, 10]), false],
  ['four times what was usual, of less mail', of(1000, 40, 2, [100, 1]), true],
  ['nothing was lost before', of(1000, 20, 2, [1000, 0]), true],
  ['all was lost before', of(1000, 1000, 2, [1000, 1000]), false],
  ['no mail before', of(1000, 20, 2, [0, 0]), true],
  // Somebody else sends as the domain through a service of ours: what passed before passes still.
  ['mail that is new and fails', of(1500, 500, 3, [2000, 0], { passed: 1000 }), false],
  ['a fifth of what passed fails now', of(1000, 200, 3, [2000, 0], { passed: 800 }), false],
  ['more than a fifth of what passed fails now', of(1000, 201, 3, [2000, 0], { passed: 799 }), true],
  // Mail has bad days, and whoever sends beside it has many addresses.
  ['what passes dips, and far more is lost', of(5900, 5000, 3, [2000, 0], { passed: 700 }), false],
  ['all that passed fails now, and more than that', of(5000, 5000, 3, [2000, 0], { passed: 100 }), true],
  ['a small sender has a day without mail', of(500, 500, 3, [2000, 0], { passed: 0, passed_usual: 9 }), false],
  ['what failed before is not delivered now', of(1000, 50, 3, [2000, 0], { passed: 1000, failed_before: 50 }), true],
  ['less than half of it failed before', of(1000, 50, 3, [2000, 0], { passed: 1000, failed_before: 49 }), false],
])('%s: broken is %s', (_, broken, expected) => {
  expect(broken).toBe(expected);
});
