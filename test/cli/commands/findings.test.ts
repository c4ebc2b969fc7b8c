import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  type FindingAct,
  runFindingsAct,
  runFindingsList,
  runFindingsReview,
  runFindingsShow,
} from '../../../services/cli/commands/findings.ts';
import { untilOf } from '../../../services/cli/terminal/options.ts';
import { loadConfig } from '../../../services/shared/settings/config.ts';
import { type Bench, bench } from '../../alerter/setup.ts';

let b: Bench;
let lines: string[];
const out = (line: string) => {
  lines.push(line);
};
const config = () => loadConfig({ DATABASE_URL: b.database.url, HTTP_LISTEN: 'off' }, '/nowhere');
const WHY = { why: 'the marketing tool', by: 'Ada' };
const NOW = new Date('2026-10-06T09:00:00Z');

beforeEach(async () => {
  b = await bench();
  lines = [];
});
afterEach(() => b.close());

test('list shows the open ones, the worst first, with what was said about them', async () => {
  const low = await b.event({ domain: 'low.example', severity: 'low' });
  const high = await b.event({ domain: 'high.example', summary: 'a\u001b[31mred\u202e', severity: 'critical' });
  const over = await b.event({ domain: 'over.example' });
  await runFindingsAct(config(), { act: 'ack', key: String(low) }, WHY, { out, now: NOW });
  await runFindingsAct(config(), { act: 'snooze', key: String(high) }, { ...WHY, for: '2w' }, { out, now: NOW });
  await runFindingsAct(config(), { act: 'resolve', key: String(over) }, WHY, { out, now: NOW });
  expect(lines[1]).toBe(
    `Finding ${high} is snoozed until 2026-10-20 09:00 UTC; if it is still open then, you are alerted again.`,
  );
  lines = [];
  await runFindingsList(config(), {}, out);
  const rows = lines.join('\n').split('\n').slice(2);
  expect(rows).toHaveLength(2);
  expect(rows[0]).toMatch(
    /^\d+ +critical +open, snoozed until 2026-10-20 09:00 by Ada +2026-10-03 +high\.example +a\\u001b\[31mred\\u202e/,
  );
  expect(rows[1]).toMatch(/^\d+ +low +open, acknowledged by Ada +2026-10-03 +low\.example /);
  lines = [];
  await runFindingsList(config(), { all: true, domain: 'OVER.example', json: true }, out);
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([{ finding_key: over, state: 'resolved', phase: 'resolved' }]);
});

test('show tells who did what, when and why', async () => {
  const key = String(await b.event({}));
  await runFindingsAct(config(), { act: 'ack', key: key }, WHY, { out, now: NOW });
  await runFindingsAct(config(), { act: 'unack', key: key }, { by: 'Bo', why: 'it is not ours' }, { out, now: NOW });
  lines = [];
  await runFindingsShow(config(), key, {}, out);
  const text = lines.join('\n');
  expect(text).toContain('1,610 messages in the name of example.com');
  expect(text).toMatch(/2026-10-06 09:00 +acknowledged until 2027-04-04 09:00 +Ada +high +the marketing tool\n/);
  expect(text).toMatch(/2026-10-06 09:00 +unacknowledged +Bo +high +it is not ours\n/);
  lines = [];
  await runFindingsShow(config(), key, { json: true }, out);
  expect(JSON.parse(lines.join('\n')).events.map((e: { event: string }) => e.event)).toEqual([
    'opened',
    'acknowledged',
    'unacknowledged',
  ]);
});

test('what makes no sense is refused with a sentence', async () => {
  const key = String(await b.event({}));
  const act = (name: FindingAct, key: string, options: Parameters<typeof runFindingsAct>[2]) =>
    runFindingsAct(config(), { act: name, key }, options, { out });
  await expect(act('ack', '99', WHY)).rejects.toMatchObject({ code: 'no_finding' });
  await expect(act('ack', 'x', WHY)).rejects.toMatchObject({ code: 'usage' });
  await expect(act('ack', key, { ...WHY, why: ' ' })).rejects.toMatchObject({ code: 'usage' });
  await expect(act('unack', key, WHY)).rejects.toMatchObject({ code: 'not_acknowledged' });
  await expect(act('unsnooze', key, WHY)).rejects.toMatchObject({ code: 'not_snoozed' });
  await expect(act('snooze', key, WHY)).rejects.toMatchObject({ code: 'usage' });
  await expect(act('snooze', key, { ...WHY, until: '2020-01-01' })).rejects.toMatchObject({ code: 'usage' });
  expect((await b.db.query('select from ruawatch.finding_acts')).rows).toEqual([]);
});

test('times', () => {
  expect(untilOf({ for: '12h' }, NOW)).toEqual(new Date('2026-10-06T21:00:00Z'));
  expect(untilOf({ until: '2026-12-01' }, NOW)).toEqual(new Date('2026-12-01T00:00:00Z'));
  expect(untilOf({ until: '2026-12-01T08:00:00+02:00' }, NOW)).toEqual(new Date('2026-12-01T06:00:00Z'));
  expect(untilOf({}, NOW)).toBeNull();
  for (const wrong of [
    { for: '0d' },
    { for: '7' },
    { until: 'tomorrow' },
    { until: '2026-13-40' },
    { until: '2027-01-01', for: '1d' },
  ])
    expect(() => untilOf(wrong, NOW)).toThrow(/--(until|for)/);
});

test('review shows how often each kind was right, and what that suggests', async () => {
  const act = (key: number, as: string) =>
    runFindingsAct(config(), { act: 'resolve', key: String(key) }, { ...WHY, as }, { out, now: NOW });
  for (let i = 0; i < 12; i++) await act(await b.event({ domain: `d${i}.example` }), i < 8 ? 'right' : 'false');
  const expected = await b.event({ domain: 'shop.example', kind: 'new_source' });
  await act(expected, 'expected');
  expect(lines.at(-1)).toBe(
    `Finding ${expected} is resolved. It is not mailed again while it is expected. Your verdict is kept: expected.`,
  );
  await expect(act(expected, 'maybe')).rejects.toMatchObject({ code: 'usage' });
  await act(expected, 'expected');
  expect(lines.at(-1)).toContain('was resolved already.');
  lines = [];
  await runFindingsReview(config(), {}, { out, now: NOW });
  const text = lines.join('\n');
  expect(text).toMatch(/unauthorized_source +12 +8 +0 +4 +0 +67%/);
  expect(text).toContain('Proposed: analyzer.false_alarms_per_month: 0.5 (now 1;');
  expect(text).toMatch(/Proposed: ruawatch senders approve shop\.example \S* ?--why "the marketing tool"/);
  expect(text).toMatch(/Expected until 2027-04-04, said Ada: new_source of/);
});
