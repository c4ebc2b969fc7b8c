import { describe, expect, test } from 'vitest';
import type { Stage } from '../../services/requests/rules.ts';
import { canStillDecide, count, freeSeats, refusalOf, type Vote } from '../../services/requests/votes.ts';

const stage = (group: string, need: number): Stage => ({
  group,
  need,
  ask: null,
  within_hours: 1,
  remind_hours: null,
  escalate: null,
});
const STAGES = [stage('mail', 2), stage('security', 1)];
const yes = (person: string, at = 0): Vote => ({ person, stage: at, decision: 'approve' });
const no = (person: string, at = 0): Vote => ({ person, stage: at, decision: 'deny' });

describe('what votes decide', () => {
  test.each([
    ['nobody', 0, 1, [], 'waiting', 0, 2],
    ['one of two', 0, 1, [yes('a')], 'waiting', 1, 2],
    ['both', 0, 1, [yes('a'), yes('b')], 'next', 2, 2],
    ['more than needed', 0, 1, [yes('a'), yes('b'), yes('c')], 'next', 3, 2],
    ['one person twice', 0, 1, [yes('a'), yes('a')], 'waiting', 1, 2],
    ['votes of the stage before', 1, 1, [yes('a'), yes('b')], 'waiting', 0, 1],
    ['the last stage', 1, 1, [yes('a'), yes('b'), yes('s', 1)], 'approved', 1, 1],
    ['one denial', 0, 1, [yes('a'), yes('b'), no('c')], 'denied', 2, 2],
    ['one of two denials', 0, 2, [no('c'), yes('a'), yes('b')], 'next', 2, 2],
    ['one person who denies twice', 0, 2, [no('c'), no('c')], 'waiting', 0, 2],
    ['two denials in two stages', 1, 2, [no('c'), yes('a'), yes('b'), no('s', 1)], 'denied', 0, 1],
  ] as const)('%s', (_, at, denials, votes, result, approvals, need) => {
    expect(count(STAGES, at, denials, votes)).toEqual({ result, approvals, need });
  });

  test('without stages nobody is needed', () => {
    expect(count([], 0, 1, [])).toEqual({ result: 'approved', approvals: 0, need: 0 });
  });
});

test('a place is free until whoever has it, or a deputy, has decided; that of whoever asks is empty', () => {
  const seats = ['a', 'b', 'c', 'd'].map((person) => ({ person, of: person }));
  const deputies = [
    { person: 'x', of: 'b' },
    { person: 'c', of: 'd' },
  ];
  const free = (votes: { person: string; in_place_of?: string | null }[], askers: string[] = []) =>
    freeSeats([...seats, ...deputies], { askers, votes }).map(({ person, of }) => `${person} of ${of}`);
  expect(free([])).toEqual(['a of a', 'b of b', 'c of c', 'd of d', 'x of b', 'c of d']);
  expect(free([], ['a', 'x'])).toEqual(['b of b', 'c of c', 'd of d', 'c of d']);
  expect(free([{ person: 'b' }])).toEqual(['a of a', 'c of c', 'd of d', 'c of d']);
  expect(free([{ person: 'x', in_place_of: 'b' }])).toEqual(['a of a', 'c of c', 'd of d', 'c of d']);
  expect(free([{ person: 'c', in_place_of: null }])).toEqual(['a of a', 'b of b', 'd of d', 'x of b']);
  expect(free([{ person: 'c', in_place_of: 'd' }])).toEqual(['a of a', 'b of b', 'x of b']);
});

test('who may not decide, and why', () => {
  const given = { requester: 'r', asked: ['a', 'r', 'b'], votes: [yes('b')] };
  expect(refusalOf(given, 'a')).toBeNull();
  expect(refusalOf(given, 'r')).toBe('requester');
  expect(refusalOf(given, 'b')).toBe('voted');
  expect(refusalOf(given, 'x')).toBe('not_in_group');
  expect(refusalOf({ ...given, requester: null }, 'r')).toBeNull();
});

test.each([
  ['all are there', ['a', 'b', 'c'], ['s'], 0, [], true],
  ['one has voted, one is left', ['a', 'b'], ['s'], 0, [yes('a')], true],
  ['the other has left the group', ['a'], ['s'], 0, [yes('a')], false],
  ['whoever has voted cannot decide in the next stage', ['a', 'b'], ['a'], 1, [yes('a'), yes('b')], false],
  ['the requester does not count', ['a', 'r'], ['s'], 0, [], false],
  ['a denial is a vote', ['a', 'b', 'c'], ['s'], 0, [no('a')], true],
  ['a denial is no approval', ['a', 'b'], ['s'], 0, [no('a')], false],
  ['approvals of the stage before are none of this one', ['a', 'b'], ['a', 's'], 1, [yes('b')], true],
] as const)('whether a request can still be decided: %s', (_, mail, security, at, votes, can) => {
  const of = (group: string) => (group === 'mail' ? mail : security);
  expect(canStillDecide({ stages: STAGES, stage: at, requester: 'r', votes }, of)).toBe(can);
});

test('a place in which a deputy has decided is taken, and without a requester nobody is left out', () => {
  const of = (group: string) => (group === 'mail' ? ['a', 'b', 'r'] : ['s']);
  const can = (votes: Vote[], requester: string | null = null) =>
    canStillDecide({ stages: STAGES, stage: 0, requester, votes }, of);
  expect([can([]), can([no('a')]), can([no('a')], 'r')]).toEqual([true, true, false]);
  expect([can([{ ...no('x'), in_place_of: 'a' }], 'b'), can([{ ...yes('x'), in_place_of: 'a' }], 'b')]).toEqual([false, true]);
  // Enough have approved, and the stage waits all the same: one more has to decide.
  expect([can([yes('a'), yes('b'), yes('c')]), can([yes('a'), yes('b'), yes('r')])]).toEqual([true, false]);
});
