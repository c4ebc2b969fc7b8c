import { expect, test } from 'vitest';
import { authorOf } from '../../../services/report/mail/author.ts';

const from = (value: string) => authorOf([{ name: 'from', value } as Parameters<typeof authorOf>[0][number]]);

test.each([
  ['a@reporter.example', 'a@reporter.example'],
  ['"Reports, daily" <a@reporter.example>', 'a@reporter.example'],
  ['"a \\" quote" "and \\\\" <A@Reporter.example>', 'a@reporter.example'],
  ['"a b"@reporter.example', '@reporter.example'],
  ['"never closed <a@reporter.example>', null],
  ['"closed" "never closed <a@reporter.example>', null],
  ['a@reporter.example "never closed', null],
  ['"never closed \\', null],
  ['"', null],
  ['\\"a" <a@reporter.example>', null],
])('the author of %s', (value, address) => {
  expect(from(value).address).toBe(address);
});

test('a quote that never ends is read once, however many could begin within it', () => {
  // Each tried as a beginning would take hours: the time-out of the test is the proof.
  expect(from(`"${'\\"'.repeat(500_000)}`).domain).toBeNull();
  expect(from(`${'"" '.repeat(150_000)}"${'\\\\'.repeat(500_000)}`).domain).toBeNull();
});
