import { describe, expect, test } from 'vitest';
import { type Past, simulate } from '../../services/requests/simulate.ts';
import { GROUPS, planOf, rulesOf } from './sample.ts';

const at = (hour: number) => new Date(Date.UTC(2026, 10, 27, hour));
let key = 0;
const past = (part: Partial<Past> = {}): Past => ({
  request_key: ++key,
  plan: planOf(),
  requester: 'new-sender',
  requester_kind: 'playbook',
  created_at: at(8),
  state: 'done',
  by: 'people',
  decision: 'approved',
  rule: 'rest',
  ...part,
});
const AUTOMATIC = {
  name: 'routine',
  when: { kinds: ['sender.approve'], risk: 'low' },
  decide: 'automatic',
  ceiling: { per_day: 2 },
};
const REST = { name: 'rest', stages: [{ group: 'mail' }] };
const run = (rules: object[], history: Past[], groups: Record<string, string[]> = GROUPS) =>
  simulate({ rules: rulesOf(...rules), groups }, history);

describe('what rules would have decided', () => {
  const NOBODY = { by: 'nobody', decision: null } as const;
  const HIGH = { plan: planOf({ risk: 'high' }) };
  test.each<[string, Partial<Past>, string, string | null, string?]>([
    ['what people approved is saved', {}, 'approve', 'saved'],
    ['what people denied', { state: 'denied', decision: 'denied' }, 'approve', 'denied_by_people'],
    ['what was taken back', { state: 'returned' }, 'approve', 'undone'],
    ['what failed', { state: 'failed' }, 'approve', 'undone'],
    ['what was approved alone, and failed', { state: 'failed', by: 'emergency' }, 'approve', 'undone'],
    ['what was approved alone', { by: 'emergency' }, 'approve', 'saved'],
    ['what nobody decided', { state: 'expired', ...NOBODY }, 'approve', 'not_decided'],
    ['what was withdrawn', { state: 'withdrawn', ...NOBODY }, 'approve', 'not_decided'],
    ['what is pending', { state: 'pending', ...NOBODY }, 'approve', 'saved'],
    ['what people approved and was withdrawn', { state: 'withdrawn' }, 'approve', 'saved'],
    ['what a rule decided then', { by: 'rule' }, 'approve', null],
    ['what a rule decided then, and failed', { by: 'rule', state: 'failed' }, 'approve', null],
    ['what is above its risk', HIGH, 'ask', null, 'rest'],
    ['what is above its risk, and nobody decided', { ...HIGH, ...NOBODY }, 'ask', null, 'rest'],
    ['what a rule decided, above its risk', { by: 'rule', ...HIGH }, 'ask', 'asked_now', 'rest'],
  ])('%s', (_, part, would, differs, rule = 'routine') => {
    const one = past(part);
    expect(run([AUTOMATIC, REST], [one])).toEqual([{ request_key: one.request_key, rule, would, differs }]);
  });

  test('a ceiling counts what the rules would have decided on the day, in the order of asking', () => {
    const history = [
      past({ created_at: at(23) }),
      past({ created_at: at(1) }),
      past({ created_at: at(2) }),
      past({ created_at: at(25) }),
    ];
    expect(run([AUTOMATIC, REST], history).map(({ rule }) => rule)).toEqual(['routine', 'routine', 'rest', 'routine']);
    const perDomain = { ...AUTOMATIC, ceiling: { per_day: 9, per_domain_day: 1 } };
    const other = { plan: planOf({ domain: 'other.example' }) };
    expect(run([perDomain, REST], [past(), past(), past(other)]).map(({ rule }) => rule)).toEqual(['routine', 'rest', 'routine']);
  });

  test('groups without the person who asked are too few, and a case that no rule is for is said', () => {
    const mine = past({ requester: 'ada@example.com', requester_kind: 'person' });
    expect(run([REST], [mine], { mail: ['ada@example.com'] })).toEqual([
      expect.objectContaining({ would: 'unreachable', differs: 'unreachable' }),
    ]);
    expect(run([{ ...REST, when: { kinds: ['review'] } }], [mine])).toEqual([
      expect.objectContaining({ rule: null, would: 'no_rule', differs: 'no_rule' }),
    ]);
    expect(run([REST], [])).toEqual([]);
    // A group that is gone has nobody, whatever its name.
    const history = [past({ requester: 'zoe@example.com', requester_kind: 'person' })];
    for (const name of ['mail', 'constructor']) {
      const rules = rulesOf(REST).map((rule) => ({ ...rule, stages: [{ ...rule.stages[0]!, group: name }] }));
      expect(simulate({ rules, groups: {} }, history)).toMatchObject([{ rule: 'rest', would: 'unreachable' }]);
    }
  });

  test('of two that were opened in one moment the first by its number is the first', () => {
    const [one, two] = [past(), past()];
    const first = { ...AUTOMATIC, ceiling: { per_day: 1 } };
    const of = (...history: Past[]) => run([first, REST], history).map(({ request_key, rule }) => [request_key, rule]);
    const order = [
      [one.request_key, 'routine'],
      [two.request_key, 'rest'],
    ];
    expect([of(one, two), of(two, one)]).toEqual([order, order]);
  });
});
