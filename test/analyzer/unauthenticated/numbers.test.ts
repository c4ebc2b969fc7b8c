import { expect, test } from 'vitest';
import { unauthorizedSource } from '../../../services/analyzer/rules/unauthorized_source.ts';
import { numbersOf, severityOf } from '../../../services/analyzer/unauthenticated/numbers.ts';
import { type Rise, riseOf } from '../../../services/analyzer/unauthenticated/rise.ts';
import { ago, domainWindow, onFile, REPORTERS, span } from '../rows.ts';
import { expectLives } from '../rules/invented-lives.ts';

test.each([
  [1_000, 1_000, 'critical'],
  // However many more were kept out.
  [100_000, 1_000, 'critical'],
  [999, 999, 'high'],
  [100, 100, 'high'],
  [999, 99, 'medium'],
  [1_000, 0, 'medium'],
  [20, 20, 'medium'],
  [999, 19, 'low'],
] as const)('of %i messages %i were delivered: %s', (messages, delivered, severity) => {
  expect(severityOf({ messages, delivered })).toBe(severity);
});

const rows = [1, 2].flatMap((n) => span(2, 1, 'unauthenticated', 30 * n, REPORTERS, { source: `198.18.${n}.0/24` }));
const window = domainWindow(rows);
const rise = riseOf(window, 'domain') as Rise;

test('the numbers of a rise, its largest networks first', () => {
  const { evidence, first, confidence } = numbersOf(window, rise);
  expect(first).toBe(ago(2));
  expect(evidence).toMatchObject({
    who: [
      { source: '198.18.2.0/24', messages: 360 },
      { source: '198.18.1.0/24', messages: 180 },
    ],
    senders: 2,
    messages: 540,
    per_day: 270,
    since: ago(2),
    last_day: ago(1),
    reporters: REPORTERS,
    rejected: 540,
    delivered: 0,
  });
  expect(evidence.share).toBe(evidence.messages / evidence.of);
  expect(evidence).not.toHaveProperty('again');
  expect(confidence).toBeGreaterThan(0.8);
});

test('they are a part of the mail since their first day, not of days looked at before it', () => {
  const days = [ago(4), ago(3), ...rise.days];
  const mail = span(4, 1, 'both', 10, REPORTERS, { source: '192.0.2.0/24' });
  const { evidence } = numbersOf(domainWindow([...rows, ...mail]), { ...rise, days });
  const sinceFirst = numbersOf(domainWindow([...rows, ...mail]), rise).evidence;
  expect([evidence.since, evidence.of]).toEqual([ago(2), sinceFirst.of]);
  expect(evidence.of).toBeGreaterThan(evidence.messages);
});

test('networks too many to list are counted', () => {
  const day = { day: ago(0), failed: 60, delivered: 50, quarantined: 0, rejected: 10 };
  const { evidence } = numbersOf(window, { ...rise, others: { networks: 40, failed: 60, days: [day] } });
  expect(evidence).toMatchObject({ senders: 42, messages: 600, delivered: 50, rejected: 550, last_day: ago(0), per_day: 200 });
});

test('an open finding keeps its first day, and says since when such mail is back', () => {
  const [then] = unauthorizedSource.find(window);
  const open = onFile({ ...then!, first_day: ago(20), last_day: ago(10) });
  const goesOn = numbersOf(window, { ...rise, open });
  expect(goesOn).toMatchObject({ first_day: ago(20), evidence: { since: ago(20) } });
  expect(goesOn.evidence).not.toHaveProperty('again');
  const isBack = numbersOf(window, { ...rise, open, again: ago(2) });
  expect(isBack).toMatchObject({ first_day: ago(20), evidence: { since: ago(2), again: ago(2) } });
});

test.each(['unauthorized_source', 'subdomain_abuse'])('what it says of invented domains is as it was (%s)', (name) =>
  expectLives(name),
);
