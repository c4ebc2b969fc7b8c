import { describe, expect, test } from 'vitest';
import { mainKeyOf, signsForOwners } from '../../../services/analyzer/senders/keys.ts';
import type { SenderData } from '../../../services/analyzer/senders/units.ts';
import type { KeyUse } from '../../../services/store/analysis/senders.ts';
import { ago } from '../rows.ts';
import { expectLives } from './invented-senders.ts';

const KEY = 's1._domainkey.example.com';
const OTHER = 's2._domainkey.example.com';
const sender = (key: string, ...sources: string[]) =>
  ({ key, sources: (sources.length === 0 ? [key] : sources).map((source) => ({ source })) }) as unknown as SenderData;
const use = (source: string, passed: number, given: Partial<KeyUse> = {}): KeyUse => ({
  ...({ key: KEY, source, passed, recent: 0, first_day: ago(10), last_day: ago(0) } as KeyUse),
  ...given,
});
const NEW = sender('new', '192.0.2.0/24', '198.51.100.0/24');
/** A sender that began ten days ago; keys are known for as long as `from` says. */
const main = (keyUses: KeyUse[], { from = ago(40), first = ago(10), senders = [] as SenderData[], of = NEW } = {}) =>
  mainKeyOf(of, first, { keyUses, senders: [of, ...senders], from });

describe('the key that a sender signs with', () => {
  test('is the one of most of its mail, of all its sources together; of equals, the first by name', () => {
    const uses = [
      use('192.0.2.0/24', 30, { key: OTHER }),
      use('192.0.2.0/24', 20),
      use('198.51.100.0/24', 20),
      use('203.0.113.0/24', 30, { first_day: ago(40) }),
    ];
    expect(main(uses)).toEqual({
      name: KEY,
      share: 40 / 70,
      age: 'old',
      carries: 70 / 100,
      part: Number.POSITIVE_INFINITY,
      others: [{ sender: '203.0.113.0/24', last_day: ago(0) }],
    });
    const equal = [use('192.0.2.0/24', 5, { key: OTHER }), use('192.0.2.0/24', 5), use('x', 1, { first_day: ago(40) })];
    expect(main(equal)).toMatchObject({ name: KEY, share: 0.5 });
  });

  test('nobody else signed with is new', () => {
    expect(main([use('192.0.2.0/24', 30), use('own', 70, { key: OTHER, first_day: ago(40) })])).toMatchObject({
      age: 'new',
      carries: 0.3,
      others: [],
    });
    // Who began on the same day signed with it no earlier.
    const same = [
      use('192.0.2.0/24', 30),
      use('x', 1, { first_day: ago(10) }),
      use('own', 1, { key: OTHER, first_day: ago(40) }),
    ];
    expect(main(same)).toMatchObject({ age: 'new', others: [] });
    const earlier = [
      use('192.0.2.0/24', 30),
      use('x', 1, { first_day: ago(11) }),
      use('own', 1, { key: OTHER, first_day: ago(40) }),
    ];
    expect(main(earlier)).toMatchObject({ age: 'old', others: [] });
  });

  test('is not said of a sender without one, nor where keys are not known for two weeks before it', () => {
    expect(main([use('203.0.113.0/24', 30, { first_day: ago(40) })])).toBeNull();
    expect(main([use('192.0.2.0/24', 30)])).toBeNull();
    expect(main([use('192.0.2.0/24', 30), use('x', 1, { first_day: ago(23) })])).toBeNull();
    expect(main([use('192.0.2.0/24', 30), use('x', 1, { first_day: ago(24) })])).not.toBeNull();
    // The keys of a domain that are known from later on than the sender say nothing of the time before.
    expect(main([use('192.0.2.0/24', 30, { first_day: ago(9) })], { from: ago(9) })).toBeNull();
    expect(main([use('192.0.2.0/24', 30)], { from: ago(5), first: ago(30) })).toBeNull();
  });

  test('has as others those that signed long before, by sender, those of the most mail first', () => {
    const senders = [sender('crm.example', 'a', 'b'), sender('late.example', 'c')];
    const uses = [
      use('192.0.2.0/24', 30),
      use('a', 10, { first_day: ago(40), last_day: ago(3) }),
      use('b', 10, { first_day: ago(30), last_day: ago(2) }),
      use('own', 25, { first_day: ago(24), last_day: ago(7) }),
      use('c', 99, { first_day: ago(23) }),
      use('d', 20, { first_day: ago(40), last_day: ago(9) }),
    ];
    expect(main(uses, { senders })?.others).toEqual([
      { sender: 'own', last_day: ago(7) },
      { sender: 'crm.example', last_day: ago(2) },
      { sender: 'd', last_day: ago(9) },
    ]);
  });

  test('is used as much as it is of late, by the sender and by all others', () => {
    const uses = [
      use('192.0.2.0/24', 30, { recent: 12 }),
      use('198.51.100.0/24', 1, { recent: 3 }),
      use('own', 90, { first_day: ago(40), recent: 20 }),
      use('x', 90, { first_day: ago(40), recent: 10 }),
      use('own', 90, { key: OTHER, first_day: ago(40), recent: 1000 }),
    ];
    expect(main(uses)?.part).toBe(0.5);
  });
});

describe('whether a sender signs for the owners of its keys', () => {
  const owner = (key: string, spf_aligned: number, given: Partial<SenderData> = {}) =>
    ({ key, service: null, sources: [{ source: key, passed: 100, spf_aligned }], ...given }) as unknown as SenderData;
  const signs = (keyUses: KeyUse[], ...senders: SenderData[]) => signsForOwners(NEW, { keyUses, senders: [NEW, ...senders] });
  const own = use('192.0.2.0/24', 40, { recent: 20 });
  const of = (source: string, recent: number, given: Partial<KeyUse> = {}) => use(source, recent, { recent, ...given });

  test('an owner sends five times as much of late with the key, by all its sources together', () => {
    expect(signs([own, of('crm', 99)], owner('crm', 100))).toBe(false);
    expect(signs([own, of('crm', 100)], owner('crm', 100))).toBe(true);
    const two = owner('crm', 0, { sources: ['a', 'b'].map((source) => ({ source, passed: 9, spf_aligned: 9 })) as never });
    expect(signs([own, of('a', 60), of('b', 40)], two)).toBe(true);
    // Two senders with half of it each: neither is the clear owner.
    expect(signs([own, of('a', 60), of('b', 40)], owner('a', 100), owner('b', 100))).toBe(false);
    // What it sent before says nothing of these days, nor what it signs with another key.
    expect(signs([own, use('crm', 900, { recent: 99 })], owner('crm', 100))).toBe(false);
    expect(signs([own, of('crm', 900, { key: OTHER })], owner('crm', 100))).toBe(false);
  });

  test('an owner is a sender by SPF or as a service, not by the key alone', () => {
    expect(signs([own, of('crm', 100)], owner('crm', 79))).toBe(false);
    expect(signs([own, of('crm', 100)], owner('crm', 80))).toBe(true);
    expect(signs([own, of('crm', 100)], owner('crm', 0, { service: { id: 'crm' } as never }))).toBe(true);
    expect(signs([own, of('crm', 100)])).toBe(false);
  });

  test('half of what it signs is under such keys', () => {
    const key = (recent: number) => of('198.51.100.0/24', recent, { key: OTHER });
    expect(signs([own, key(20), of('crm', 100)], owner('crm', 100))).toBe(true);
    expect(signs([own, key(21), of('crm', 100)], owner('crm', 100))).toBe(false);
    expect(signs([of('crm', 100)], owner('crm', 100))).toBe(false);
    expect(signs([own, of('198.51.100.0/24', 900)], NEW)).toBe(false);
  });
});

test('the main key of invented senders is as it was', () => expectLives('keys'));
