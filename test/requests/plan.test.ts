import { expect, test } from 'vitest';
import { readPlan, seal, sizeOf } from '../../services/requests/plan.ts';
import { planOf } from './sample.ts';

const txt = (text: string) => ({ text, wire: Buffer.from([text.length, ...Buffer.from(text)]).toString('hex') });
const record = (before: string[], after: string[]) => ({
  target: 'dns' as const,
  name: '_dmarc.example.com',
  type: 'TXT' as const,
  ttl: { before: before.length === 0 ? null : 300, after: after.length === 0 ? null : 300 },
  before: before.map(txt),
  after: after.map(txt),
});

test('a sealed plan is read back as it was, and the order of its keys changes nothing', () => {
  const plan = planOf();
  const turned = Object.fromEntries(Object.entries(plan).reverse()) as typeof plan;
  expect(seal(turned)).toEqual(seal(plan));
  expect(readPlan(seal(plan))).toEqual(plan);
});

test('a plan whose text was changed after it was sealed is refused', () => {
  const { text, digest } = seal(planOf());
  expect(() => readPlan({ text: text.replace('mailer.example', 'attacker.example'), digest })).toThrow(
    /changed after it was made/,
  );
});

test('a plan of another shape is refused, with a field that nobody would see', () => {
  expect(() => seal({ ...planOf(), also: 'p=none' } as never)).toThrow();
  expect(() => seal(planOf({ domain: 'Example.COM' }))).toThrow();
});

test.each([
  [[record(['a'], ['b'])], 2],
  [[record([], ['b'])], 1],
  [[record(['a', 'b'], ['b', 'c', 'd'])], 3],
  // A change of the TTL alone.
  [[record(['a'], ['a'])], 1],
  [planOf().changes, 1],
  [[], 0],
])('counts the records that change: %#', (changes, size) => {
  expect(sizeOf({ changes })).toBe(size);
});
