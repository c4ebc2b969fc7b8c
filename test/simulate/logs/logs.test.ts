import { expect, test } from 'vitest';
import { LOG_FAMILIES } from '../../../simulate/logs/index.ts';
import { logFigures, scoreOf } from '../../../simulate/logs/main.ts';
import { logDrawOf } from '../../../simulate/logs/run.ts';
import { HOUR } from '../../../simulate/logs/world.ts';
import { testDatabase } from '../../helpers/database.ts';

const expected = [{ kind: 'unsigned_mail', subject: 'a', from: 10 * HOUR }];
const alarm = (kind: string, subject: string, hours: number) => ({ kind, subject, at: hours * HOUR });

test('an alarm is right by kind, subject and time, and counts once', () => {
  const alarms = [
    alarm('unsigned_mail', 'a', 9),
    alarm('unsigned_mail', 'b', 11),
    alarm('verify_failed', 'a', 11),
    alarm('unsigned_mail', 'a', 12),
    alarm('unsigned_mail', 'a', 14),
  ];
  expect(scoreOf({ expected, alarms })).toEqual({ found: 1, expected: 1, right: 1, wrong: 3, hours: [2] });
  expect(scoreOf({ expected, alarms: [] })).toMatchObject({ found: 0, expected: 1, wrong: 0 });
});

test('the figures are given for each family, and apart for those that nothing was tuned on', () => {
  const draw = { family: 'x', draw: 1, expected, alarms: [alarm('unsigned_mail', 'a', 12)] };
  const lines = logFigures([
    { ...draw, group: 'tuning' },
    { ...draw, family: 'y', group: 'held out', alarms: [] },
  ]);
  expect(lines).toContain('| x | tuning | 1 | 1 of 1 | 2.0 | 0 |');
  expect(lines).toContain('| y | held out | 1 | 0 of 1 |  | 0 |');
  expect(lines.at(-1)).toMatch(/^held out: precision 0 of 0 .*, recall 0 of 1 /);
  for (const group of ['tuning', 'held out']) expect(LOG_FAMILIES.filter((one) => one.group === group)).toHaveLength(12);
});

test('a world goes through collector and analyzer, and its incident is found', async () => {
  const t = await testDatabase({ own: false });
  const family = LOG_FAMILIES.find(({ name }) => name === 'unsigned after an upgrade')!;
  const draw = await logDrawOf(t.db, family, { seed: 1, draw: 1 });
  await t.drop();
  expect(scoreOf(draw)).toMatchObject({ found: 1, expected: 1, wrong: 0 });
}, 120_000);
