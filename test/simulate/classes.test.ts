import { expect, test } from 'vitest';
import { type Confusion, merged } from '../../simulate/classes.ts';

const one: Confusion = {
  messages: { authorized: { authorized: 90, forwarded: 10 }, unauthorized: { unknown: 5 } },
  sources: { authorized: { authorized: 3, forwarded: 1 } },
  senders: { unauthorized: { unauthorized: 1, unknown: 1 } },
  senders_right: null,
  messages_right: null,
  by_domain: [0.5, 1],
  domains_right: null,
  sources_right: null,
  small: 5,
  small_right: 4,
};

test('matrices of several seeds add up, and what is right is told of their sum', () => {
  const both = merged([one, { ...one, messages: { authorized: { authorized: 105 } }, by_domain: [0], small: 1, small_right: 1 }]);
  expect(both.messages).toEqual({ authorized: { authorized: 195, forwarded: 10 }, unauthorized: { unknown: 5 } });
  expect(both.messages_right).toBeCloseTo(195 / 210);
  expect(both.domains_right).toBe(0.5);
  expect(both.sources_right).toBe(0.75);
  expect(both.senders_right).toBe(0.5);
  expect([both.small, both.small_right]).toEqual([6, 5]);
});

test('of nothing, nothing is right', () => {
  expect(merged([])).toMatchObject({ messages_right: null, sources_right: null, domains_right: null });
});
