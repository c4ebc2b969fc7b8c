import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decide, type LastRequest, type Limits, type RecordNow, type Way } from '../../services/cluster/decide.ts';
import { canonical, type Observation, observation, observed, type SeenAddress } from '../../services/cluster/observe.ts';
import { networkContains } from '../../services/dns/guard/spf-terms.ts';
import { ownNetworks } from '../../services/dns/spf/edit.ts';
import { parseSpf } from '../../services/dns/spf/record.ts';

const MINUTE = 60_000;
const DAY = 86_400_000;
const START = new Date('2026-11-27T00:00:00Z');
const LIMITS: Limits = { debounce_ms: 2 * MINUTE, queue_ms: 5 * DAY, every_ms: 30 * MINUTE, most_loss: 0.5 };
const later = (ms: number) => new Date(START.getTime() + ms);
const there = (address: string, since = START): SeenAddress => ({ address, since, gone_at: null });
const gone = (address: string, gone_at = START): SeenAddress => ({ address, since: START, gone_at });
const wayOf = (given: Partial<Way> = {}): Way => ({
  name: 'production/nodes',
  seen: [],
  unknown: null,
  declared: [],
  confirmed_at: null,
  ...given,
});
const admitsOf = (text: string) => (address: string) => ownNetworks(text).some((one) => networkContains(one, address));
const recordOf = (text: string, given: Partial<RecordNow> = {}): RecordNow => ({
  text,
  ttl: 3600,
  lookups: 0,
  admits: admitsOf(text),
  ways: [],
  keep: [],
  pinned: false,
  sending: new Set(),
  last: null,
  ...given,
});
const lastOf = (given: Partial<LastRequest>): LastRequest => ({
  request_key: 7,
  state: 'done',
  at: START,
  before: 'v=spf1 -all',
  value: 'v=spf1 ip4:192.0.2.1 -all',
  ...given,
});
const codesOf = ({ problems }: ReturnType<typeof decide>) => problems.map(({ code }) => code);

describe('additions', () => {
  const added = (text: string, way: Partial<Way>, given: Partial<RecordNow> = {}, at = later(DAY)) =>
    decide(recordOf(text, { ways: [wayOf(way)], ...given }), LIMITS, at);

  test.each([
    ['v=spf1 -all', 'v=spf1 ip4:192.0.2.1 -all'],
    ['v=spf1', 'v=spf1 ip4:192.0.2.1'],
    ['v=spf1 include:_spf.example.net ~all', 'v=spf1 ip4:192.0.2.1 include:_spf.example.net ~all'],
    ['v=spf1 ip4:198.51.100.1 ip6:2001:db8::/32 mx -all', 'v=spf1 ip4:198.51.100.1 ip6:2001:db8::/32 ip4:192.0.2.1 mx -all'],
    ['v=spf1 a ip4:198.51.100.1 redirect=_spf.example.net', 'v=spf1 ip4:192.0.2.1 a ip4:198.51.100.1 redirect=_spf.example.net'],
    ['v=spf1 mx exp=why.example.com -all', 'v=spf1 ip4:192.0.2.1 mx exp=why.example.com -all'],
    ['v=spf1 exp=why.example.com mx a:x.example.com  -all', 'v=spf1 ip4:192.0.2.1 mx a:x.example.com exp=why.example.com -all'],
  ])('%s', (text, value) => {
    expect(added(text, { seen: [there('192.0.2.1')] }).change?.value).toBe(value);
  });

  test('a declared network that contains the address is published in its place, the smallest', () => {
    const declared = ['192.0.2.0/24', '192.0.2.0/28', '198.51.100.0/24'];
    expect(added('v=spf1 -all', { seen: [there('192.0.2.1'), there('192.0.2.3')], declared }).change).toMatchObject({
      come: ['192.0.2.0/28'],
      value: 'v=spf1 ip4:192.0.2.0/28 -all',
    });
    // A network of one address has no length in canonical text.
    const alone = added('v=spf1 -all', { seen: [there('192.0.2.1')], declared: ['192.0.2.0/24', '192.0.2.1'] });
    expect(alone.change?.come).toEqual(['192.0.2.1']);
  });

  test('nothing comes before the addresses have rested, and all the same when they never rest', () => {
    const at = later(DAY);
    const seen = [there('192.0.2.1', later(DAY - 3 * MINUTE)), there('192.0.2.2', later(DAY - MINUTE))];
    expect(added('v=spf1 -all', { seen }, {}, at)).toMatchObject({
      change: null,
      waits: expect.stringContaining('a short time ago'),
    });
    const long = [there('192.0.2.1', later(DAY - 10 * MINUTE)), ...seen];
    expect(added('v=spf1 -all', { seen: long }, {}, at).change?.come).toEqual(['192.0.2.1', '192.0.2.2']);
  });

  test('a record that is full, needs too many look-ups, or is declared word for word stays, and it is said', () => {
    const seen = [there('192.0.2.1')];
    const full = `v=spf1 ${Array.from({ length: 24 }, (_, n) => `ip4:203.0.113.${100 + n}`).join(' ')} -all`;
    for (const [text, given, code] of [
      [full, {}, 'long'],
      ['v=spf1 include:a.example -all', { lookups: 11 }, 'lookups'],
      ['v=spf1 -all', { pinned: true }, 'pinned'],
      ['v=spf1 -ip4:192.0.2.1 ip4:192.0.2.1 -all', { admits: () => false }, 'shadowed'],
    ] as const) {
      const made = added(text, { seen }, given);
      expect([made.change, ...codesOf(made)]).toEqual([null, code]);
      expect(made.problems[0]!.addresses).toEqual(['192.0.2.1']);
    }
    expect(added('v=spf1 -all', { seen }, { pinned: true, keep: ['192.0.2.1'] }).change?.come).toEqual(['192.0.2.1']);
  });

  test('of a full record, what is due to go goes', () => {
    const full = `v=spf1 ${Array.from({ length: 24 }, (_, n) => `ip4:203.0.113.${100 + n}`).join(' ')} -all`;
    const seen = [...Array.from({ length: 3 }, (_, n) => there(`192.0.2.${n}`)), gone('203.0.113.100')];
    const made = added(full, { seen }, {}, later(6 * DAY));
    expect(made.change).toMatchObject({ come: [], gone: ['203.0.113.100'] });
    expect(codesOf(made)).toEqual(['long']);
  });

  test('of a way that is not known, nothing is added', () => {
    const made = added('v=spf1 -all', { seen: [there('192.0.2.1')], unknown: 'The API does not answer.' });
    expect(made).toEqual({
      change: null,
      waits: null,
      problems: [
        { code: 'unknown', message: 'The addresses of production/nodes are not known: The API does not answer.', addresses: [] },
      ],
    });
  });
});

describe('removals', () => {
  const TEXT = 'v=spf1 ip4:192.0.2.1 ip4:192.0.2.2 ip4:192.0.2.3 mx -all';
  const seen = [gone('192.0.2.1'), there('192.0.2.2'), there('192.0.2.3')];
  const removed = (given: Partial<RecordNow>, ms = 5 * DAY, text = TEXT) =>
    decide(recordOf(text, { ways: [wayOf({ seen })], ...given }), LIMITS, later(ms));

  test('after the life of a queue, and the time that resolvers keep the record', () => {
    expect(removed({}, 5 * DAY - 1).change).toBeNull();
    expect(removed({}).change).toEqual({ value: 'v=spf1 ip4:192.0.2.2 ip4:192.0.2.3 mx -all', come: [], gone: ['192.0.2.1'] });
    expect(removed({ ttl: 6 * 86_400 }).change).toBeNull();
    expect(removed({ ttl: 6 * 86_400 }, 6 * DAY).change?.gone).toEqual(['192.0.2.1']);
  });

  test('not what is declared, what another way has, what nobody saw in the cluster, or what still sends', () => {
    expect(removed({ keep: ['192.0.2.0/30'] }).change).toBeNull();
    expect(removed({ ways: [wayOf({ seen }), wayOf({ name: 'b', seen: [there('192.0.2.1')] })] }).change).toBeNull();
    expect(removed({ ways: [wayOf({ seen }), wayOf({ name: 'b', seen: [there('192.0.2.0/28')] })] }).change?.gone ?? []).toEqual(
      [],
    );
    expect(removed({ ways: [wayOf({ seen: seen.slice(1) })] }).change).toBeNull();
    const still = removed({ sending: new Set(['192.0.2.1']) });
    expect([still.change, ...codesOf(still)]).toEqual([null, 'sending']);
  });

  test('nothing while any way is not known', () => {
    expect(removed({ ways: [wayOf({ seen }), wayOf({ name: 'b', unknown: 'It is away.' })] }).change).toBeNull();
  });

  test('a sudden loss waits for a person, who confirms what was gone by then', () => {
    const lost = [gone('192.0.2.1'), gone('192.0.2.2'), there('192.0.2.3')];
    const held = removed({ ways: [wayOf({ seen: lost })] });
    expect([held.change, ...codesOf(held)]).toEqual([null, 'loss']);
    expect(held.problems[0]!.message).toContain('2 of 3 addresses of production/nodes are gone');
    expect(removed({ ways: [wayOf({ seen: lost, confirmed_at: later(MINUTE) })] }).change?.gone).toEqual([
      '192.0.2.1',
      '192.0.2.2',
    ]);
    const more = [gone('192.0.2.1'), gone('192.0.2.2'), gone('192.0.2.3', later(2 * MINUTE))];
    expect(removed({ ways: [wayOf({ seen: more, confirmed_at: later(MINUTE) })] }, 6 * DAY)).toMatchObject({
      change: { gone: ['192.0.2.1', '192.0.2.2'] },
      problems: [{ code: 'loss', addresses: ['192.0.2.3'] }],
    });
  });
});

describe('all that is decided of a record', () => {
  const TEXT = 'v=spf1 ip4:192.0.2.1 ip4:192.0.2.2 -all';
  const TERMS = Array.from({ length: 24 }, (_, n) => `ip4:203.0.113.${100 + n}`).join(' ');
  /** Of so many octets once the term ip4:192.0.2.1 is in it. */
  const becomes = (octets: number) => {
    const room = octets - `v=spf1 ip4:192.0.2.1 include:.example ${TERMS.slice(0, 323)} -all`.length;
    return `v=spf1 include:${'x'.repeat(room)}.example ${TERMS.slice(0, 323)} -all`;
  };
  const come = { seen: [there('192.0.2.1')] };
  const none = { change: null, waits: null, problems: [] };

  test.each<[string, string, Partial<Way>[], Partial<RecordNow>, number, ReturnType<typeof decide>]>([
    ['nothing to do', TEXT, [{ seen: [there('192.0.2.1')] }], { lookups: 11, pinned: true }, DAY, none],
    [
      'one comes and one goes',
      TEXT,
      [{ seen: [gone('192.0.2.1'), there('192.0.2.2'), there('192.0.2.3')] }],
      { last: lastOf({}) },
      5 * DAY,
      {
        change: { value: 'v=spf1 ip4:192.0.2.2 ip4:192.0.2.3 -all', come: ['192.0.2.3'], gone: ['192.0.2.1'] },
        waits: null,
        problems: [],
      },
    ],
    ['a moment before they have rested', 'v=spf1 -all', [come], {}, 2 * MINUTE - 1, { ...none, waits: expect.any(String) }],
    [
      'rested at this moment, and as many look-ups as are allowed',
      'v=spf1 -all',
      [come],
      { lookups: 10 },
      2 * MINUTE,
      { ...none, change: { value: 'v=spf1 ip4:192.0.2.1 -all', come: ['192.0.2.1'], gone: [] } },
    ],
    [
      'as long as it may become',
      becomes(450),
      [come],
      {},
      DAY,
      { ...none, change: { value: expect.stringMatching(/^v=spf1.{444}$/), come: ['192.0.2.1'], gone: [] } },
    ],
    [
      'an octet too long',
      becomes(451),
      [come],
      {},
      DAY,
      {
        ...none,
        problems: [{ code: 'long', message: expect.stringContaining('would have 451 octets'), addresses: ['192.0.2.1'] }],
      },
    ],
    [
      'too long before and after something goes',
      `v=spf1 ip4:192.0.2.1 ${'ip4:192.0.2.2 '.repeat(40)}-all`,
      [{ seen: [gone('192.0.2.1'), there('192.0.2.2')] }],
      {},
      5 * DAY,
      {
        ...none,
        change: { value: `v=spf1 ${'ip4:192.0.2.2 '.repeat(40)}-all`, come: [], gone: ['192.0.2.1'] },
      },
    ],
    [
      'gone, and not a term of the record itself',
      'v=spf1 ip4:192.0.2.0/29 -all',
      [{ seen: [gone('192.0.2.1'), there('192.0.2.2')] }],
      {},
      9 * DAY,
      none,
    ],
    [
      'a network that is gone, of which another way has an address',
      'v=spf1 ip4:192.0.2.0/29 -all',
      [{ seen: [gone('192.0.2.0/29'), there('192.0.2.2')] }],
      {},
      9 * DAY,
      none,
    ],
    [
      'declared for a way',
      TEXT,
      [{ seen: [gone('192.0.2.1'), there('192.0.2.2')], declared: ['192.0.2.0/30'] }],
      {},
      9 * DAY,
      none,
    ],
    [
      'gone from one way after the other',
      TEXT,
      [{ seen: [gone('192.0.2.1'), there('192.0.2.2')] }, { seen: [gone('192.0.2.1', later(DAY)), there('192.0.2.2')] }],
      {},
      6 * DAY - 1,
      none,
    ],
    [
      'gone from one way after the other, for long enough',
      TEXT,
      [{ seen: [gone('192.0.2.1'), there('192.0.2.2')] }, { seen: [gone('192.0.2.1', later(DAY)), there('192.0.2.2')] }],
      {},
      6 * DAY,
      { ...none, change: { value: 'v=spf1 ip4:192.0.2.2 -all', come: [], gone: ['192.0.2.1'] } },
    ],
    [
      'lost to one way, and one of many of another',
      TEXT,
      [
        { name: 'a', seen: [gone('192.0.2.1'), there('192.0.2.2')] },
        { name: 'b', seen: [gone('192.0.2.1')] },
      ],
      {},
      5 * DAY,
      {
        ...none,
        problems: [
          {
            code: 'loss',
            message:
              '1 of 1 addresses of b are gone: nothing of it is removed before a person confirms it (ruawatch cluster confirm b).',
            addresses: ['192.0.2.1'],
          },
        ],
      },
    ],
    [
      'lost, and not yet for long enough to say so',
      TEXT,
      [{ seen: [gone('192.0.2.1'), gone('192.0.2.2')] }],
      {},
      5 * DAY - 1,
      none,
    ],
    [
      'gone at the moment in which a person confirmed it',
      TEXT,
      [{ seen: [gone('192.0.2.1'), gone('192.0.2.2')], confirmed_at: START }],
      {},
      5 * DAY,
      { ...none, change: { value: 'v=spf1 -all', come: [], gone: ['192.0.2.1', '192.0.2.2'] } },
    ],
    [
      'one that still sends, and one that does not',
      TEXT,
      [{ seen: [gone('192.0.2.1'), gone('192.0.2.2')], confirmed_at: START }],
      { sending: new Set(['192.0.2.2', '198.51.100.1']) },
      5 * DAY,
      {
        waits: null,
        change: { value: 'v=spf1 ip4:192.0.2.2 -all', come: [], gone: ['192.0.2.1'] },
        problems: [
          {
            code: 'sending',
            message: '192.0.2.2 left production/nodes, and reports show mail from there since: it stays in the record.',
            addresses: ['192.0.2.2'],
          },
        ],
      },
    ],
    [
      'asked for, and waiting',
      'v=spf1 -all',
      [come],
      { last: lastOf({ state: 'handed_over' }) },
      DAY,
      { ...none, waits: 'Request 7 is handed over.' },
    ],
    [
      'asked for, and denied',
      'v=spf1 -all',
      [come],
      { last: lastOf({ state: 'denied' }) },
      DAY,
      {
        change: null,
        waits: 'Request 7, which asked for the same, is denied: ask by hand if it is wanted.',
        problems: [
          {
            code: 'refused',
            message: 'Request 7, which asked for the same, is denied: ask by hand if it is wanted.',
            addresses: ['192.0.2.1'],
          },
        ],
      },
    ],
    [
      'applied less than a day ago, and seen since',
      'v=spf1 mx -all',
      [come],
      { last: lastOf({ state: 'active', value: 'v=spf1 mx -all' }) },
      DAY - 1,
      { ...none, change: { value: 'v=spf1 ip4:192.0.2.1 mx -all', come: ['192.0.2.1'], gone: [] } },
    ],
  ])('%s', (_, text, ways, given, ms, decided) => {
    expect(decide(recordOf(text, { ways: ways.map(wayOf), ...given }), LIMITS, later(ms))).toEqual(decided);
  });
});

describe('the request before', () => {
  const at = (last: LastRequest | null, ms: number, text = 'v=spf1 -all') =>
    decide(recordOf(text, { ways: [wayOf({ seen: [there('192.0.2.1')] })], last }), LIMITS, later(ms));

  test.each(['draft', 'pending', 'approved', 'applying', 'handed_over'] as const)('%s: it is waited for', (state) => {
    expect(at(lastOf({ state }), 9 * DAY)).toMatchObject({ change: null, waits: `Request 7 is ${state.replace('_', ' ')}.` });
  });
  test.each(['denied', 'withdrawn', 'returned'] as const)('%s: the same is not asked again, something else is', (state) => {
    const same = at(lastOf({ state }), 9 * DAY);
    expect([same.change, ...codesOf(same)]).toEqual([null, 'refused']);
    expect(at(lastOf({ state, value: 'v=spf1 ip4:192.0.2.9 -all' }), 9 * DAY).change).not.toBeNull();
  });
  test('expired: after a day; failed, stale: after the time between changes', () => {
    expect(at(lastOf({ state: 'expired' }), DAY - 1).change).toBeNull();
    expect(at(lastOf({ state: 'expired' }), DAY).change).not.toBeNull();
    expect(at(lastOf({ state: 'stale' }), 30 * MINUTE - 1).waits).toBe('The record was changed a short time ago.');
    expect(at(lastOf({ state: 'failed' }), 30 * MINUTE).change).not.toBeNull();
  });
  test('applied: a resolver that still gives the record before opens nothing', () => {
    expect(at(lastOf({ state: 'active' }), DAY - 1).waits).toBe(
      'Request 7 is applied, and resolvers still give the record before.',
    );
    expect(at(lastOf({ state: 'done' }), DAY).change).not.toBeNull();
  });
});

describe('observations', () => {
  test('what is no address that receivers see, and an empty list, are unknown', () => {
    for (const found of [[], ['10.0.0.1'], ['192.0.2.1', 'fe80::1'], ['node-1.example.com'], ['192.0.2.1/33'], ['fe80::1%eth0']])
      expect(observation(found).state, String(found)).toBe('unknown');
    expect(observation(['2001:DB8::1', '192.0.2.1', '192.0.2.1/32', '198.51.100.77/24'])).toEqual({
      state: 'known',
      addresses: ['192.0.2.1', '198.51.100.0/24', '2001:db8::1'],
    });
  });
  test.each([
    [' 192.0.2.1 ', '192.0.2.1'],
    ['192.0.2.1/32', '192.0.2.1'],
    ['192.0.2.1/31', '192.0.2.0/31'],
    ['192.0.2.1/33', null],
    ['192.0.2.1/', null],
    ['192.0.2.1/1000', null],
    ['192.0.2.1/24/24', null],
    ['2001:DB8::1/128', '2001:db8::1'],
    ['2001:db8::1/33', '2001:db8::/33'],
    ['2001:db8::1/129', null],
    ['2001:db8::1%eth0', null],
    ['192.0.2', null],
    ['', null],
  ])('"%s" is %s', (text, network) => {
    expect(canonical(text)).toBe(network);
  });
  test('why they are not known', () => {
    expect(observation(['192.0.2.1', 'x'.repeat(90)])).toEqual({ state: 'unknown', why: `"${'x'.repeat(80)}" is no address.` });
    expect(observation(['192.0.2.1', '10.1.2.3/24'])).toEqual({
      state: 'unknown',
      why: '10.1.2.0/24 is a private address, which no receiver sees.',
    });
    expect(observation([])).toEqual({ state: 'unknown', why: 'There is no address, and mail leaves by one.' });
  });
  test('what goes and comes back is there since it came back', () => {
    const one = observed([], { state: 'known', addresses: ['192.0.2.1', '192.0.2.2'] }, START);
    const two = observed(one, { state: 'known', addresses: ['192.0.2.2'] }, later(1));
    expect(two[0]).toEqual(gone('192.0.2.1', later(1)));
    expect(observed(two, { state: 'known', addresses: ['192.0.2.2'] }, later(2))[0]).toEqual(gone('192.0.2.1', later(1)));
    expect(observed(two, { state: 'unknown', why: 'x' }, later(2))).toEqual(two);
    expect(observed(two, { state: 'known', addresses: ['192.0.2.1', '192.0.2.2'] }, later(3))[0]).toEqual(
      there('192.0.2.1', later(3)),
    );
  });
});

/** A world in which clusters change, APIs break, people decide and time passes. */
interface Step {
  ms: number;
  ways: (readonly string[] | 'unknown')[];
  sending: string[];
  says: LastRequest['state'];
  confirm: boolean;
}
const ADDRESSES = ['192.0.2.1', '192.0.2.2', '192.0.2.3', '198.51.100.1', '198.51.100.2', '203.0.113.9', '2001:db8::5'];
const someOf = fc.subarray(ADDRESSES);
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.record({
    ms: fc.oneof(fc.integer({ min: 1, max: 5 * MINUTE }), fc.integer({ min: MINUTE, max: 3 * DAY })),
    ways: fc.array(fc.oneof({ weight: 5, arbitrary: someOf }, { weight: 1, arbitrary: fc.constant('unknown' as const) }), {
      minLength: 2,
      maxLength: 2,
    }),
    sending: fc.oneof({ weight: 3, arbitrary: fc.constant<string[]>([]) }, { weight: 1, arbitrary: someOf }),
    says: fc.constantFrom<LastRequest['state'][]>('active', 'done', 'active', 'denied', 'pending', 'stale', 'expired'),
    confirm: fc.boolean(),
  }),
  { maxLength: 30 },
);
const RECORDS = [
  'v=spf1 -all',
  'v=spf1 ip4:192.0.2.1 include:_spf.example.net ip4:203.0.113.0/24 ~all',
  'v=spf1 mx ip4:198.51.100.2 ip6:2001:db8::/64 -all',
];

test('whatever happens, nothing that is needed is removed, nothing flaps, and what came is admitted', () => {
  fc.assert(
    fc.property(fc.constantFrom(...RECORDS), steps, (first, world) => {
      let text = first;
      let last = null as LastRequest | null;
      let ms = 0;
      const seen: SeenAddress[][] = [[], []];
      const confirmed: (Date | null)[] = [null, null];
      const everSeen = new Set<string>();
      const lastThere = new Map<string, number>();
      let opened = Number.NEGATIVE_INFINITY;
      for (const step of world) {
        ms += step.ms;
        const now = later(ms);
        // Somebody decides about what is pending.
        if (last?.state === 'pending') last = { ...last, state: step.says };
        const found = step.ways.map(
          (one): Observation => (one === 'unknown' ? { state: 'unknown', why: 'x' } : observation(one)),
        );
        for (const [i, one] of found.entries()) {
          seen[i] = observed(seen[i]!, one, now);
          for (const { address, gone_at } of seen[i]!) {
            everSeen.add(address);
            if (gone_at === null) lastThere.set(address, ms);
          }
          if (step.confirm) confirmed[i] = now;
        }
        const ways = found.map((one, i) =>
          wayOf({
            name: `w${i}`,
            seen: seen[i]!,
            unknown: one.state === 'unknown' ? one.why : null,
            declared: i === 0 ? ['192.0.2.0/30'] : [],
            confirmed_at: confirmed[i]!,
          }),
        );
        const record = recordOf(text, { ways, sending: new Set(step.sending), last });
        const { change, problems } = decide(record, LIMITS, now);
        if (change === null) {
          const waits = last !== null && (last.state === 'pending' || ms - opened < DAY || last.value !== text);
          const present = ways.filter(({ unknown }) => unknown === null).flatMap((way) => way.seen);
          const late = present.filter(
            ({ gone_at, since }) => gone_at === null && ms - (since.getTime() - START.getTime()) > 10 * MINUTE,
          );
          if (!waits && problems.length === 0) for (const { address } of late) expect(record.admits(address)).toBe(true);
          continue;
        }
        expect(ms - opened).toBeGreaterThanOrEqual(LIMITS.every_ms);
        expect(change.value).not.toBe(text);
        expect(change.value.length).toBeLessThanOrEqual(450);
        expect(parseSpf(change.value).errors).toEqual([]);
        for (const address of change.gone) {
          expect(everSeen).toContain(address);
          expect(ms - lastThere.get(address)!).toBeGreaterThanOrEqual(LIMITS.queue_ms);
          expect(step.sending).not.toContain(address);
          expect(found.every(({ state }) => state === 'known')).toBe(true);
          expect(networkContains('192.0.2.0/30', address)).toBe(false);
        }
        for (const way of ways) {
          const there = way.seen.filter(({ gone_at }) => gone_at === null);
          const unconfirmed = way.seen.filter(
            ({ address, gone_at }) =>
              gone_at !== null && change.gone.includes(address) && (way.confirmed_at === null || gone_at > way.confirmed_at),
          );
          expect(unconfirmed.length).toBeLessThanOrEqual(LIMITS.most_loss * (unconfirmed.length + there.length));
          // Nobody who is there is locked out, and all who came are let in.
          if (way.unknown === null)
            for (const { address } of there) if (record.admits(address)) expect(admitsOf(change.value)(address)).toBe(true);
        }
        for (const network of change.come) expect(ownNetworks(change.value)).toContain(network);
        const plain = (value: string) =>
          parseSpf(value)
            .mechanisms.map((one) => one.text)
            .filter((one) => !/^ip[46]:/.test(one));
        expect(plain(change.value)).toEqual(plain(text));
        const state = step.says;
        last = { request_key: 1, state, at: now, before: text, value: change.value };
        opened = ms;
        if (state === 'active' || state === 'done') {
          text = change.value;
          // What was asked for is there: nothing more is asked for at once.
          expect(decide(recordOf(text, { ways, sending: record.sending, last: null }), LIMITS, now).change).toBeNull();
        }
      }
    }),
    { numRuns: 150 },
  );
});

test('what goes and comes back within the life of a queue opens nothing', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.integer({ min: 1, max: 2 * DAY }), someOf), { maxLength: 30 }), (world) => {
      const text = `v=spf1 ${ADDRESSES.map((one) => `${one.includes(':') ? 'ip6' : 'ip4'}:${one}`).join(' ')} -all`;
      let seen = observed([], observation(ADDRESSES), START);
      let ms = 0;
      for (const [step, some] of world) {
        // Everything is back before five days are over.
        for (const found of [observation(some.length === 0 ? ['192.0.2.1'] : some), observation(ADDRESSES)]) {
          ms += step;
          seen = observed(seen, found, later(ms));
          const made = decide(recordOf(text, { ways: [wayOf({ seen })] }), LIMITS, later(ms));
          expect([made.change, made.problems]).toEqual([null, []]);
        }
      }
    }),
  );
});
