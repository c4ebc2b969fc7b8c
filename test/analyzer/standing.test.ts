import { describe, expect, test } from 'vitest';
import {
  CONTRADICTED,
  countedOf,
  decidersOf,
  ESTABLISHED_AGE,
  ESTABLISHED_ARRIVALS,
  QUORUM,
  standingOf,
} from '../../services/analyzer/standing.ts';
import { addDays } from '../../services/shared/days.ts';

import { countedRows } from '../../services/store/analysis/counted.ts';
import type { ReporterFacts } from '../../services/store/analysis/reporters.ts';
import { readDocument } from '../docs/markdown.ts';
import { expectLives } from './sources/invented-sources.ts';

const NOW = '2026-06-01';
const WINDOW = 42;
const facts = (reporter: string, extra: Partial<ReporterFacts> = {}): ReporterFacts => ({
  reporter,
  last_day: '2026-05-31',
  proven: true,
  first_arrived: '2026-03-01',
  arrival_days: 60,
  agreed: 20,
  contradicted: 0,
  ...extra,
});
const google = facts('google.com', { first_arrived: NOW, arrival_days: 1, agreed: 0 });
const old = (n: number) => Array.from({ length: n }, (_, i) => facts(`old-${i}.example`));
const fresh = (n: number) => Array.from({ length: n }, (_, i) => facts(`new-${i}.example`, { first_arrived: addDays(NOW, -9) }));

describe('what a word is worth', () => {
  const cases: [string, ReporterFacts, string][] = [
    ['the catalogue has it', google, 'known'],
    [
      'a name of the catalogue that is proven from elsewhere has another key',
      facts('@google.com', { first_arrived: NOW }),
      'new',
    ],
    ['it was imported, and nothing of it was ever verified', facts('anybody', { proven: false, first_arrived: null }), 'known'],
    ['four weeks, ten days, agreement', facts('old.example'), 'established'],
    ['just four weeks', facts('old.example', { first_arrived: addDays(NOW, -ESTABLISHED_AGE) }), 'established'],
    ['a day less', facts('old.example', { first_arrived: addDays(NOW, 1 - ESTABLISHED_AGE) }), 'new'],
    ['just enough days', facts('old.example', { arrival_days: ESTABLISHED_ARRIVALS }), 'established'],
    ['too few days', facts('old.example', { arrival_days: ESTABLISHED_ARRIVALS - 1 }), 'new'],
    ['nothing to compare with', facts('old.example', { agreed: 0 }), 'established'],
    ['contradicts now and then', facts('old.example', { agreed: 18, contradicted: 2 }), 'established'],
    ['contradicts often', facts('old.example', { agreed: 17, contradicted: 3 }), 'new'],
    ['no arrival is noted', facts('old.example', { first_arrived: null, arrival_days: 0 }), 'new'],
  ];
  test.each(cases)('%s', (_, given, standing) => {
    expect(standingOf(given, NOW)).toBe(standing);
  });
});

describe('who decides', () => {
  const names = (some: readonly ReporterFacts[]) => some.map(({ reporter }) => reporter);
  test('one known reporter alone, whoever else is there', () => {
    const { by, reporters, others } = decidersOf([...old(9), google, ...fresh(9)], NOW, WINDOW);
    expect({ by, reporters }).toEqual({ by: 'known', reporters: ['google.com'] });
    expect(others).toHaveLength(18);
    expect(others[0]!.standing).toBe('established');
  });

  test('three established ones where nobody known is; fewer, or new ones, never', () => {
    expect(decidersOf([...old(3), ...fresh(9)], NOW, WINDOW)).toMatchObject({ by: 'quorum', reporters: names(old(3)) });
    expect(decidersOf([...old(2), ...fresh(9)], NOW, WINDOW)).toMatchObject({ by: 'nobody', reporters: [], today: null });
    expect(decidersOf([], NOW, WINDOW)).toMatchObject({ by: 'nobody', othersToday: null });
  });

  test('a known one that said nothing for a window covers the domain no more', () => {
    const silent = { ...google, last_day: addDays('2026-05-31', -WINDOW) };
    expect(decidersOf([...old(3), silent], NOW, WINDOW).by).toBe('quorum');
    expect(decidersOf([...old(3), { ...silent, last_day: addDays(silent.last_day, 1) }], NOW, WINDOW).by).toBe('known');
    expect(decidersOf([...old(2), silent], NOW, WINDOW), 'nobody else has a say').toMatchObject({ by: 'known' });
  });

  test('the day is theirs: one of three does not move it, nor does anybody without a say', () => {
    const ahead = { ...old(1)[0]!, last_day: '2026-06-02' };
    expect(decidersOf([ahead, ...old(3).slice(1)], NOW, WINDOW).today).toBe('2026-05-31');
    expect(decidersOf([google, { ...fresh(1)[0]!, last_day: '2026-06-02' }], NOW, WINDOW)).toMatchObject({
      today: '2026-05-31',
      othersToday: '2026-06-02',
    });
  });

  test('the order of reporters does not matter', () => {
    const all = [...old(4), ...fresh(3)];
    const { reporters, ...rest } = decidersOf(all, NOW, WINDOW);
    const turned = decidersOf([...all].reverse(), NOW, WINDOW);
    expect([...turned.reporters].sort()).toEqual(reporters.sort());
    expect({ today: turned.today, others: turned.others }).toEqual({ today: rest.today, others: rest.others });
  });

  test('the others are listed by what their word is worth, then by name, and 200 of them at most', () => {
    const silent = { ...google, last_day: addDays('2026-05-31', -WINDOW) };
    const { others, all } = decidersOf([...fresh(2).reverse(), ...old(3), silent], NOW, WINDOW);
    expect(others.map(({ reporter, standing }) => `${reporter} ${standing}`)).toEqual([
      'google.com known',
      'new-0.example new',
      'new-1.example new',
    ]);
    expect(all.filter(({ decides }) => decides).map(({ reporter }) => reporter)).toEqual(names(old(3)));
    expect(decidersOf([google, ...fresh(200)], NOW, WINDOW).others).toHaveLength(200);
    const many = [google, ...fresh(200), { ...facts('old.example'), last_day: '2026-06-02' }];
    expect(decidersOf(many, NOW, WINDOW)).toMatchObject({
      others: { length: 200, 0: { reporter: 'old.example', standing: 'established' } },
      othersToday: '2026-06-02',
      all: { length: 202 },
    });
  });

  test('each by itself, or all together', () => {
    expect(countedOf(decidersOf([google], NOW, WINDOW), NOW, NOW).votes).toBe(1);
    expect(countedOf(decidersOf(old(3), NOW, WINDOW), NOW, NOW).votes).toBe(QUORUM);
    expect(countedRows({ reporters: [], votes: 1, from: NOW, to: NOW }, 4).params).toEqual([[]]);
  });
});

test('docs/detection.md gives the figures that hold', () => {
  const text = readDocument('detection.md').replaceAll('\n', ' ');
  expect(text).toContain(`first verified report arrived ${ESTABLISHED_AGE} days ago or earlier`);
  expect(text).toContain(`was heard on ${ESTABLISHED_ARRIVALS} days at least`);
  expect(text).toContain(`no more than ${100 * CONTRADICTED} % of the sources`);
  expect(QUORUM, 'nobody known, three established ones or more').toBe(3);
});

test('whose word decides of invented reporters is as it was', () => expectLives('standing'));
