import { describe, expect, test } from 'vitest';
import type { Alarm } from '../../simulate/alarms.ts';
import { bucketOf, type ScoredIncident, score, summarize } from '../../simulate/score.ts';

const SPOOFING: ScoredIncident = {
  id: 'a.example/spoofing/30',
  domain: 'a.example',
  type: 'spoofing',
  strength: '50 a day',
  begin: 30,
  end: 36,
  messages: 340,
  of: 9000,
  seen: 31,
  names: new Set(['240.1.2.0/24', '240.1.2.7']),
};
const WEAKENED: ScoredIncident = {
  ...SPOOFING,
  id: 'b.example/policy_weakened/40',
  domain: 'b.example',
  type: 'policy_weakened',
  strength: 'p=none',
  begin: 40,
  end: 50,
  seen: 41,
  messages: 0,
  names: new Set(),
};
const spoofed: Alarm = {
  system: 'ruawatch',
  kind: 'unauthorized_source',
  domain: 'a.example',
  tick: 32,
  key: 'unauthorized_source a.example',
  names: ['240.1.2.0/24'],
  notified: true,
  summary: '',
};
const lowered: Alarm = {
  ...spoofed,
  kind: 'policy_change',
  domain: 'b.example',
  tick: 41,
  key: 'policy_change b.example',
  names: null,
};
const of = (alarms: Alarm[], system = 'ruawatch') =>
  score(system, alarms, [SPOOFING, WEAKENED], {
    traps: [{ what: 'reporter outage', domain: '*', begin: 60, end: 62 }],
    domains: 2,
    days: 90,
  });

test('alarms that tell of every incident and of nothing else are perfect', () => {
  const summary = summarize([of([spoofed, lowered])]);
  expect(summary).toMatchObject({
    precision: 1,
    recall: 1,
    recall_strong: 1,
    false_alarms: 0,
    false_per_domain_month: 0,
    median_days: 0.5,
  });
  expect(summary.by_type).toEqual([
    { type: 'policy_weakened', strength: 'p=none', incidents: 1, detected: 1, recall: 1, median_days: 0 },
    { type: 'spoofing', strength: '50 a day', incidents: 1, detected: 1, recall: 1, median_days: 1 },
  ]);
});

test('silence has no precision and no recall', () => {
  expect(summarize([of([])])).toMatchObject({ precision: null, recall: 0, median_days: null, true_alarms: 0, false_alarms: 0 });
});

describe('an alarm is false', () => {
  test.each([
    ['on another domain', { domain: 'b.example' }],
    ['of a kind that does not tell of it', { kind: 'authentication_regression' }],
    ['that names somebody else', { names: ['240.9.9.0/24'] }],
    ['before it began', { tick: 30 }],
    ['when it is long over', { tick: 45 }],
  ])('%s', (_, wrong) => {
    const summary = summarize([of([{ ...spoofed, ...wrong }])]);
    expect(summary).toMatchObject({ precision: 0, recall: 0, false_alarms: 1, true_alarms: 0 });
    expect(summary.false_per_domain_month).toBeCloseTo(1 / 6);
  });
});

test('an alarm of the domain as a whole needs no name', () => {
  expect(summarize([of([{ ...spoofed, names: null }])]).detected).toBe(1);
});

test('what was told to nobody detects nothing and is not false', () => {
  expect(of([{ ...spoofed, notified: false }])).toMatchObject({ true_alarms: 0, false_alarms: [] });
});

test('repeats of a true alarm count once; repeats of a false one on following days too', () => {
  const repeated = [32, 33, 34].flatMap((tick) => [
    { ...spoofed, tick },
    { ...spoofed, tick: tick + 40 },
  ]);
  expect(of(repeated)).toMatchObject({ true_alarms: 1 });
  expect(of(repeated).false_alarms).toHaveLength(1);
  expect(of([...repeated, { ...spoofed, tick: 85 }]).false_alarms).toHaveLength(2);
});

test('an excused alarm counts neither way', () => {
  const summary = summarize([of([{ ...spoofed, kind: 'new_source' }])]);
  expect(summary).toMatchObject({ excused: 1, true_alarms: 0, false_alarms: 0, recall: 0 });
});

test('a false alarm says which trap it fell into', () => {
  expect(of([{ ...spoofed, tick: 62 }]).false_alarms[0]!.traps).toEqual(['reporter outage']);
});

test('a peer is judged by its own kinds', () => {
  const drop: Alarm = { ...spoofed, system: 'dmarq', kind: 'drop', names: null };
  expect(of([drop], 'dmarq').true_alarms).toBe(1);
  expect(of([{ ...drop, kind: 'unauthorized_source' }], 'dmarq').true_alarms).toBe(0);
});

test('an incident of which no mail ever told is not counted', () => {
  const unseen = { ...SPOOFING, seen: null };
  expect(score('ruawatch', [], [unseen], { traps: [], domains: 1, days: 90 }).detections).toEqual([]);
});

test.each([
  [{ messages: 50 }, 'strong'],
  [{ messages: 12, of: 200 }, 'strong'],
  [{ messages: 12 }, 'weak'],
  [{ messages: 12, type: 'dkim_broken' }, 'faint'],
  [{ messages: 9, of: 20 }, 'faint'],
  [{ messages: 0, type: 'policy_weakened' }, 'strong'],
])('%o is %s', (given, bucket) => {
  expect(bucketOf({ ...SPOOFING, ...given })).toBe(bucket);
});
