import { describe, expect, test } from 'vitest';
import type { Stage } from '../../services/requests/rules.ts';
import { canStillDecide, count, refusalOf, type Vote } from '../../services/requests/votes.ts';

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
    ['nobody', 0, 1, [], 'waiting'],
    ['one of two', 0, 1, [yes('a')], 'waiting'],
    ['both', 0, 1, [yes('a'), yes('b')], 'next'],
    ['more than needed', 0, 1, [yes('a'), yes('b'), yes('c')], 'next'],
    ['one person twice', 0, 1, [yes('a'), yes('a')], 'waiting'],
    ['votes of the stage before', 1, 1, [yes('a'), yes('b')], 'waiting'],
    ['the last stage', 1, 1, [yes('a'), yes('b'), yes('s', 1)], 'approved'],
    ['one denial', 0, 1, [yes('a'), yes('b'), no('c')], 'denied'],
    ['one of two denials', 0, 2, [no('c'), yes('a'), yes('b')], 'next'],
    ['two denials in two stages', 1, 2, [no('c'), yes('a'), yes('b'), no('s', 1)], 'denied'],
  ] as const)('%s', (_, at, denials, votes, result) => {
    expect(count(STAGES, at, denials, votes).result).toBe(result);
  });
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
