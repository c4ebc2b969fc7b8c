import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { lookUp } from '../../services/enricher/look.ts';
import { Pace } from '../../services/shared/pace.ts';
import type { ReverseResolver } from '../../services/shared/runtime/resolver.ts';
import { reverseResolver } from '../../services/shared/runtime/resolver.ts';
import { knotPresent, type NameServer, startKnot, startSilent } from '../helpers/knot.ts';

const quick = new Pace(1_000_000);
const NOTHING = { name: null, confirmed: false, generic: false, organization: null };

describe.skipIf(!knotPresent)(`looking up${knotPresent ? '' : ' (SKIPPED: knot is not installed)'}`, () => {
  let knot: NameServer;
  const ask = (address: string, server = knot.server) =>
    lookUp(address, reverseResolver({ servers: [server], timeoutMs: 200, tries: 1 }), quick);

  beforeAll(async () => {
    knot = await startKnot({
      '113.0.203.in-addr.arpa': [
        '7 PTR mail.service.example.',
        '8 PTR mail.bank.example.',
        '9 PTR host-203-0-113-9.isp.example.',
        '10 PTR a.nowhere.example.\n10 PTR mail.service.example.',
        '11 PTR odd\\032name.example.',
        '12 PTR away.broken.example.',
        '13 TXT "no name here"',
        '14 PTR b.away.example.',
      ],
      '1.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa': ['7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0 PTR Mail.Service.Example.'],
      'broken.2.0.192.in-addr.arpa': null,
      '100.51.198.in-addr.arpa': null,
      'service.example': ['mail A 203.0.113.10', 'mail A 203.0.113.7', 'mail AAAA 2001:db8:1::7'],
      'bank.example': ['mail A 192.0.2.1'],
      'isp.example': ['host-203-0-113-9 A 203.0.113.9'],
      'nowhere.example': [],
      'broken.example': null,
    });
  });
  afterAll(() => knot.stop());

  test('a name that has the address in turn is confirmed, and gives its organization', async () => {
    const found = { name: 'mail.service.example', confirmed: true, generic: false, organization: 'service.example' };
    expect(await ask('203.0.113.7')).toEqual(found);
    expect(await ask('2001:db8:1::7')).toEqual(found);
    // Of several names the one that holds.
    expect(await ask('203.0.113.10')).toEqual(found);
  });

  test('a name that has other addresses is not: anybody may claim it', async () => {
    expect(await ask('203.0.113.8')).toEqual({ name: 'mail.bank.example', confirmed: false, generic: false, organization: null });
  });

  test('a name made from the address tells no organization', async () => {
    expect(await ask('203.0.113.9')).toEqual({
      name: 'host-203-0-113-9.isp.example',
      confirmed: true,
      generic: true,
      organization: null,
    });
  });

  test('no such name, no record of this type, and what no host is called: it has none', async () => {
    const none = { name: null, confirmed: false, generic: false, organization: null };
    expect(await ask('203.0.113.200')).toEqual(none);
    expect(await ask('203.0.113.13')).toEqual(none);
    expect(await ask('203.0.113.11')).toEqual(none);
  });

  test('SERVFAIL is no answer, of the address or of the name', async () => {
    const failed = { code: 'dns_failed', transient: true };
    await expect(ask('198.51.100.7')).rejects.toMatchObject(failed);
    await expect(ask('203.0.113.12')).rejects.toMatchObject(failed);
  });

  test('a server that refuses to say, one that is silent, and one that is not there are no answer', async () => {
    const failed = { code: 'dns_failed', transient: true };
    await expect(ask('192.0.2.77')).rejects.toMatchObject(failed);
    await expect(ask('203.0.113.14')).rejects.toMatchObject(failed);
    const silent = await startSilent();
    await expect(ask('203.0.113.7', silent.server)).rejects.toMatchObject(failed);
    await silent.stop();
    await expect(ask('203.0.113.7', silent.server)).rejects.toMatchObject(failed);
  });
});

test('nobody outside is asked about addresses that mean something inside only', async () => {
  const resolver = {
    pointers: () => Promise.reject(new Error('was asked')),
    addresses: () => Promise.reject(new Error('was asked')),
    cancel: () => undefined,
  };
  for (const address of [
    'localhost',
    '10.1.2.3',
    '127.0.0.1',
    '192.168.7.7',
    '100.64.0.1',
    '169.254.1.1',
    '::1',
    'fe80::1',
    'fd00::7',
  ]) {
    expect(await lookUp(address, resolver, quick), address).toEqual(NOTHING);
  }
});

test.each([
  ['192.0.9.1', 4, '1.9.0.192.in-addr.arpa'],
  ['2001:db9::1', 6, `1.${'0.'.repeat(23)}9.b.d.0.1.0.0.2.ip6.arpa`],
])('the names of %s are asked for addresses of its family, IPv%i', async (address, family, arpa) => {
  const asked: unknown[][] = [];
  const resolver: ReverseResolver = {
    pointers: async (name) => {
      asked.push([name]);
      return ['B.example.net.', 'a.example.net', 'b.example.net', 'no host'];
    },
    addresses: async (name, of) => {
      asked.push([name, of]);
      return [];
    },
    cancel: () => undefined,
  };
  expect(await lookUp(address, resolver, quick)).toEqual({ ...NOTHING, name: 'a.example.net' });
  expect(asked).toEqual([[arpa], ['a.example.net', family], ['b.example.net', family]]);
});

test('a name made for a line is no organization, confirmed or not', async () => {
  const name = 'host-192-0-9-1.isp.example';
  const resolver = { pointers: async () => [name], addresses: async () => ['192.0.9.2'], cancel: () => undefined };
  expect(await lookUp('192.0.9.1', resolver, quick)).toEqual({ name, confirmed: false, generic: true, organization: null });
});

test('questions are let through at their pace, and unused time is not saved up', async () => {
  let now = 0;
  const waits: number[] = [];
  const pace = new Pace(10, {
    now: () => now,
    wait: async (ms) => {
      waits.push(ms);
    },
  });
  for (let i = 0; i < 3; i++) await pace.turn();
  expect(waits).toEqual([100, 200]);
  now = 10_000;
  await pace.turn();
  await pace.turn();
  expect(waits).toEqual([100, 200, 100]);
});

test.each([
  [4, true],
  [5, false],
])('of the names of an address the first four are checked: the name that leads back is number %i', async (at, confirmed) => {
  const names = Array.from({ length: 9 }, (_, i) => `mail${i + 1}.example.net`);
  const asked: string[] = [];
  const resolver: ReverseResolver = {
    pointers: async () => names,
    addresses: async (name) => {
      asked.push(name);
      return name === names[at - 1] ? ['192.0.9.1'] : ['198.51.100.1'];
    },
    cancel: () => undefined,
  };
  const found = await lookUp('192.0.9.1', resolver, { turn: async () => undefined } as never);
  expect(found).toMatchObject({ confirmed, name: confirmed ? names[at - 1] : names[0] });
  expect(asked).toHaveLength(4);
});

describe('the pace of questions', () => {
  /** A resolver and a pace that write down what comes in which order. */
  const recording = (names: readonly string[], holds: string | null) => {
    const events: string[] = [];
    const resolver: ReverseResolver = {
      pointers: async (arpa) => {
        events.push(`PTR ${arpa}`);
        return [...names];
      },
      addresses: async (name) => {
        events.push(`A ${name}`);
        return [name === holds ? '192.0.9.1' : '198.51.100.1'];
      },
      cancel: () => undefined,
    };
    const pace = new Pace(1_000_000);
    pace.turn = async () => void events.push('turn');
    return { events, resolver, pace };
  };
  const pointer = ['turn', 'PTR 1.9.0.192.in-addr.arpa'];

  test.each<[string, readonly string[], string | null, readonly string[]]>([
    ['no name', [], null, pointer],
    ['one name', ['a.example.net'], 'a.example.net', [...pointer, 'turn', 'A a.example.net']],
    [
      'names up to the one that holds',
      ['a.example.net', 'b.example.net', 'c.example.net'],
      'b.example.net',
      [...pointer, 'turn', 'A a.example.net', 'turn', 'A b.example.net'],
    ],
    [
      'names of which none holds',
      ['a.example.net', 'b.example.net'],
      null,
      [...pointer, 'turn', 'A a.example.net', 'turn', 'A b.example.net'],
    ],
  ])('each question waits for a turn of its own: %s', async (_, names, holds, expected) => {
    const { events, resolver, pace } = recording(names, holds);
    await lookUp('192.0.9.1', resolver, pace);
    expect(events).toEqual(expected);
  });

  test('an enricher that is stopping asks nothing, and has no answer', async () => {
    const { events, resolver, pace } = recording(['a.example.net'], 'a.example.net');
    await expect(lookUp('192.0.9.1', resolver, pace, AbortSignal.abort())).rejects.toMatchObject({
      code: 'dns_failed',
      transient: true,
    });
    expect(events).toEqual(['turn']);
  });

  test('one that stops after the first question asks no second', async () => {
    const { events, resolver, pace } = recording(['a.example.net'], 'a.example.net');
    const stopping = new AbortController();
    const pointers = resolver.pointers;
    resolver.pointers = (arpa) => {
      stopping.abort();
      return pointers(arpa);
    };
    await expect(lookUp('192.0.9.1', resolver, pace, stopping.signal)).rejects.toMatchObject({ code: 'dns_failed' });
    expect(events).toEqual([...pointer, 'turn']);
  });
});
