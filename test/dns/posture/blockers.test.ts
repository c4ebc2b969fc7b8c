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
const named = (...kinds: string[]) => kinds.map((kind) => ({ kind, name: kind.toUpperCase() }));
const why = (senders: SenderMonth[], month: Partial<ReportMonth> = {}, at = QUARANTINE) =>
  [...blockers(at, { from: '2026-05-01', to: '2026-05-30', days: 30, reporters: 3, senders, ...month })].map((one) => one.why);

const said = (senders: SenderMonth[], month: Partial<ReportMonth> = {}, at = QUARANTINE) =>
  [...blockers(at, { from: '2026-05-01', to: '2026-05-30', days: 30, reporters: 3, senders, ...month })].map(
    ({ sentence }) => sentence,
  );

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

test('each reason is a sentence with its figures', () => {
  expect(said([sender()], { days: 19, reporters: 1 })).toEqual([
    'Reports cover 19 of the last 30 days; 20 are needed.',
    '1 of the 3 regular reporters that are needed have reported (on 10 days or more).',
  ]);
  expect(said([sender({ messages: 199, passed: 199, dkim_aligned: 199 })])).toEqual([
    "The reports name 199 messages of the domain's own senders; 200 are needed.",
  ]);
  expect(said([sender({ passed: 900, dkim_aligned: 900 })])).toEqual([
    "90% of your own senders' mail of the last 30 days passes DMARC (900 of 1,000 messages; what others send or forward is not counted); 99% is needed.",
  ]);
  expect(said([sender(), sender({ class: 'unknown', messages: 1_000, passed: 0, dkim_aligned: 0 })])).toEqual([
    '1,000 failing messages come from senders that nothing is known of (50%; 1% at most).',
  ]);
  expect(said([sender({ dkim_aligned: 900 })])).toEqual([
    '10% of the own mail passes by SPF alone, which does not survive forwarding: it must be signed before p=reject.',
  ]);
  expect(said([sender({ dkim_aligned: 0 })])).toEqual([
    'None of the own mail to speak of is signed with DKIM as the domain: what is forwarded would be lost.',
  ]);
  expect(said([sender()], { against: named('a', 'b', 'a'), contested: named('c', 'c'), joining: 1_000 })).toEqual([
    'Open findings say that the policy costs mail: “A”, “B”.',
    'Forged mail is being delivered (“C”): settle which of it is yours first.',
    'A service that is not set up has just begun to send (1000 messages).',
  ]);
  expect(said([sender()], { contested: named('c'), joining: 1_000, held: true })).toEqual([]);
});

test('mail that sp lets through below the domain is no reason for a milder p', async () => {
  const at = await check('reject; sp=none');
  const delivered = (...each: boolean[]) => ({
    against: each.map((one) => ({ kind: 'alignment_failure', name: 'A', delivered: one })),
  });
  expect(said([sender()], delivered(true, true), at)).toEqual([
    'Open findings name mail of yours that fails and that sp=none lets through: a stricter sp would cost it: “A”.',
  ]);
  const costs = ['Open findings say that the policy costs mail: “A”.'];
  expect(said([sender()], delivered(true, false), at)).toEqual(costs);
  expect(said([sender()], delivered(true), await check('reject'))).toEqual(costs);
});

test('reports must be new, reach back a month, and be about the policy that is published', () => {
  expect(why([sender()], { newest: '2026-05-23' })).toEqual([]);
  expect(why([sender()], { newest: '2026-05-22' })).toEqual(['stale']);
  expect(why([sender()], { first: '2026-05-01', newest: '2026-05-30' })).toEqual([]);
  expect(why([sender()], { first: '2026-05-02', newest: '2026-05-30' })).toEqual(['month']);
  const policies = (other: number) => [
    { p: 'none', reports: other },
    { p: 'quarantine', reports: 1_000 - other },
  ];
  expect(why([sender()], { policies: policies(20) } as never)).toEqual([]);
  expect(why([sender()], { policies: policies(21) } as never)).toEqual(['policy_new']);
  const found = (p: string | null) => said([sender()], { policies: [{ p, reports: 100 }] } as never);
  // The one before was stricter: that somebody weakened it is said.
  expect(found('reject')).toEqual([
    'p=quarantine is new: 100% of the reports of the last 30 days found p=reject, which is stricter. If nobody of yours weakened it on purpose, publish that again.',
  ]);
  // Whoever publishes it again at once loses what it costs.
  const losing = { policies: [{ p: 'reject', reports: 100 }], against: named('alignment_failure') } as never;
  expect(said([sender()], losing)[0]).toBe(
    'p=quarantine is new: 100% of the reports of the last 30 days found p=reject, which is stricter. Find out who weakened it, and go back to it once what else is named here is settled: until then, it costs mail.',
  );
  expect(found('none')).toEqual(['p=quarantine is new: 100% of the reports of the last 30 days found p=none.']);
  expect(found('rejct')).toEqual(['p=quarantine is new: 100% of the reports of the last 30 days found another policy.']);
});

test('signatures, joining services and policies that are held, at their thresholds', () => {
  expect(why([sender({ dkim_aligned: 10 })])).toEqual(['spf_alone']);
  expect(why([sender({ dkim_aligned: 9 })])).toEqual(['unsigned']);
  expect(why([sender()], { joining: 9 })).toEqual([]);
  expect(why([sender()], { joining: 10 })).toEqual(['joining']);
  expect(why([sender({ passed: 980, dkim_aligned: 980 })], { held: true })).toEqual([]);
  expect(why([sender({ passed: 979, dkim_aligned: 979 })], { held: true })).toEqual(['failing']);
});

test('a trial (t=y) that has ended is no month at the policy: those who knew it applied a weaker one', async () => {
  const trial = await check('quarantine; t=y');
  const during = [
    { p: 'quarantine', t: 'y', reports: 60 },
    { p: 'quarantine', t: 'n', reports: 30 },
  ];
  expect(why([sender()], { policies: during }, trial)).toEqual([]);
  expect(why([sender()], { policies: during })).toEqual(['policy_new']);
  // A reporter that does not know t reports none.
  expect(why([sender()], { policies: [{ p: 'quarantine', t: 'n', reports: 90 }] }, trial)).toEqual([]);
});
