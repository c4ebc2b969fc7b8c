import { describe, expect, test } from 'vitest';
import { bringsMore, mayReplace, predecessorOf, renumberingOf } from '../../../services/analyzer/senders/moves.ts';
import type { SenderData } from '../../../services/analyzer/senders/units.ts';
import { ago, DOMAIN, REPORTERS, senderWindow, sourceWindow, span } from '../rows.ts';
import { expectLives } from '../rules/invented-lives.ts';

const ONE = REPORTERS.slice(0, 1);
/** The day on which a new sender began; the days behind it are compared, of which the newest three count. */
const FIRST = ago(4);
type Service = NonNullable<SenderData['service']>;
const service = (id: string, kind = 'bulk') => ({ id, kind, name: id }) as unknown as Service;

/** A sender with so many messages a day until the new one began, and since. */
function sender(key: string, before: number, since: number, given: Partial<SenderData> = {}): SenderData {
  const rows = [
    ...(before > 0 ? span(41, 4, 'both', before, ONE, { source: key }) : []),
    ...(since > 0 ? span(3, 0, 'both', since, ONE, { source: key }) : []),
  ];
  const { of } = senderWindow(rows);
  return { ...of, key, name: `${key} itself`, firstSeen: before > 0 ? ago(41) : FIRST, ...given };
}

function windowOf(others: readonly SenderData[], now: number, given: Partial<SenderData> = {}) {
  const of = sender('new.example', 0, now, given);
  // The reporter is there on each day.
  const { attendance, domainDays, reporterDays } = sourceWindow(span(41, 0, 'both', 100, ONE));
  return senderWindow(of.rows, { of, senders: [of, ...others], attendance, domainDays, reporterDays });
}
const found = (others: readonly SenderData[], now: number, given: Partial<SenderData> = {}) =>
  predecessorOf(windowOf(others, now, given), FIRST);

describe('whose place a new sender has taken', () => {
  test.each<[string, number, number, number, 'moved' | 'migrated' | null]>([
    ['one that is silent, and sent as much', 100, 0, 100, 'moved'],
    ['one that is as good as silent', 100, 5, 100, 'moved'],
    ['one that still sends a little', 100, 10, 100, 'migrated'],
    ['one that is silent, and sent four times as much', 100, 0, 25, 'moved'],
    ['more than four times', 100, 0, 24, 'migrated'],
    ['one that is silent, and sent a quarter of it', 100, 0, 400, 'moved'],
    ['less than a quarter', 100, 0, 404, null],
    ['one that sends less by what is new', 100, 50, 50, 'migrated'],
    ['by half of what is new', 100, 50, 99, 'migrated'],
    ['by less', 100, 50, 110, null],
    ['one that sends as much as ever', 100, 100, 50, null],
    ['hardly less', 100, 86, 20, null],
    ['one that never sent much, whose silence says little', 1, 0, 1, 'migrated'],
    ['one that sent four messages in all', 2, 0, 2, 'moved'],
    ['where nothing is new', 100, 0, 0, null],
  ])('%s', (_, before, since, now, how) => {
    expect(found([sender('old.example', before, since)], now)?.how ?? null).toBe(how);
  });

  test('is the one that fell most, with its name and twenty sources', () => {
    const many = sender('most.example', 200, 0);
    const sources = Array.from({ length: 25 }, (_, i) => ({ ...many.sources[0]!, source: `s${i}` }));
    expect(found([sender('less.example', 100, 0), { ...many, sources }, sender('least.example', 90, 0)], 150)).toEqual({
      how: 'moved',
      key: 'most.example',
      name: 'most.example itself',
      sources: sources.slice(0, 20).map(({ source }) => source),
    });
  });

  test('between services it is a migration, however sudden', () => {
    expect(found([sender('old', 100, 0, { service: service('old') })], 100)?.how).toBe('migrated');
    expect(found([sender('old', 100, 0)], 100, { service: service('new') })?.how).toBe('migrated');
  });

  test('is none that began shortly before it, or is it', () => {
    expect(found([sender('old.example', 100, 0, { firstSeen: ago(14) })], 100)).toBeNull();
    expect(found([sender('old.example', 100, 0, { firstSeen: ago(15) })], 100)?.how).toBe('moved');
    expect(found([sender('old.example', 100, 0, { firstSeen: null })], 100)).toBeNull();
    expect(found([sender('new.example', 100, 0)], 100)).toBeNull();
  });

  test('is not known on its first day', () => {
    expect(predecessorOf(windowOf([sender('old.example', 100, 0)], 100), ago(0))).toBeNull();
    expect(predecessorOf(windowOf([sender('old.example', 100, 0)], 100), ago(35))).toBeNull();
  });
});

describe('whether a new service may yet turn out to take the place of another', () => {
  const may = (other: SenderData, now = 50, given: Partial<SenderData> = { service: service('new') }) =>
    mayReplace(windowOf([other], now, given), FIRST);
  test.each<[string, Partial<SenderData>, boolean]>([
    ['of a service', { service: service('old') }, true],
    ['not of people’s mailboxes', { service: service('old', 'mailbox_provider') }, false],
    ['not of a forwarder', { service: service('old', 'forwarder') }, false],
    ['of own servers, by the domain', { key: DOMAIN, grouped: true }, true],
    ['by a name below it', { key: `mail.${DOMAIN}`, grouped: true }, true],
    ['not by a single source of that name', { key: DOMAIN, grouped: false }, false],
    ['not of a stranger', { key: 'other.example', grouped: true }, false],
  ])('%s', (_, given, expected) => {
    expect(may(sender('old', 100, 60, given))).toBe(expected);
  });
  test('not where the new one is no service, or brings more', () => {
    const old = sender('old', 100, 60, { service: service('old') });
    expect(may(old, 50, {})).toBe(false);
    expect(may(old, 130)).toBe(false);
  });
  test('as far as its mail varies from day to day', () => {
    expect(may(sender('old', 1000, 1000, { service: service('old') }), 10)).toBe(true);
    expect(may(sender('old', 1000, 1900, { service: service('old') }), 10)).toBe(false);
  });
});

describe('whether a new sender brings mail on top', () => {
  const brings = (before: number, since: number, now: number, others = ['old.example']) =>
    bringsMore(windowOf([sender('old.example', before, since), sender('third.example', 500, 500)], now), FIRST, new Set(others));
  test.each([
    ['together twice the usual', 100, 100, 100, true],
    ['less', 100, 90, 90, false],
    ['what the other sends less is taken over', 100, 20, 100, false],
    ['where the usual is little', 1, 1, 8, true],
  ])('%s', (_, before, since, now, expected) => {
    expect(brings(before, since, now)).toBe(expected);
  });
  test('beside nobody it is not said', () => {
    expect(brings(100, 100, 1000, ['unknown.example'])).toBe(false);
    expect(brings(100, 100, 590, ['old.example', 'third.example'])).toBe(false);
    expect(brings(100, 100, 610, ['old.example', 'third.example'])).toBe(true);
  });
});

describe('networks of a sender that moved', () => {
  const source = (name: string, first: number, last: number, passed = 100, messages = passed) => ({
    ...sender('x', 1, 1).sources[0]!,
    source: name,
    first_day: ago(first),
    last_day: ago(last),
    passed,
    messages,
  });
  const of = (...sources: ReturnType<typeof source>[]) => {
    const window = windowOf([], 10);
    return renumberingOf({ ...window, of: { ...window.of, sources } }, ago(10));
  };
  const [old, fresh] = [source('old', 40, 5), source('new', 5, 0)];

  test('are told, with the day', () => {
    expect(of(old, fresh)).toEqual({ from: ['old'], to: ['new'], first: ago(5) });
    expect(of(old, fresh, source('newer', 3, 0))).toEqual({ from: ['old'], to: ['new', 'newer'], first: ago(5) });
  });
  test.each<[string, ReturnType<typeof source>[], boolean]>([
    ['nothing began', [old], false],
    ['nothing was left', [source('old', 40, 0), fresh], false],
    ['what began sends next to nothing', [old, source('new', 5, 0, 3)], false],
    ['it sends a little', [old, source('new', 5, 0, 4)], true],
    ['it began before the newest days', [old, source('new', 11, 0)], false],
    ['the old ones sent for three days less', [source('old', 40, 8), fresh], true],
    ['the old ones were silent before', [source('old', 40, 9), fresh], false],
    ['both sent for four days', [source('old', 40, 2), source('new', 6, 0)], true],
    ['both sent for longer', [source('old', 40, 1), source('new', 6, 0)], false],
    ['what was left is half of it', [old, source('stays', 40, 0, 100), fresh], true],
    ['it is less', [old, source('stays', 40, 0, 101), fresh], false],
    ['the old ones are silent for two days', [source('old', 40, 2), source('new', 5, 0)], true],
    ['for one', [source('old', 40, 1), source('new', 5, 0)], false],
    ['the old ones were not old', [source('old', 15, 5), fresh], false],
    ['the old ones were old enough', [source('old', 16, 5), fresh], true],
    ['most of the old mail failed', [source('old', 40, 5, 10, 100), fresh], false],
    ['it began today', [source('old', 40, 2), source('new', 0, 0)], false],
    ['it began yesterday', [source('old', 40, 2), source('new', 1, 0)], true],
  ])('%s', (_, sources, moved) => {
    expect(of(...sources) !== null).toBe(moved);
  });
});

test.each(['sender_moved', 'new_source'])('what it says of invented senders is as it was (%s)', (name) => expectLives(name));
