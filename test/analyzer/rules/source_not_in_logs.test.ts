import { describe, expect, test } from 'vitest';
import { sourceNotInLogs } from '../../../services/analyzer/rules/source_not_in_logs.ts';
import type { EgressDay } from '../../../services/store/sending/judged.ts';
import { onFile } from '../rows.ts';
import { expectLives } from '../sending/invented-sending.ts';
import { egress, sendingOf } from '../sent-rows.ts';

const find = (...days: EgressDay[]) => sourceNotInLogs.find(sendingOf([], { egress: days }));

describe('mail from an own address that no log shows', () => {
  test('is one finding an address, with the days it was seen on', () => {
    const found = find(egress(3), egress(2, { reported: 30, passed: 0, logged: 14 }), egress(2, { address: '192.0.2.11' }));
    expect(found).toMatchObject([
      { subject: '192.0.2.10', severity: 'high', first_day: '2026-05-26', last_day: '2026-05-27', evidence: { messages: 430 } },
      { subject: '192.0.2.11' },
    ]);
    expect(found[0]!.evidence.facts).toMatchObject({ days: ['2026-05-26', '2026-05-27'], logged: 14, passed: 380 });
    expect(find(egress(3, { passed: 0 }))).toMatchObject([{ severity: 'medium' }]);
  });

  test.each<[string, EgressDay]>([
    ['the logs have a gap', egress(3, { complete: false })],
    ['the logs show as much', egress(3, { logged: 400 })],
    ['the logs show half of it: lines are lost', egress(3, { logged: 200 })],
    ['a few messages', egress(3, { reported: 19 })],
  ])('no alarm: %s', (_, one) => expect(find(one)).toEqual([]));

  test('is over when the logs show the mail, or none came for a week', () => {
    const open = onFile(find(egress(3))[0]!);
    const over = (...days: EgressDay[]) => sourceNotInLogs.over(open, sendingOf([], { egress: days }));
    expect(over(egress(3))).toBeNull();
    expect(over(egress(3), egress(2, { complete: false, logged: 900 }))).toBeNull();
    expect(over(egress(3), egress(2, { logged: 900 }))).toEqual({ reason: 'in_logs_again', since: '2026-05-27' });
    expect(over(egress(3), egress(2))).toBeNull();
    expect(sourceNotInLogs.over({ ...open, last_day: '2026-05-20' }, sendingOf([]))).toEqual({ reason: 'sent_no_more', days: 7 });
  });

  test('that a person closed is not opened again by the same days', () => {
    const one = find(egress(3))[0]!;
    const closed = { ...onFile(one), state: 'resolved' as const };
    expect(sourceNotInLogs.find(sendingOf([], { egress: [egress(3)], known: [closed] }))).toEqual([]);
    expect(sourceNotInLogs.find(sendingOf([], { egress: [egress(3), egress(2)], known: [closed] }))).toHaveLength(1);
  });
});

test('what it says of invented logs is as it was', () => expectLives('source_not_in_logs'));
