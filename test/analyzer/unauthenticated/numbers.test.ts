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

const opened = unauthorizedSource.find(window)[0]!;
/** The finding as it was three weeks ago, when other networks were in it. */
function openSince(since: string, more: Partial<typeof opened.evidence> = {}) {
  const evidence = {
    ...opened.evidence,
    since,
    last_day: ago(2),
    messages: 1000,
    delivered: 7,
    quarantined: 3,
    rejected: 990,
    senders: 5,
    chance: 1e-12,
    who: [
      { source: '198.18.1.0/24', messages: 500, delivered: 4 },
      { source: '203.0.113.0/24', messages: 360 },
    ],
    ...more,
  };
  return onFile({ ...opened, first_day: since, last_day: ago(2), evidence });
}

test('what an older finding has said is added to what came since its last day', () => {
  const { evidence, first_day, confidence } = numbersOf(window, { ...rise, chance: 0.5, open: openSince(ago(20)) });
  const mail = window.reporterDays.reduce((n, { day, messages }) => n + (day >= ago(20) ? messages : 0), 0);
  expect(first_day).toBe(ago(20));
  expect(confidence).toBe(0.96);
  expect(evidence).toEqual({
    who: [
      { source: '198.18.1.0/24', messages: 590, delivered: 4 },
      { source: '198.18.2.0/24', messages: 360, delivered: 0 },
      { source: '203.0.113.0/24', messages: 360, delivered: 0 },
    ],
    senders: 5,
    messages: 1270,
    of: mail,
    share: 1270 / mail,
    per_day: 270,
    since: ago(20),
    last_day: ago(1),
    reporters: REPORTERS,
    usual: rise.usual,
    chance: 1e-12,
    delivered: 7,
    quarantined: 3,
    rejected: 1260,
  });
  // Fewer were told of than are there now, and as many.
  const told = (more: Partial<typeof opened.evidence>) =>
    numbersOf(window, { ...rise, open: openSince(ago(20), { senders: 1, who: [], ...more }) }).evidence;
  const week = { messages: 540, delivered: 0, quarantined: 0, rejected: 540, senders: 2 };
  expect(told({ messages: 269 })).toMatchObject(week);
  expect(told({ messages: 270 })).toMatchObject({ messages: 540, delivered: 7, quarantined: 3, rejected: 1260 });
  expect(told({ who: [0, 1, 2].map((n) => ({ source: `203.0.${n}.0/24`, messages: 1 })) }).senders).toBe(5);
});

test('within the week, or when it counts from another day, its days are counted anew', () => {
  const messages = (open: ReturnType<typeof openSince>, more: Partial<Rise> = {}) =>
    numbersOf(window, { ...rise, open, ...more }).evidence.messages;
  expect(messages(openSince(ago(7)))).toBe(1270);
  expect(messages(openSince(ago(6)))).toBe(540);
  expect(messages({ ...openSince(ago(20)), first_day: ago(21) })).toBe(540);
  expect(messages(openSince(ago(20)), { again: ago(1) })).toBe(540);
});

test('an open finding is something new from the day on which it is three times, and a hundred, more than was told', () => {
  const source = '198.18.9.0/24';
  const again = (before: number, n: number, more: Partial<typeof opened.evidence> = {}, last = 3) => {
    const mail = [...span(6, 3, 'unauthenticated', before, ['google.com'], { source })].filter(({ day }) => day <= ago(last));
    const all = [...mail, ...span(1, 1, 'unauthenticated', n, ['google.com'], { source })];
    const evidence = {
      ...opened.evidence,
      since: ago(6),
      last_day: ago(last),
      per_day: before,
      who: [{ source, messages: 4 * before }],
    };
    const open = onFile({ ...opened, first_day: ago(6), last_day: ago(last), evidence: { ...evidence, ...more } });
    return riseOf(domainWindow(all, { known: [open] }), 'domain')!.again;
  };
  expect([again(10, 109), again(10, 110)]).toEqual([undefined, ago(1)]);
  expect([again(60, 179), again(60, 180)]).toEqual([undefined, ago(1)]);
  expect(again(10, 110, { per_day: 40 })).toBeUndefined();
  // It was told of that day already, or of a later one.
  expect(again(10, 110, { again: ago(1) })).toBe(ago(1));
  expect(again(10, 109, { again: ago(2) })).toBe(ago(2));
  expect(again(10, 109, { again: ago(0) })).toBeUndefined();
});

test.each(['unauthorized_source', 'subdomain_abuse'])('what it says of invented domains is as it was (%s)', (name) =>
  expectLives(name),
);
