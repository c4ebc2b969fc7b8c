import { expect, test } from 'vitest';
import { unauthorizedSource } from '../../../services/analyzer/rules/unauthorized_source.ts';
import type { DomainWindow } from '../../../services/analyzer/rules/window.ts';
import { riseOf } from '../../../services/analyzer/unauthenticated/rise.ts';
import type { Rest, RestDay } from '../../../services/store/analysis/window-reads.ts';
import type { KnownFinding } from '../../../services/store/findings/findings.ts';
import { ago, domainWindow, networks, onFile, REPORTERS, row, span } from '../rows.ts';

const net = (n: number) => `198.18.${n}.0/24`;
const NONE: Rest = { networks: 0, failed: 0, days: [] };
const forged = (n: number, from: number, to: number, each: number) =>
  span(from, to, 'unauthenticated', each, REPORTERS, { source: net(n) });
const rest = (day: number, failed: number): RestDay => ({
  day: ago(day),
  failed,
  delivered: failed,
  quarantined: 0,
  rejected: 0,
});
const withRest = (rows: ReturnType<typeof forged>, others: Rest, more: Partial<DomainWindow> = {}) =>
  domainWindow(rows, { networks: { largest: networks(rows), others, others_below: NONE }, ...more });

test('a rise has its networks, the largest first, and of the others the days that it rose on', () => {
  const rows = [...forged(3, 2, 1, 30), ...forged(4, 2, 1, 30), ...forged(1, 2, 1, 30), ...forged(2, 2, 1, 60)];
  const others = { networks: 40, failed: 999, days: [rest(6, 1), rest(2, 40), rest(1, 60)] };
  const rise = riseOf(withRest(rows, others), 'domain')!;
  expect(rise.told.map(({ days, ...sums }) => ({ ...sums, days: days.map(({ day }) => day) }))).toEqual(
    [
      [2, 360],
      [1, 180],
      [3, 180],
      [4, 180],
    ].map(([n, messages]) => ({
      source: net(n!),
      messages,
      passed: 0,
      delivered: 0,
      quarantined: 0,
      rejected: messages,
      days: [ago(2), ago(1)],
    })),
  );
  expect(rise.others).toEqual({ networks: 40, failed: 100, days: [rest(2, 40), rest(1, 60)] });
  expect(rise).toMatchObject({ open: undefined, again: undefined, days: [6, 5, 4, 3, 2, 1, 0].map(ago), usual: 0.145 });
  expect(rise.harm.delivered).toBeCloseTo(100.87, 1);
  expect(rise.chance).toBeLessThan(1e-9);
  // Of others alone nobody can say who they are; and what is on other days is not in it.
  expect(riseOf(withRest([], others), 'domain')).toBeNull();
  expect(riseOf(withRest(rows, { ...others, days: [rest(6, 1)] }), 'domain')!.others).toEqual(NONE);
  expect(riseOf(withRest([], NONE), 'domain')).toBeNull();
});

/** A finding on file about the first network, whose last day is some days ago. */
function open(last: number, more: Partial<KnownFinding['evidence']> = {}, first = 20): KnownFinding {
  const [found] = unauthorizedSource.find(domainWindow(forged(1, 2, 1, 60)));
  const evidence = { ...found!.evidence, per_day: 360, since: ago(first), last_day: ago(last), ...more };
  return onFile({ ...found!, first_day: ago(first), last_day: ago(last), evidence });
}
const goesOn = (rows: ReturnType<typeof forged>, known: KnownFinding[], others = NONE) =>
  riseOf(withRest(rows, others, { known }), 'domain');

test('an open finding goes on while three messages of its networks are left', () => {
  // As much a day is habit, so nothing rises.
  const left = (n: number, of = 1) =>
    goesOn([...forged(9, 41, 7, 5), row(ago(0), 'unauthenticated', n, { source: net(of) })], [open(1)]);
  expect(left(2)).toBeNull();
  expect(left(3)?.told).toMatchObject([{ source: net(1), messages: 3 }]);
  // A network that it does not name holds nothing by so little.
  expect(left(3, 7)).toBeNull();
});

test('after a week without it begins again, if that is worth an alarm by itself', () => {
  const back = (last: number, each = 30) => goesOn(forged(1, 1, 0, each), [open(last)])?.again;
  expect(back(9)).toBe(ago(1));
  expect(back(8)).toBeUndefined();
  expect(goesOn(forged(1, 1, 0, 30), [open(8)])).not.toBeNull();
  const little = (last: number) => goesOn([row(ago(0), 'unauthenticated', 4, { source: net(1) })], [open(last)]);
  expect(little(8)).toBeNull();
  expect(little(7)?.again).toBeUndefined();
  expect(little(7)?.told).toMatchObject([{ messages: 4 }]);
});

test('what it is told of since it grew is that of the days since', () => {
  const rows = [...forged(1, 4, 3, 10), ...forged(1, 1, 0, 400), ...forged(2, 0, 0, 200)];
  const others = { networks: 3, failed: 100, days: [rest(3, 9), rest(1, 40), rest(0, 60)] };
  const known = [open(3, { per_day: 30 }, 4)];
  const rise = goesOn(rows, known, others)!;
  expect(rise.again).toBe(ago(1));
  expect(rise.told.map(({ source, messages }) => [source, messages])).toEqual([
    [net(1), 2400],
    [net(2), 600],
  ]);
  expect(rise.others).toEqual({ networks: 3, failed: 100, days: [rest(1, 40), rest(0, 60)] });
  // What was mailed of it counts, whatever is on file by now; and what was told of a day is told of it no
  // more.
  const told = (evidence: Partial<KnownFinding['evidence']>) =>
    goesOn(rows, [{ ...known[0]!, told: { severity: 'low', evidence: { ...known[0]!.evidence, ...evidence } } }], others)!.again;
  expect(told({ per_day: 2000 })).toBeUndefined();
  expect(told({ again: ago(2) })).toBe(ago(1));
  expect(told({ again: ago(1) })).toBeUndefined();
  const without = { ...known[0]!.evidence };
  delete (without as { since?: string }).since;
  expect(goesOn(rows, [{ ...known[0]!, told: { severity: 'low', evidence: without } }], others)!.again).toBe(ago(1));
});
