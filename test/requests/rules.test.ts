import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { approvalsSchema, choose, consider, isOpen, isReachable, type Subject } from '../../services/requests/rules.ts';
import { GROUPS, planOf, rulesOf } from './sample.ts';

const UNUSED = () => ({ all: 0, domain: 0 });
const people = { stages: [{ group: 'mail' }] };
const routine = { decide: 'automatic', ceiling: { per_day: 3 } };
const subject = (part: Parameters<typeof planOf>[0] = {}, requester: Subject['requester'] = 'playbook'): Subject => ({
  plan: planOf(part),
  requester,
});
const FINDING = { key: 1, kind: 'new_source', severity: 'low', summary: 'x' };

describe('the most specific rule decides', () => {
  test.each([
    ['example.com', 'exact'],
    ['a.example.com', 'longer'],
    ['a.b.example.com', 'longest'],
    ['b.example.com', 'longer'],
    ['other.example', 'rest'],
    ['notexample.com', 'rest'],
  ])('%s: %s', (domain, name) => {
    const rules = rulesOf(
      { name: 'rest', ...people },
      { name: 'longer', when: { domains: ['*.example.com'] }, ...people },
      { name: 'longest', when: { domains: ['*.b.example.com'] }, ...people },
      { name: 'exact', when: { domains: ['example.com', '*.test'] }, ...people },
    );
    expect(choose(rules, subject({ domain }), UNUSED)?.name).toBe(name);
  });

  test('of two for the same domain, the one with more conditions; of equals, the first', () => {
    const rules = rulesOf(
      { name: 'first', ...people },
      { name: 'second', ...people },
      { name: 'kinds', when: { kinds: ['sender.approve'] }, ...people },
      { name: 'narrow', when: { kinds: ['sender.approve'], risk: 'low' }, ...people },
    );
    expect(consider(rules, subject(), UNUSED).map(({ rule }) => rule.name)).toEqual(['narrow', 'kinds', 'first', 'second']);
    expect(choose(rules, subject({ risk: 'medium' }), UNUSED)?.name).toBe('kinds');
    expect(choose(rules, subject({ kind: 'policy.step' }), UNUSED)?.name).toBe('first');
  });

  test.each([
    [{ kinds: ['policy.step'] }, 'it is for policy.step'],
    [{ domains: ['*.example.com'] }, 'it is for *.example.com'],
    [{ risk: 'low' }, 'the risk is high, above low'],
    [{ findings: ['volume_surge'] }, 'it is for findings of volume_surge'],
    [{ requester: 'person' }, 'it is for requests of a person'],
    [{ size: 1 }, '2 records change, more than 1'],
  ])('says why a rule does not decide: %j', (when, because) => {
    const changes = [...planOf().changes, ...planOf().changes];
    const given = subject({ risk: 'high', finding: FINDING, changes });
    expect(consider(rulesOf({ name: 'one', when, ...people }), given, UNUSED)).toMatchObject([{ matches: false, because }]);
  });
});

describe('a ceiling', () => {
  const rules = rulesOf(
    { name: 'routine', when: { risk: 'low' }, ...routine, ceiling: { per_day: 3, per_domain_day: 2 } },
    { name: 'rest', ...people },
  );
  test.each([
    [{ all: 0, domain: 0 }, 'routine'],
    [{ all: 2, domain: 1 }, 'routine'],
    [{ all: 3, domain: 0 }, 'rest'],
    [{ all: 2, domain: 2 }, 'rest'],
  ])('%j: %s decides', (used, name) => {
    expect(choose(rules, subject(), () => used)?.name).toBe(name);
  });
});

describe('settings that cannot work are refused', () => {
  test.each([
    [{ rules: [{ name: 'a', decide: 'automatic' }] }, /ceiling/],
    [{ rules: [{ name: 'a' }] }, /has no stages/],
    [{ rules: [{ name: 'a', ...routine, ...people }] }, /remove its stages/],
    [{ rules: [{ name: 'a', ...people, ceiling: { per_day: 1 } }] }, /decide by themselves/],
    [
      {
        rules: [
          { name: 'a', ...people },
          { name: 'a', ...people },
        ],
      },
      /two rules are named "a"/,
    ],
    [{ rules: [{ name: 'a', stages: [{ group: 'nobody' }] }] }, /"nobody", which is not in groups/],
    [{ rules: [{ name: 'a', stages: [{ group: 'mail', escalate: { after_hours: 1, to: 'nobody' } }] }] }, /"nobody"/],
    [{ rules: [{ name: 'a', stages: [{ group: 'mail', need: 4 }] }] }, /needs more people/],
    [{ rules: [{ name: 'a', stages: [{ group: 'security', need: 2 }, { group: 'security' }] }] }, /needs more people/],
    [{ rules: [{ name: 'a', stages: [{ group: 'mail', need: 0 }] }] }, /need/],
    [{ rules: [{ name: 'a', ...people, windows: [{ days: ['monday'], from: '20:00', to: '06:00' }] }] }, /ends before it begins/],
    [{ rules: [], emergency: { group: 'nobody', review: 'mail' } }, /emergency names the group/],
    // No setting approves by silence.
    [{ rules: [{ name: 'a', stages: [{ group: 'mail', on_timeout: 'approve' }] }] }, /on_timeout/],
  ])('%#', (given, message) => {
    const read = approvalsSchema.safeParse({ groups: GROUPS, ...given });
    expect(read.error?.issues.map((issue) => `${issue.path.join('.')} ${issue.message}`).join('\n')).toMatch(message);
  });

  test('people are known by their addresses in lower case', () => {
    expect(approvalsSchema.parse({ groups: { mail: ['Ada@Example.com'] } }).groups).toEqual({ mail: ['ada@example.com'] });
  });
});

describe('a quorum', () => {
  const groups = { mail: ['a', 'b', 'c'], both: ['a', 'x'], one: ['a'] } as Record<string, string[]>;
  const of = (name: string) => groups[name] ?? [];
  test.each([
    [[{ group: 'mail', need: 3 }], [], true],
    [[{ group: 'mail', need: 3 }], ['b'], false],
    // One person in two groups decides once.
    [
      [
        { group: 'one', need: 1 },
        { group: 'both', need: 1 },
      ],
      [],
      true,
    ],
    [
      [
        { group: 'one', need: 1 },
        { group: 'both', need: 1 },
      ],
      ['x'],
      false,
    ],
    [
      [
        { group: 'both', need: 2 },
        { group: 'one', need: 1 },
      ],
      [],
      false,
    ],
    [[{ group: 'nobody', need: 1 }], [], false],
    [[], [], true],
  ])('%#', (stages, without, reachable) => {
    expect(isReachable(stages, of, new Set(without))).toBe(reachable);
  });

  test('is found wherever trying every assignment finds it', () => {
    const all = ['a', 'b', 'c', 'd'];
    const stage = fc.record({ members: fc.subarray(all), need: fc.integer({ min: 1, max: 2 }) });
    fc.assert(
      fc.property(fc.array(stage, { maxLength: 3 }), (drawn) => {
        const stages = drawn.map(({ need }, i) => ({ group: String(i), need }));
        const places = stages.flatMap(({ group, need }) => Array<string>(need).fill(group));
        const tryAll = (at: number, used: Set<string>): boolean =>
          at === places.length ||
          drawn[Number(places[at])]!.members.some((one) => !used.has(one) && tryAll(at + 1, new Set([...used, one])));
        expect(isReachable(stages, (group) => drawn[Number(group)]!.members)).toBe(tryAll(0, new Set()));
      }),
    );
  });
});

test('windows are in UTC, their end not included', () => {
  const windows = [{ days: ['friday' as const], from: '08:00', to: '18:00' }];
  const at = (text: string) => isOpen(windows, new Date(text));
  expect(at('2026-11-27T08:00:00Z')).toBe(true);
  expect(at('2026-11-27T17:59:59Z')).toBe(true);
  expect(at('2026-11-27T18:00:00Z')).toBe(false);
  expect(at('2026-11-26T12:00:00Z')).toBe(false);
  expect(isOpen([], new Date())).toBe(true);
});
