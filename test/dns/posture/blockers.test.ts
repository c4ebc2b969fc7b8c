import { expect, test } from 'vitest';
import { checkDomain } from '../../../services/dns/check/check.ts';
import { blockers } from '../../../services/dns/posture/blockers.ts';
import type { ReportMonth, SenderMonth } from '../../../services/dns/posture/month.ts';
import { GOOD, spf } from '../check/fixtures.ts';
import { dnsOf } from '../zone.ts';

const check = (p: string) =>
  checkDomain('example.com', dnsOf({ ...GOOD, '_dmarc.example.com': spf(`v=DMARC1; p=${p}; rua=mailto:a@example.com`) }), {});
const QUARANTINE = await check('quarantine');
const NONE = await check('none');
const sender = (more: Partial<SenderMonth> = {}): SenderMonth => ({
  source: 's',
  class: 'authorized',
  messages: 1_000,
  passed: 1_000,
  dkim_aligned: 1_000,
  spf_aligned: 1_000,
  ...more,
});
const why = (senders: SenderMonth[], month: Partial<ReportMonth> = {}, at = QUARANTINE) =>
  [...blockers(at, { from: '2026-05-01', to: '2026-05-30', days: 30, reporters: 3, senders, ...month })].map((one) => one.why);

test('enough reports of which all own mail passes hold nothing back', () => {
  expect(why([sender()])).toEqual([]);
  expect([...blockers(QUARANTINE, null)].map((one) => one.why)).toEqual(['no_reports']);
});

test('days, reporters and messages at their thresholds', () => {
  expect(why([sender()], { days: 20 })).toEqual([]);
  expect(why([sender()], { days: 19 })).toEqual(['days']);
  expect(why([sender()], { reporters: 2 })).toEqual(['reporters']);
  const n = (messages: number) => sender({ messages, passed: messages, dkim_aligned: messages });
  expect(why([n(200)])).toEqual([]);
  expect(why([n(199)])).toEqual(['few_messages']);
});

test('99 of 100 own messages must pass, misaligned senders included, others not', () => {
  expect(why([sender({ passed: 990, dkim_aligned: 990 })])).toEqual([]);
  expect(why([sender({ passed: 989, dkim_aligned: 989 })])).toEqual(['failing']);
  expect(why([sender(), sender({ class: 'misaligned', messages: 100, passed: 0, dkim_aligned: 0 })])).toEqual(['failing']);
  expect(why([sender(), sender({ class: 'unauthorized', messages: 9_000, passed: 0, dkim_aligned: 0 })])).toEqual([]);
});

test('failing mail of senders that nothing is known of holds back from one in a hundred', () => {
  const unknown = (failing: number) => sender({ class: 'unknown', messages: failing, passed: 0, dkim_aligned: 0 });
  expect(why([sender(), unknown(10)])).toEqual([]);
  expect(why([sender(), unknown(11)])).toEqual(['unknown_senders']);
});

test('mail that passes by SPF alone holds back p=reject, not p=quarantine', () => {
  const alone = (n: number) => [sender({ dkim_aligned: 1_000 - n })];
  expect(why(alone(50))).toEqual([]);
  expect(why(alone(51))).toEqual(['spf_alone']);
  expect(why(alone(51), {}, NONE)).toEqual([]);
});
