import fc from 'fast-check';
import { expect, test } from 'vitest';
import { volumeSurge } from '../../../services/analyzer/rules/volume_surge.ts';
import type { SenderKind } from '../../../services/analyzer/senders/catalogue.ts';
import { mayRise } from '../../../services/analyzer/senders/rising.ts';
import { addDays } from '../../../services/shared/days.ts';
import { ago, REPORTERS, row, senderWindow, span, TODAY } from '../rows.ts';
import { expectLives } from './invented-senders.ts';

const NOTHING_ELSE = new Map<string, number>();

const daysOf = (rows: readonly { day: string; messages: number }[]) =>
  rows.reduce((days, { day, messages }) => days.set(day, (days.get(day) ?? 0) + messages), new Map<string, number>());

test('whatever the surge, its sender is one whose earlier seasons are read', () => {
  let found = 0;
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 300 }), { minLength: 42, maxLength: 42 }),
      fc.array(fc.record({ age: fc.nat(13), times: fc.integer({ min: 1, max: 40 }), days: fc.integer({ min: 1, max: 7 }) }), {
        maxLength: 3,
      }),
      fc.constantFrom<SenderKind | null>(null, 'mailbox_provider', 'bulk'),
      (usual, rises, kind) => {
        const messages = usual.map((n, age) =>
          rises.reduce(
            (sum, rise) => (age <= rise.age && age > rise.age - rise.days ? sum * rise.times : sum),
            1 + Math.round(n / 10),
          ),
        );
        const rows = messages.flatMap((n, age) => REPORTERS.map((reporter) => row(ago(age), 'both', n, { reporter })));
        const sender = kind === null ? null : { id: 'service', name: 'Service', kind };
        const surges = volumeSurge.find(senderWindow(rows, { sender } as never));
        found += surges.length;
        return surges.length === 0 || mayRise(rows, daysOf(rows), TODAY);
      },
    ),
    { numRuns: 60, seed: 12 },
  );
  expect(found).toBeGreaterThan(8);
});

test.each([
  ['as ever', span(41, 0, 'both', 50, REPORTERS), false],
  ['a little more', [...span(41, 1, 'both', 50, REPORTERS), ...span(0, 0, 'both', 70, REPORTERS)], false],
  ['more than half as much again', [...span(41, 1, 'both', 50, REPORTERS), ...span(0, 0, 'both', 80, REPORTERS)], true],
  ['for the first time', span(3, 0, 'both', 50, REPORTERS), true],
  ['more, a fortnight ago', [...span(41, 20, 'both', 50, REPORTERS), ...span(19, 14, 'both', 500, REPORTERS)], false],
])('a sender that sends %s', (_, rows, rises) => {
  expect(mayRise(rows, NOTHING_ELSE, TODAY)).toBe(rises);
  // Nor does it matter on which day of the week it is asked.
  expect(
    mayRise(
      rows.map((one) => ({ ...one, day: addDays(one.day, -7) })),
      NOTHING_ELSE,
      addDays(TODAY, -7),
    ),
  ).toBe(rises);
});

test('the messages of a sender are few, or a small part of what the domain sends', () => {
  const rises = [...span(41, 1, 'both', 5, REPORTERS), ...span(0, 0, 'both', 60, REPORTERS)];
  const all = (messages: number) => new Map([[TODAY, messages]]);
  expect(mayRise(rises, all(1_800), TODAY)).toBe(true);
  expect(mayRise(rises, all(1_801), TODAY)).toBe(false);
  expect(mayRise(span(0, 0, 'both', 16, REPORTERS), all(48), TODAY)).toBe(false);
});

test('which invented senders may have risen is as it was', () => expectLives('rising'));
