import { expect, test } from 'vitest';
import { volumeSurge } from '../../../services/analyzer/rules/volume_surge.ts';
import type { SenderWindow } from '../../../services/analyzer/rules/window.ts';
import type { SourceDay } from '../../../services/store/analysis/window-reads.ts';
import { heard, LARGE, MIDDLE, type Report, SMALL } from '../late-reports.ts';
import { ago, onFile, row, senderWindow, span } from '../rows.ts';
import { expectLives } from './invented-lives.ts';

test('a surge far beyond habit is told before the largest reporter speaks; what is only much for the others waits for it', () => {
  const habit = span(41, 1, 'both', 50, [LARGE, MIDDLE, SMALL]);
  const missing = [{ day: ago(0), reporter: LARGE }];
  const surge = (n: number, reports: readonly Report[]) => {
    const rows = [...habit, ...[LARGE, MIDDLE, SMALL].map((reporter) => row(ago(0), 'both', n, { reporter }))];
    const { there, given } = heard(rows, reports);
    return volumeSurge.find(senderWindow(there, given)).length;
  };
  expect(surge(1000, missing)).toBe(1);
  expect(surge(130, missing)).toBe(0);
  expect(surge(130, [])).toBe(1);
});

test('a surge does not end on days of which its loudest reporter has yet to speak', () => {
  const silent = [0, 1, 2].map((n) => ({ day: ago(n), reporter: LARGE }));
  const rows = [...span(41, 4, 'both', 50, [LARGE, MIDDLE, SMALL]), ...span(3, 3, 'both', 500, [LARGE, MIDDLE, SMALL])];
  const all = heard([...rows, ...span(2, 0, 'both', 50, [LARGE, MIDDLE, SMALL])], []);
  const [surge] = volumeSurge.find(senderWindow(all.there, all.given));
  const known = onFile(surge!);
  expect(volumeSurge.over(known, senderWindow(all.there, all.given))).toMatchObject({ reason: 'usual_again' });
  const some = heard(all.there, silent);
  expect(volumeSurge.over(known, senderWindow(some.there, some.given))).toBeNull();
});

test('a campaign is one while its largest receiver has yet to report', () => {
  const sent = (usual: number, to: [string, number][], day: number) =>
    to.map(([reporter, share]) => row(ago(day), 'both', Math.round(usual * share), { reporter }));
  const readers: [string, number][] = [
    [LARGE, 6],
    [MIDDLE, 2],
    [SMALL, 1],
  ];
  const habit = Array.from({ length: 41 }, (_, i) => sent(30, readers, i + 1)).flat();
  const { there, given } = heard([...habit, ...sent(600, readers, 0)], [{ day: ago(0), reporter: LARGE }]);
  const service = { id: 'amazon-ses', name: 'Amazon SES', kind: 'bulk' } as SenderWindow['sender'];
  expect(volumeSurge.find(senderWindow(there, { ...given, sender: service }))).toMatchObject([{ severity: 'info' }]);
  // All of it goes to one that is small otherwise.
  const other = heard([...habit, ...sent(240, [[SMALL, 9]], 0), ...sent(3, [[MIDDLE, 2]], 0)], []);
  const [told] = volumeSurge.find(senderWindow(other.there, { ...other.given, sender: service }));
  expect(told?.severity).not.toBe('info');
});

test('whether it is a campaign is seen by its networks, its receivers and what passes of it', () => {
  const three = [LARGE, MIDDLE, SMALL];
  const service = { id: 'amazon-ses', name: 'Amazon SES', kind: 'bulk' } as SenderWindow['sender'];
  // A Monday and a Tuesday, not at the end of the month.
  const habit = [...span(41, 5, 'both', 40, three), ...span(2, 0, 'both', 40, three)];
  type Source = SenderWindow['of']['sources'][number];
  const seasonOf = (surge: SourceDay[], sources: Partial<Source>[] = [{}], earlier: { day: string; messages: number }[] = []) => {
    const { there, given } = heard([...habit, ...surge], []);
    const window = senderWindow(there, { ...given, sender: service });
    const [own] = window.of.sources;
    const of = { ...window.of, earlier, sources: sources.map((one) => ({ ...own!, first_day: ago(41), ...one })) };
    const [found] = volumeSurge.find({ ...window, of });
    const facts = found!.evidence.facts;
    return facts?.rule === 'volume_surge' ? facts.season : undefined;
  };
  const sends = (day: number, each: readonly number[], more: Partial<SourceDay> = {}) =>
    three.map((reporter, n) => row(ago(day), 'both', each[n]!, { reporter, ...more }));
  const surge = [...sends(4, [200, 200, 200]), ...sends(3, [240, 240, 240])];
  const campaign = { why: 'campaign' };
  expect(seasonOf(surge)).toEqual(campaign);
  // The shares of its receivers, a third each before, differ by no more than 0.35.
  expect(seasonOf([...sends(4, [340, 80, 80]), ...sends(3, [340, 80, 80])])).toEqual(campaign);
  expect(seasonOf([...sends(4, [346, 77, 77]), ...sends(3, [346, 77, 77])])).toBeNull();
  // No more than half of it comes from networks that began with it.
  const recent = (old: number, at: number) => [
    { day: ago(4), messages: old, delivered: 0 },
    { day: ago(3), messages: old, delivered: 0 },
    { day: ago(2), messages: at, delivered: 0 },
  ];
  const networks = (own: number, others: number, first = 4) => [
    { recent: recent(own, 9000) },
    { source: '198.51.100.0/24', first_day: ago(first), recent: recent(others, 0) },
  ];
  expect(seasonOf(surge, networks(330, 330))).toEqual(campaign);
  expect(seasonOf(surge, networks(330, 331))).toBeNull();
  expect(seasonOf(surge, networks(330, 331, 5))).toEqual(campaign);
  // It repeats what its largest day has two fifths of, three weeks before.
  const day = (messages: number, n = 23) => [{ day: ago(n), messages }];
  expect(seasonOf(surge, [{}], day(288))).toEqual({ why: 'recurring', ...day(288)[0] });
  expect(seasonOf(surge, [{}], day(287))).toEqual(campaign);
  expect(seasonOf(surge, [{}], day(288, 22))).toEqual(campaign);
  const within = [...surge, ...sends(30, [70, 70, 70]).map((one) => ({ ...one, source: 'service.example' }))];
  expect(seasonOf(within)).toEqual({ why: 'recurring', day: ago(30), messages: 330 });
});

test('a hoster that moves mail between its networks is no surge of one of them', () => {
  const three = [LARGE, MIDDLE, SMALL];
  const { there, given } = heard([...span(41, 1, 'both', 40, three), ...span(0, 0, 'both', 140, three)], []);
  const alone = senderWindow(there, { ...given, source: '212.227.15.0/24' });
  const [source] = alone.of.sources;
  const at = (name: string, own: number, others: number) => {
    const each = Array.from({ length: 42 }, (_, i) => ({ day: ago(i), messages: i === 0 ? own : others }));
    const one = { ...source!, source: name, asn: 8560, each };
    return { ...alone.of, key: name, sources: [one] };
  };
  const own = at('212.227.15.0/24', 420, 120);
  const found = (kin: ReturnType<typeof at>[]) => volumeSurge.find({ ...alone, of: own, senders: [own, ...kin] }).length;
  expect(found([])).toBe(1);
  expect(found([at('212.227.17.0/24', 400, 500)])).toBe(0);
  expect(found([at('212.227.17.0/24', 2000, 500)])).toBe(1);
  // Another's network says nothing.
  const { sources } = at('192.0.2.0/24', 400, 500);
  expect(found([{ ...own, key: '192.0.2.0/24', sources: [{ ...sources[0]!, asn: 24_940 }] }])).toBe(1);
});

test('its figures are of the same days, a milder one among them too', () => {
  const three = [LARGE, MIDDLE, SMALL];
  const rows = [span(41, 3, 'both', 50, three), span(2, 2, 'both', 600, three), span(1, 1, 'both', 60, three)];
  const { there, given } = heard([...rows.flat(), ...span(0, 0, 'both', 600, three)], []);
  const { evidence } = volumeSurge.find(senderWindow(there, given))[0]!;
  expect(evidence).toMatchObject({ messages: 3780, delivered: 3780, facts: { days: 3 } });
  expect(evidence.who[0]!.messages).toBe(evidence.messages);
});

/** A sender of some messages a day and reporter, and then more for some days. */
function burst(usual: number, most: number, days: number) {
  const reporters = [LARGE, MIDDLE, SMALL];
  const { there, given } = heard(
    [...span(41, days, 'both', usual, reporters), ...span(days - 1, 0, 'both', most, reporters)],
    [],
  );
  return volumeSurge.find(senderWindow(there, given));
}

test.each([
  [1, 40, 2],
  [3, 50, 3],
  [10, 55, 1],
])('a small sender of %i a day and reporter that writes %i for %i days to all it knows is no alarm', (usual, most, days) => {
  expect(burst(usual, most, days)).toMatchObject([{ severity: 'info', evidence: { facts: { season: { why: 'small' } } } }]);
});

test.each([
  [1, 100, 1],
  [3, 400, 1],
  [10, 55, 5],
])('a stolen account knows no measure: from %i to %i for %i days is one', (usual, most, days) => {
  expect(burst(usual, most, days)[0]!.severity).not.toBe('info');
});

test('what it says of invented senders is as it was', () => expectLives('volume_surge'));
