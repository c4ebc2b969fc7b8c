import { expect, test } from 'vitest';
import { subdomainAbuse } from '../../../services/analyzer/rules/subdomain_abuse.ts';
import { unauthorizedSource } from '../../../services/analyzer/rules/unauthorized_source.ts';
import { backgroundOf, othersOf, partOf } from '../../../services/analyzer/unauthenticated/part.ts';
import { ago, domainWindow, networks, onFile, REPORTERS, row, span } from '../rows.ts';

const NET = { source: '198.18.1.0/24' };
const as = (below: number, itself: number) =>
  networks([row(ago(0), 'below', below, NET), row(ago(0), 'unauthenticated', itself, NET)])[0]!;

test('a network belongs where most of its failing mail is', () => {
  expect(partOf(as(6, 5), domainWindow([]))).toBe('below');
  expect(partOf(as(5, 5), domainWindow([]))).toBe('domain');
});

test('what an open finding says of it already stays', () => {
  const [below] = subdomainAbuse.find(domainWindow(span(1, 0, 'below', 20, REPORTERS, NET)));
  const [itself] = unauthorizedSource.find(domainWindow(span(1, 0, 'unauthenticated', 20, REPORTERS, NET)));
  expect(partOf(as(1, 9), domainWindow([], { known: [onFile(below!)] }))).toBe('below');
  expect(partOf(as(9, 1), domainWindow([], { known: [onFile(itself!)] }))).toBe('domain');
  const over = onFile(below!, { state: 'resolved' });
  expect(partOf(as(1, 9), domainWindow([], { known: [over] }))).toBe('domain');
});

test('of what is counted and not listed, each part has its own', () => {
  const day0 = { day: ago(0), failed: 100, delivered: 50, quarantined: 30, rejected: 20 };
  const below = { day: ago(0), failed: 30, delivered: 10, quarantined: 15, rejected: 5 };
  const rest = {
    others: { networks: 10, failed: 130, days: [day0, { ...below, day: ago(1) }] },
    others_below: { networks: 4, failed: 60, days: [below, { ...below, day: ago(1) }] },
  };
  const window = domainWindow(span(1, 0, 'both', 10), { networks: { largest: [], ...rest } });
  expect(othersOf(window, 'below')).toEqual(rest.others_below);
  expect(othersOf(window, 'domain')).toEqual({
    networks: 6,
    failed: 70,
    // Of a day on which all of it is below the domain nothing is left.
    days: [{ day: ago(0), failed: 70, delivered: 40, quarantined: 15, rejected: 15 }],
  });
  const day = { ...window.reporterDays[0]!, background: 9, background_below: 4, networks: 5, networks_below: 2 };
  expect([backgroundOf(day, 'domain'), backgroundOf(day, 'below')]).toEqual([
    { messages: 5, networks: 3 },
    { messages: 4, networks: 2 },
  ]);
});
