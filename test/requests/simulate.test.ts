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
  test.each<[string, Partial<Past>, object]>([
    ['what people approved is saved', {}, { would: 'approve', differs: 'saved' }],
    ['what people denied', { state: 'denied', decision: 'denied' }, { would: 'approve', differs: 'denied_by_people' }],
    ['what was taken back', { state: 'returned' }, { would: 'approve', differs: 'undone' }],
    ['what nobody decided', { state: 'expired', by: 'nobody', decision: null }, { would: 'approve', differs: 'not_decided' }],
    ['what is pending', { state: 'pending', by: 'nobody', decision: null }, { would: 'approve', differs: 'saved' }],
    ['what a rule decided then', { by: 'rule' }, { would: 'approve', differs: null }],
    ['what is above its risk', { plan: planOf({ risk: 'high' }) }, { rule: 'rest', would: 'ask', differs: null }],
    [
      'what a rule decided, above its risk',
      { by: 'rule', plan: planOf({ risk: 'high' }) },
      { would: 'ask', differs: 'asked_now' },
    ],
  ])('%s', (_, part, wanted) => {
    expect(run([AUTOMATIC, REST], [past(part)])).toEqual([expect.objectContaining(wanted)]);
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
  });
});
