import { describe, expect, test } from 'vitest';
import { notEverywhere, recordsAt } from '../../../services/applier/targets/everywhere.ts';
import type { RecordChange } from '../../../services/applier/targets/target.ts';
import type { Answer, Dns } from '../../../services/dns/client/types.ts';
import { aliasOf, txtMember, txtOf } from '../../../services/requests/plans/members.ts';
import { dnsOf, type Zone } from '../../dns/zone.ts';

const ZONE = 'example.com';
const NAME = `_dmarc.${ZONE}`;
const NEW = 'v=DMARC1; p=reject';
const change = (given: Partial<RecordChange> = {}): RecordChange => ({
  name: NAME,
  type: 'TXT',
  ttl: { before: null, after: 300 },
  before: [],
  after: [txtOf(NEW)],
  ...given,
});
const told = { name: NAME, aliases: [] as string[], ttl: 300, authenticated: false };
const UNKNOWN: Answer = { state: 'unknown', reason: 'timeout', message: 'No answer.' };

describe('the records that a server has', () => {
  const at = (answer: object, type: 'TXT' | 'CNAME' = 'TXT') => {
    const asked: unknown[] = [];
    const signal = new AbortController().signal;
    const dns = {
      ask: async (...given: unknown[]) => {
        asked.push(given);
        return answer;
      },
    } as unknown as Dns;
    return recordsAt(dns, { name: NAME, type }, signal).then((found) => {
      expect(asked).toEqual([[NAME, type, { signal }]]);
      return found;
    });
  };
  const texts = { ...told, state: 'records', records: [['a', 'b'], ['c']] };
  const aliases = { ...told, state: 'records', records: ['x.example.net'] };

  test('are its texts, with the time that they are kept for', async () => {
    const members = [txtMember(['a', 'b']), txtMember(['c'])];
    expect(await at(texts)).toEqual({ members, ttl: 300 });
    // It is that of the name that the alias leads to.
    expect(await at({ ...texts, aliases: ['x.example.net'] })).toEqual({ members, ttl: null });
  });

  test('are its aliases', async () => {
    expect(await at(aliases, 'CNAME')).toEqual({ members: [aliasOf('x.example.net')], ttl: 300 });
  });

  test.each(['TXT', 'CNAME'] as const)('of %s are none, or are not known', async (type) => {
    const none = { members: [], ttl: null };
    expect([
      await at({ ...told, state: 'nodata' }, type),
      await at({ ...told, state: 'nxdomain' }, type),
      await at(UNKNOWN, type),
    ]).toEqual([none, none, null]);
  });
});

/** Asks servers that have these texts (null: no answer), each in turn and the last one again and again. */
async function ask(
  servers: Record<string, (readonly string[] | null)[]>,
  {
    primary = {},
    resolver = {},
    one = change(),
    signal,
  }: { primary?: Zone; resolver?: Zone; one?: RecordChange; signal?: AbortSignal },
) {
  const looks: string[] = [];
  const connect = (address: string): Dns => ({
    async ask(name, type) {
      looks.push(`${address} ${type} ${name}`);
      const left = servers[address]!;
      const texts = left.length > 1 ? left.shift()! : left[0]!;
      if (texts === null) return UNKNOWN as never;
      const state = texts.length === 0 ? 'nodata' : 'records';
      return { ...told, state, records: type === 'TXT' ? texts.map((text) => [text]) : texts } as never;
    },
  });
  const [here, outside] = [dnsOf(primary), dnsOf(resolver)];
  const says = await notEverywhere(one, { zone: ZONE, primary: here }, { resolver: outside, connect }, signal);
  return { says, looks, asked: [here.asked, outside.asked] };
}
const look = (address: string, type = 'TXT') => `${address} ${type} ${NAME}`;

test('servers that nobody names are not known', async () => {
  const says = ' Which other servers the zone has is not known.';
  for (const primary of [{}, { [ZONE]: 'unknown' as const }, { [ZONE]: {} }])
    expect(await ask({}, { primary })).toEqual({ says, looks: [], asked: [[`NS ${ZONE}`], []] });
});

test('an address is that of the primary server, or else of DNS; IPv4 comes first', async () => {
  const servers = { '192.0.2.1': [[NEW]], '2001:db8::2': [[NEW]], '192.0.2.3': [[NEW]], '2001:db8::4': [[NEW]] };
  const primary: Zone = {
    [ZONE]: {
      NS: ['ns1.example.com', 'ns2.example.com', 'ns3.example.net', 'ns4.example.net', 'ns5.example.net', 'ns6.example.net'],
    },
    'ns1.example.com': { A: ['192.0.2.1', '192.0.2.9'], AAAA: ['2001:db8::1'] },
    'ns2.example.com': { AAAA: ['2001:db8::2', '2001:db8::9'] },
    // What is no address is none, whatever stands behind it.
    'ns6.example.net': { A: ['nonsense'], AAAA: ['2001:db8::6'] },
  };
  const resolver: Zone = { 'ns3.example.net': { A: ['192.0.2.3'] }, 'ns4.example.net': { AAAA: ['2001:db8::4'] } };
  const { says, looks, asked } = await ask(servers, { primary, resolver });
  expect(says).toBe(
    ' ns5.example.net could not be asked: it has no address that is known here. ns6.example.net could not be asked: it has no address that is known here.',
  );
  expect(looks.sort()).toEqual(
    Object.keys(servers)
      .map((address) => look(address))
      .sort(),
  );
  const of = (name: string, ...types: string[]) => types.map((type) => `${type} ${name}`);
  expect(asked.map((all) => [...all].sort())).toEqual([
    [
      `NS ${ZONE}`,
      ...of('ns1.example.com', 'A'),
      ...['ns2.example.com', 'ns3.example.net', 'ns4.example.net', 'ns5.example.net'].flatMap((name) => of(name, 'A', 'AAAA')),
      ...of('ns6.example.net', 'A'),
    ].sort(),
    [
      ...of('ns3.example.net', 'A'),
      ...['ns4.example.net', 'ns5.example.net', 'ns6.example.net'].flatMap((name) => of(name, 'A', 'AAAA')),
    ].sort(),
  ]);
});

test('eight servers are asked', async () => {
  const numbers = Array.from({ length: 9 }, (_, i) => i + 1);
  const primary: Zone = Object.fromEntries(numbers.map((n) => [`ns${n}.${ZONE}`, { A: [`192.0.2.${n}`] }]));
  primary[ZONE] = { NS: numbers.map((n) => `ns${n}.${ZONE}`) };
  const { says, looks } = await ask(Object.fromEntries(numbers.map((n) => [`192.0.2.${n}`, [[NEW]]])), { primary });
  expect([says, looks]).toEqual(['', numbers.slice(0, 8).map((n) => look(`192.0.2.${n}`))]);
});

test('each is looked at until it has the change, three times at most; those that do not are named in their order', async () => {
  const names = ['late', 'behind', 'silent', 'now'];
  const primary: Zone = Object.fromEntries(names.map((name, i) => [`${name}.${ZONE}`, { A: [`192.0.2.${i + 1}`] }]));
  primary[ZONE] = { NS: names.map((name) => `${name}.${ZONE}`) };
  const { says, looks } = await ask(
    { '192.0.2.1': [[], ['other'], [NEW]], '192.0.2.2': [['other']], '192.0.2.3': [[], null], '192.0.2.4': [[NEW], []] },
    { primary },
  );
  expect(says).toBe(' behind.example.com (192.0.2.2) does not have it yet. silent.example.com (192.0.2.3) did not answer.');
  const times = [3, 3, 2, 1].flatMap((n, i) => Array<string>(n).fill(look(`192.0.2.${i + 1}`)));
  expect(looks.sort()).toEqual(times);
});

const ONE: Zone = { [ZONE]: { NS: [`ns.${ZONE}`] }, [`ns.${ZONE}`]: { A: ['192.0.2.1'] } };

test('an alias is looked for as one', async () => {
  const one = change({ type: 'CNAME', after: [aliasOf('x.example.net')] });
  expect(await ask({ '192.0.2.1': [['x.example.net']] }, { primary: ONE, one })).toMatchObject({
    says: '',
    looks: [look('192.0.2.1', 'CNAME')],
  });
});

test('with the stop nothing is waited for', async () => {
  const asked = await ask({ '192.0.2.1': [[]] }, { primary: ONE, signal: AbortSignal.abort() });
  expect(asked).toMatchObject({ says: ` ns.${ZONE} (192.0.2.1) does not have it yet.`, looks: [look('192.0.2.1')] });
  // It comes while the next look is waited for: that is the last one.
  const stop = new AbortController();
  const stopping = ask({ '192.0.2.1': [[]] }, { primary: ONE, signal: stop.signal });
  setTimeout(() => stop.abort(), 50);
  expect((await stopping).looks).toEqual([look('192.0.2.1'), look('192.0.2.1')]);
});
