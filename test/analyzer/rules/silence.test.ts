import { expect, test } from 'vitest';
import { DOMAIN_DAYS, silentSince } from '../../../services/analyzer/rules/silence.ts';
import { ago } from '../rows.ts';

const report = (n: number, ...reporters: string[]) => ({ day: ago(n), messages: 10, reporters });
const seen = { last_day: ago(8), reporters: ['a.example'] };

test('it is silent when those that saw it reported on enough later days', () => {
  const days = [7, 6, 5].map((n) => report(n, 'a.example', 'b.example'));
  expect(silentSince(seen, days, 3)).toBe(true);
  expect(silentSince(seen, days, 4)).toBe(false);
  // Days up to the last one it was seen on do not count.
  expect(silentSince(seen, [...days.slice(1), report(8, 'a.example')], 3)).toBe(false);
});

test('a reporter that fell silent proves nothing, unless all others go on for long', () => {
  const others = Array.from({ length: DOMAIN_DAYS }, (_, n) => report(n - 7, 'b.example'));
  expect(silentSince(seen, others.slice(1), 3)).toBe(false);
  expect(silentSince(seen, others, 3)).toBe(true);
});
