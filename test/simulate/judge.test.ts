import { expect, test } from 'vitest';
import type { Alarm } from '../../simulate/alarms.ts';
import { rate, share } from '../../simulate/family-score.ts';
import { type Case, judge } from '../../simulate/judge.ts';
import { MEANING } from '../../simulate/vocabulary.ts';

const alarm = (kind: string, tick: number, names: string[] | null, more: Partial<Alarm> = {}): Alarm => ({
  system: 'ruawatch',
  kind,
  domain: 'heron.example',
  tick,
  key: `${kind} ${names}`,
  names,
  notified: true,
  summary: kind,
  ...more,
});
const forged: Case = {
  id: 'a',
  domain: 'heron.example',
  begin: 40,
  end: 45,
  messages: 20,
  seen: 41,
  names: new Set(['192.0.2.1']),
  expected: { what: 'forged', from: 40, to: 45 },
};
const verdicts = (alarms: Alarm[]) => judge('ruawatch', alarms, [forged], []).verdicts.map(({ verdict }) => verdict);

test('an alarm is true by kind, domain, days and names', () => {
  expect(verdicts([alarm('unauthorized_source', 42, ['192.0.2.1'])])).toEqual(['true']);
  expect(verdicts([alarm('unauthorized_source', 42, null)])).toEqual(['true']);
  expect(verdicts([alarm('unauthorized_source', 42, ['192.0.2.9'])])).toEqual(['false']);
  expect(verdicts([alarm('unauthorized_source', 42, ['192.0.2.1'], { domain: 'birch.example' })])).toEqual(['false']);
  expect(
    verdicts([alarm('unauthorized_source', 42, ['192.0.2.1'], { domain: 'birch.example', also: ['heron.example'] })]),
  ).toEqual(['true']);
  expect(verdicts([alarm('unauthorized_source', 40, ['192.0.2.1'])])).toEqual(['false']);
  expect(verdicts([alarm('unauthorized_source', 53, ['192.0.2.1'])])).toEqual(['true']);
  expect(verdicts([alarm('unauthorized_source', 54, ['192.0.2.1'])])).toEqual(['false']);
  expect(verdicts([alarm('new_source', 42, ['192.0.2.1'])])).toEqual(['excused']);
  expect(verdicts([alarm('policy_change', 42, null)])).toEqual(['false']);
});

test('what was not to be mailed is no alarm', () => {
  expect(verdicts([alarm('unauthorized_source', 42, null, { notified: false })])).toEqual([]);
});

test('days count from the first mail that mentions it; each evening is a mail', () => {
  const { found, wrong } = judge(
    'ruawatch',
    [
      alarm('unauthorized_source', 43, ['192.0.2.1']),
      alarm('unauthorized_source', 43, ['192.0.2.1']),
      alarm('unauthorized_source', 45, ['192.0.2.1']),
      alarm('volume_surge', 50, ['198.51.100.1']),
      alarm('volume_surge', 52, ['198.51.100.1']),
    ],
    [forged],
    [{ what: 'a forwarder', domain: 'heron.example', begin: 48, end: 49 }],
  );
  expect(found).toEqual([{ id: 'a', what: 'forged', messages: 20, faint: true, delay: 2, mails: 2 }]);
  expect(wrong.map(({ alarm: one, traps }) => [one.tick, traps])).toEqual([[50, ['a forwarder']]]);
});

test('what may be told and need not be counts neither way', () => {
  const optional = { ...forged, expected: { ...forged.expected, optional: true } };
  const { found, verdicts: all } = judge('ruawatch', [alarm('unauthorized_source', 42, null)], [optional], []);
  expect(found).toEqual([]);
  expect(all.map(({ verdict, incident }) => [verdict, incident])).toEqual([['excused', 'a']]);
  const both = judge('ruawatch', [alarm('unauthorized_source', 42, null)], [optional, { ...forged, id: 'b' }], []);
  expect(both.verdicts.map(({ verdict, incident }) => [verdict, incident])).toEqual([['true', 'b']]);
});

test('an incident that no report mentions is left out', () => {
  expect(judge('ruawatch', [], [{ ...forged, seen: null }], []).found).toEqual([]);
});

test.each(Object.entries(MEANING))('%s is detected by something', (_, { detect }) => {
  expect(detect.length).toBeGreaterThan(0);
});

test.each([
  [0, 10, 0, 0.278],
  [10, 10, 0.722, 1],
  [9, 10, 0.596, 0.982],
])('%d of %d is a share between %d and %d (Wilson)', (part, of, low, high) => {
  const one = share(part, of);
  expect(one.low).toBeCloseTo(low, 3);
  expect(one.high).toBeCloseTo(high, 3);
  expect(share(0, 0).share).toBeNull();
});

test.each([
  [0, 10, 0, 0.37],
  [10, 10, 0.479, 1.839],
])('%d events in %d months are a rate between %d and %d (Poisson)', (events, months, low, high) => {
  const one = rate(events, months);
  expect(one.low).toBeCloseTo(low, 2);
  expect(one.high).toBeCloseTo(high, 1);
});
