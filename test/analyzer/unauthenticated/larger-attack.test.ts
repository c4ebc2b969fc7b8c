import fc from 'fast-check';
import { expect, test } from 'vitest';
import { subdomainAbuse } from '../../../services/analyzer/rules/subdomain_abuse.ts';
import { unauthorizedSource } from '../../../services/analyzer/rules/unauthorized_source.ts';
import { rankOf } from '../../../services/shared/severity.ts';
import type { Rest, SourceDay } from '../../../services/store/analysis/window-reads.ts';
import type { Candidate, KnownFinding } from '../../../services/store/findings/findings.ts';
import { draws } from '../../helpers/full.ts';
import { ago, domainWindow, onFile, REPORTERS, row, span, wordsFor } from '../rows.ts';

/**
 * The world before: senders of ours, a forwarder that breaks mail, and a trickle of forged mail of its own
 * strength.
 */
const world = fc.record({
  trickle: fc.integer({ min: 0, max: 6 }),
  sender: fc.integer({ min: 0, max: 300 }),
  forwarder: fc.integer({ min: 0, max: 20 }),
});
/** Some forged mail of one network on one day. */
const attack = fc.record({
  network: fc.integer({ min: 0, max: 40 }),
  day: fc.integer({ min: 0, max: 6 }),
  reporter: fc.constantFrom(...REPORTERS),
  messages: fc.oneof(fc.integer({ min: 1, max: 30 }), fc.integer({ min: 30, max: 3000 })),
  delivered: fc.float({ min: 0, max: 1, noNaN: true }),
});
interface World {
  trickle: number;
  sender: number;
  forwarder: number;
}
interface Attack {
  network: number;
  day: number;
  reporter: string;
  messages: number;
  delivered: number;
}

function before({ trickle, sender, forwarder }: World): SourceDay[] {
  const rows = [...span(41, 0, 'both', sender, REPORTERS, { source: '192.0.2.0/24' })];
  rows.push(...span(41, 0, 'dkim', forwarder, REPORTERS, { source: '203.0.113.0/24' }));
  for (let d = 41; d >= 0; d--)
    for (let n = 0; n < trickle; n++)
      rows.push(row(ago(d), 'unauthenticated', 1, { source: `198.51.${(d * 7 + n) % 250}.0/24`, reporter: REPORTERS[n % 3]! }));
  return rows.filter(({ messages }) => messages > 0);
}

/**
 * Networks 0 and 1 are those of our sender and of the forwarder; every fourth forges names below the domain.
 */
function rowOf({ network, day, reporter, messages, delivered }: Attack): SourceDay {
  const got = Math.round(messages * delivered);
  const below = network % 4 === 3;
  return row(ago(day), below ? 'below' : 'unauthenticated', messages, {
    source: network === 0 ? '192.0.2.0/24' : network === 1 ? '203.0.113.0/24' : `10.7.${network}.0/24`,
    reporter,
    rejected: messages - got,
    delivered: got,
    failed_delivered: got,
  });
}

function severity(rows: readonly SourceDay[], known: KnownFinding[] = []): number {
  const window = domainWindow(rows, { known });
  return Math.max(-1, ...[...unauthorizedSource.find(window), ...subdomainAbuse.find(window)].map((one) => rankOf(one.severity)));
}

test('a larger attack never has a milder severity', () => {
  fc.assert(
    fc.property(
      world,
      fc.array(attack, { minLength: 1, maxLength: 25 }),
      fc.array(attack, { minLength: 1, maxLength: 25 }),
      fc.boolean(),
      (given, first, more, isOpen) => {
        const quiet = before(given);
        const [trickle] = isOpen
          ? unauthorizedSource.find(
              domainWindow([...quiet, ...span(6, 3, 'unauthenticated', 9, REPORTERS, { source: '10.9.9.0/24' })]),
            )
          : [];
        const known = trickle ? [onFile({ ...trickle, first_day: ago(20) })] : [];
        const attacked = [...quiet, ...first.map(rowOf)];
        expect(severity([...attacked, ...more.map(rowOf)], known)).toBeGreaterThanOrEqual(severity(attacked, known));
      },
    ),
    { numRuns: draws(30, 10) },
  );
}, 120_000);

const delivered = (n: number) => ({ rejected: 0, delivered: n, failed_delivered: n });
const net = (n: number) => ({ source: `10.${n >> 8}.${n & 255}.0/24` });
/** What the store sums of `networks` more that are not listed, two messages each on each day. */
const rest = (networks: number, days: readonly number[]): Rest => ({
  networks,
  failed: 2 * networks * days.length,
  days: days.map((d) => ({ day: ago(d), failed: 2 * networks, delivered: 2 * networks, quarantined: 0, rejected: 0 })),
});

test('a botnet of ten thousand networks that is all delivered is critical, and all of it is said to be delivered', () => {
  const rows = Array.from({ length: 1000 }, (_, n) =>
    row(ago(0), 'unauthenticated', 2, { ...net(n), ...delivered(2), reporter: REPORTERS[n % 3]! }),
  );
  const window = domainWindow(rows, { policy: 'p=none' });
  const [finding] = unauthorizedSource.find({ ...window, networks: { ...window.networks, others: rest(9000, [0]) } });
  expect(finding).toMatchObject({
    severity: 'critical',
    evidence: { senders: 10_000, messages: 20_000, delivered: 20_000, quarantined: 0, rejected: 0 },
  });
  expect(finding!.confidence).toBeGreaterThan(0.9);
  expect(wordsFor(finding).summary).toContain('100% delivered');
});

test('what a report has beyond its allowance is counted, and is no network of its own', () => {
  const rows = [
    row(ago(0), 'unauthenticated', 900, { source: 'other sources', ...delivered(900) }),
    ...Array.from({ length: 300 }, (_, n) =>
      row(ago(0), 'unauthenticated', 2, { ...net(n), ...delivered(2), reporter: REPORTERS[n % 3]! }),
    ),
  ];
  const [finding] = unauthorizedSource.find(domainWindow(rows));
  expect(finding).toMatchObject({ severity: 'critical', evidence: { senders: 300, messages: 1500, delivered: 1500 } });
  expect(finding!.evidence.who.map(({ source }) => source)).not.toContain('other sources');
});

test.each([
  ['delivered', delivered(3), 'critical'],
  ['refused', {}, 'medium'],
] as const)('a botnet after a trickle that is told of has its own day, numbers and severity: %s', (_, fate, expected) => {
  const trickle = span(8, 0, 'unauthenticated', 4, REPORTERS, { ...net(9000), ...delivered(4) });
  const [then] = unauthorizedSource.find(domainWindow(trickle.filter(({ day }) => day < ago(1))));
  expect(then).toMatchObject({ severity: 'medium', evidence: { senders: 1 } });
  const known = [onFile({ ...then!, first_day: ago(20) })];
  const botnet = Array.from({ length: 800 }, (_, n) =>
    span(1, 0, 'unauthenticated', 3, [REPORTERS[n % 3]!], { ...net(n), ...fate }),
  );
  const [now] = unauthorizedSource.find(domainWindow([...trickle, ...botnet.flat()], { known })) as [Candidate];
  expect(now).toMatchObject({
    first_day: ago(20),
    severity: expected,
    evidence: { since: ago(1), again: ago(1), senders: 801, messages: 2 * (3 * 800 + 12) },
  });
  // The next look says the same, and no more is new about it.
  const [later] = unauthorizedSource.find(domainWindow([...trickle, ...botnet.flat()], { known: [onFile(now)] })) as [Candidate];
  expect(later.evidence).toMatchObject({ since: ago(1), again: ago(1), senders: 801 });
});

test('a trickle that doubles is the same trickle', () => {
  const [then] = unauthorizedSource.find(domainWindow(span(6, 2, 'unauthenticated', 20, REPORTERS, net(1))));
  const rows = [...span(6, 2, 'unauthenticated', 20, REPORTERS, net(1)), ...span(1, 0, 'unauthenticated', 40, REPORTERS, net(1))];
  const [now] = unauthorizedSource.find(domainWindow(rows, { known: [onFile({ ...then!, first_day: ago(20) })] }));
  expect(now!.evidence.again).toBeUndefined();
  expect(now!.evidence.since).toBe(ago(20));
});

test.each([
  ['each day', 0],
  ['its first days', 3],
])('what was found in a part of the reports of %s counts from its first day when all of them are in', (_, until) => {
  const seen = (reporters: string[]) => [
    ...span(5, 3, 'unauthenticated', 45, reporters, net(1)),
    ...span(2, 0, 'unauthenticated', 120, reporters, net(1)),
  ];
  const part = seen([REPORTERS[0]!]).filter(({ day }) => day <= ago(until));
  const [then] = unauthorizedSource.find(domainWindow(part));
  const [now] = unauthorizedSource.find(domainWindow(seen(REPORTERS), { known: [onFile(then!)] })) as [Candidate];
  expect(now.evidence.again).toBeUndefined();
  expect(now.evidence).toMatchObject({ since: ago(5), messages: 3 * (3 * 45 + 3 * 120) });
});

test('what was opened on its day does not begin earlier at the next look, on days that would have opened nothing', () => {
  const rows = [
    ...[5, 4, 3, 2].flatMap((n) =>
      REPORTERS.map((reporter, i) => row(ago(n), 'unauthenticated', 2, { ...net(10 * n + i), reporter })),
    ),
    ...[1, 2, 3].flatMap((n) => span(1, 0, 'unauthenticated', 200, REPORTERS, net(n))),
  ];
  const [then] = unauthorizedSource.find(domainWindow(rows)) as [Candidate];
  expect(then).toMatchObject({ first_day: ago(1), evidence: { since: ago(1) } });
  const [now] = unauthorizedSource.find(domainWindow(rows, { known: [onFile(then)] })) as [Candidate];
  expect(now).toMatchObject({ first_day: ago(1), evidence: { since: ago(1), messages: then.evidence.messages } });
});
