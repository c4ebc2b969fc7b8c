import { expect, test } from 'vitest';
import { isolationScores } from '../../simulate/baselines/forest.ts';
import { looks, type PeerReport } from '../../simulate/baselines/rows.ts';
import { BASELINES } from '../../simulate/baselines/rules.ts';

/** A report a day of 1,000 messages that pass, from one address; the last days as told. */
function reports(last: readonly Partial<PeerReport>[]): PeerReport[] {
  const usual = (day: number): PeerReport => ({
    domain: 'a.example',
    tick: day + 1,
    day,
    p: 'reject',
    passed: 1000,
    failed: 0,
    addresses: [{ address: '240.0.0.1', messages: 1000 }],
  });
  return [...Array.from({ length: 20 }, (_, day) => usual(day)), ...last.map((given, i) => ({ ...usual(20 + i), ...given }))];
}

function told(name: string, last: readonly Partial<PeerReport>[], ticks = 20 + last.length): string[] {
  const { look: ask } = BASELINES.find((one) => one.name === name)!;
  const alarms: string[] = [];
  for (const look of looks(reports(last), ['a.example'], ticks)) {
    for (const { kind } of ask(look)) alarms.push(`${look.tick} ${kind}`);
  }
  return alarms;
}

const quiet = { passed: 1000, failed: 0 };

test.each([
  ['DmarcAnalyzerApp', { passed: 840, failed: 160 }, ['21 drop']],
  ['DmarcAnalyzerApp', { passed: 860, failed: 140 }, []],
  ['DmarcAnalyzerApp', { passed: 40, failed: 50 }, []],
  ['DmarcAnalyzerApp', { p: 'none' }, ['21 policy']],
  ['dmarq', { failed: 100 }, ['21 failures']],
  ['dmarq', { failed: 99 }, []],
  ['dmarq', { passed: 88, failed: 12 }, ['21 drop']],
  ['dmarq', { addresses: [{ address: '240.7.7.7', messages: 1 }] }, ['21 new_source']],
  ['helliott20', { passed: 89, failed: 11 }, ['21 drop']],
  ['helliott20', { passed: 91, failed: 9 }, []],
  ['helliott20', { addresses: [{ address: '240.7.7.7', messages: 9 }] }, []],
  ['helliott20', { addresses: [{ address: '240.7.7.7', messages: 10 }] }, ['21 new_source']],
])('%s on a day of %o tells %j', (name, day, expected) => {
  expect(told(name, [day])).toEqual(expected);
});

test('trollByte tells of a tenth that fails and of volume, and of the strangest days whatever they are', () => {
  const kinds = (day: Partial<PeerReport>) => told('trollByte', [day]).filter((one) => one.startsWith('21 '));
  expect(kinds({ passed: 900, failed: 100 })).toContain('21 failure_rate');
  expect(kinds({ passed: 1600 })).toContain('21 volume_up');
  expect(kinds({ passed: 600 })).toContain('21 volume_down');
  expect(kinds({ passed: 10_000, failed: 5000 })).toContain('21 anomaly');
  expect(kinds(quiet)).not.toContain('21 failure_rate');
});

test('dmarq misses a report after two days', () => {
  expect(told('dmarq', [], 23)).toEqual(['22 no_report', '23 no_report']);
});

test('an isolation forest ranks the outlier first', () => {
  const points = Array.from({ length: 40 }, (_, i) => [i % 5, (i * 7) % 3]);
  const scores = isolationScores([...points, [60, 40]], 'x');
  expect(scores.indexOf(Math.max(...scores))).toBe(40);
});
