import { afterEach, describe, expect, test } from 'vitest';
import { type ClientOptions, createDnsClient } from '../../../services/dns/client/client.ts';
import { parseServer } from '../../../services/dns/client/servers.ts';
import { a, cname, type FakeServer, type Reply, soa, startFake, txt } from '../../helpers/dns.ts';
import { until } from '../../helpers/services.ts';

const started: FakeServer[] = [];
afterEach(async () => {
  for (const fake of started.splice(0)) await fake.stop();
});

async function fakeOf(...reply: Parameters<typeof startFake>): Promise<FakeServer> {
  const fake = await startFake(...reply);
  started.push(fake);
  return fake;
}

const clientOf = (fakes: FakeServer[], options: Partial<ClientOptions> = {}) =>
  createDnsClient({ servers: fakes.map((fake) => parseServer(fake.server)!), timeoutMs: 300, tries: 1, ...options });

const RD = 1 << 8;
const AD = 1 << 5;
const AA = 1 << 10;

describe('a question', () => {
  test('has a random id, port and case, asks for recursion and AD, and offers 1232 octets', async () => {
    const fake = await fakeOf(({ sent }) => ({ answers: [a(sent, '192.0.2.1')] }));
    const dns = clientOf([fake], { cacheEntries: 0 });
    for (let i = 0; i < 30; i++) expect((await dns.ask('some.name.example', 'A')).state).toBe('records');
    const { asked } = fake;
    expect(new Set(asked.map(({ id }) => id)).size).toBeGreaterThan(25);
    expect(new Set(asked.map(({ port }) => port)).size).toBeGreaterThan(25);
    expect(new Set(asked.map(({ sent }) => sent)).size).toBeGreaterThan(25);
    expect(asked.every(({ flags, edns }) => flags === (RD | AD) && edns)).toBe(true);
  });

  test('asks a server that holds the zone without RD', async () => {
    const fake = await fakeOf(({ sent }) => ({ answers: [a(sent, '192.0.2.1')], flags: AA }));
    expect((await clientOf([fake], { recursive: false }).ask('a.example', 'A')).state).toBe('records');
    expect(fake.asked[0]!.flags).toBe(0);
  });

  test('goes over TCP when the answer is truncated, and without EDNS when that is not understood', async () => {
    const long = Array.from({ length: 60 }, (_, i) => 'x'.repeat(200) + i);
    const fake = await fakeOf(({ sent, over, edns }) => {
      if (edns && over === 'udp') return { rcode: 1 };
      return over === 'udp' ? { truncated: true } : { answers: [txt(sent, long)] };
    });
    expect(await clientOf([fake]).ask('a.example', 'TXT')).toMatchObject({ state: 'records', records: [long] });
    expect(fake.asked.map(({ over, edns }) => `${over} ${edns}`)).toEqual(['udp true', 'udp false', 'tcp false']);
  });
});

describe('who answers', () => {
  test('wrong ids, other questions and garbage are passed over, until the right answer comes', async () => {
    const fake = await fakeOf(({ sent, id }) => [
      { id: id ^ 1, answers: [a(sent, '198.51.100.66')] },
      { question: 'other.example', answers: [a(sent, '198.51.100.66')] },
      Buffer.from('garbage'),
      { answers: [a(sent, '192.0.2.1')] },
    ]);
    expect(await clientOf([fake]).ask('a.example', 'A')).toMatchObject({ state: 'records', records: ['192.0.2.1'] });
  });

  test('an answer in another case is asked for again over TCP', async () => {
    const fake = await fakeOf(({ name, over }) => ({
      question: name,
      answers: [a(name, over === 'udp' ? '198.51.100.66' : '192.0.2.1')],
    }));
    const answer = await clientOf([fake]).ask('a-name-of-many-letters.example', 'A');
    // A server that lowers the case over TCP as well cannot be believed there either.
    expect(answer).toMatchObject({ state: 'unknown', reason: 'malformed' });
    const kind = await fakeOf(({ name, sent, over }) => ({
      question: over === 'udp' ? name : sent,
      answers: [a(name, over === 'udp' ? '198.51.100.66' : '192.0.2.1')],
    }));
    expect(await clientOf([kind]).ask('a-name-of-many-letters.example', 'A')).toMatchObject({ records: ['192.0.2.1'] });
  });

  test('many wrong packets are somebody who guesses: TCP decides', async () => {
    const fake = await fakeOf(({ sent, over, id }) =>
      over === 'tcp'
        ? { answers: [a(sent, '192.0.2.1')] }
        : Array.from({ length: 40 }, (_, i): Reply => ({ id: (id + i + 1) & 0xffff, answers: [a(sent, '198.51.100.66')] })),
    );
    expect(await clientOf([fake]).ask('a.example', 'A')).toMatchObject({ records: ['192.0.2.1'] });
  });
});

test.each([
  [7, ['udp']],
  [8, ['udp', 'tcp']],
])('the right answer behind %i wrong packets comes over the last of %j', async (wrong, ways) => {
  const fake = await fakeOf(({ sent, over, id }) => [
    ...Array.from({ length: over === 'udp' ? wrong : 0 }, (): Reply => ({ id: id ^ 1, answers: [a(sent, '198.51.100.66')] })),
    { answers: [a(sent, '192.0.2.1')] },
  ]);
  expect(await clientOf([fake]).ask('a.example', 'A')).toMatchObject({ records: ['192.0.2.1'] });
  expect(fake.asked.map(({ over }) => over)).toEqual(ways);
});

describe('an answer', () => {
  test('tells records, no records of the type, no such name, and unknown apart', async () => {
    const fake = await fakeOf(({ name, sent }) => {
      if (name === 'a.example') return { answers: [a(sent, '192.0.2.1', 77)] };
      if (name === 'nodata.example') return { authorities: [soa('example', 42)] };
      if (name === 'nothing.example') return { rcode: 3, authorities: [soa('example', 42, 21)] };
      if (name === 'broken.example') return { rcode: 2 };
      if (name === 'refused.example') return { rcode: 5 };
      if (name === 'lame.example')
        return { authorities: [{ name: 'example', type: 'NS', ttl: 1, data: 'ns.example' }], flags: 0 };
      if (name === 'garbage.example') return { answers: [{ name: sent, type: 'A', data: '192.0.2.1' }], id: 0 };
      return null;
    });
    const dns = clientOf([fake]);
    expect(await dns.ask('a.example', 'A')).toEqual({
      state: 'records',
      records: ['192.0.2.1'],
      name: 'a.example',
      aliases: [],
      ttl: 77,
      authenticated: false,
    });
    expect(await dns.ask('nodata.example', 'A')).toMatchObject({ state: 'nodata', ttl: 42 });
    expect(await dns.ask('nothing.example', 'A')).toMatchObject({ state: 'nxdomain', ttl: 21 });
    for (const [name, reason] of [
      ['broken', 'servfail'],
      ['refused', 'refused'],
      ['lame', 'lame'],
      ['silent', 'timeout'],
    ]) {
      expect(await dns.ask(`${name}.example`, 'A'), name).toMatchObject({ state: 'unknown', reason });
    }
    const { message } = (await dns.ask('broken.example', 'A')) as { message: string };
    expect(message).toBe(
      `The name service could not say what broken.example holds (A): 127.0.0.1 port ${fake.port}: it answered SERVFAIL.`,
    );
  });

  test('follows CNAME records, in one message and over several, and ends a circle', async () => {
    const fake = await fakeOf(({ name, sent }) => {
      if (name === 'www.example')
        return { answers: [cname(sent, 'B.example', 60), cname('b.example', 'c.example'), a('c.example', '192.0.2.1')] };
      if (name === 'far.example') return { answers: [cname(sent, 'other.test')] };
      if (name === 'other.test') return { answers: [a(sent, '192.0.2.2'), a('c.example', '192.0.2.66')] };
      if (name === 'gone.example') return { rcode: 3, answers: [cname(sent, 'gone.test')], authorities: [soa('test', 30)] };
      if (name === 'circle.example') return { answers: [cname(sent, 'x.example'), cname('x.example', 'circle.example')] };
      if (name === 'one.example') return { answers: [cname(sent, 'two.example')] };
      if (name === 'two.example') return { answers: [cname(sent, 'one.example')] };
      const n = /^n(\d+)\.example$/.exec(name)?.[1];
      return n === undefined ? null : { answers: [cname(sent, `n${Number(n) + 1}.example`)] };
    });
    const dns = clientOf([fake]);
    expect(await dns.ask('www.example', 'A')).toMatchObject({
      records: ['192.0.2.1'],
      name: 'c.example',
      aliases: ['b.example', 'c.example'],
      ttl: 60,
    });
    expect(await dns.ask('far.example', 'A')).toMatchObject({ records: ['192.0.2.2'], aliases: ['other.test'] });
    expect(await dns.ask('gone.example', 'A')).toMatchObject({ state: 'nxdomain', name: 'gone.test', aliases: ['gone.test'] });
    expect(await dns.ask('www.example', 'CNAME')).toMatchObject({ records: ['b.example'] });
    for (const name of ['circle.example', 'one.example', 'n1.example'])
      expect(await dns.ask(name, 'A'), name).toMatchObject({ state: 'unknown', reason: 'cname_loop' });
    expect(fake.asked.length).toBeLessThan(30);
  });

  test('is asked of the next server when one fails, and who is silent is asked last for a while', async () => {
    const silent = await fakeOf(() => null);
    const broken = await fakeOf(() => ({ rcode: 2 }));
    const good = await fakeOf(({ sent }) => ({ answers: [a(sent, '192.0.2.1')] }));
    let now = 0;
    const dns = clientOf([silent, broken, good], { timeoutMs: 100, now: () => now });
    for (const name of ['a', 'b', 'c']) expect((await dns.ask(`${name}.example`, 'A')).state).toBe('records');
    expect([silent, broken, good].map(({ asked }) => asked.length)).toEqual([1, 3, 3]);
    now = 31_000;
    await dns.ask('d.example', 'A');
    expect(silent.asked).toHaveLength(2);
  });

  test('that cannot be asked for is unknown: a link that is not there, a port where nobody listens, no server at all', async () => {
    const at = (...servers: string[]) =>
      createDnsClient({ servers: servers.map((text) => parseServer(text)!), timeoutMs: 300, tries: 1 }).ask('a.example', 'A');
    expect(await at('fe80::1%nolink0')).toMatchObject({ state: 'unknown', reason: 'unreachable' });
    const gone = await startFake(() => null);
    await gone.stop();
    expect(await at(gone.server)).toMatchObject({ state: 'unknown', reason: 'unreachable' });
    expect(await at()).toMatchObject({ state: 'unknown', reason: 'unreachable' });
    const closed = () => {
      throw new Error('resolv.conf is closed');
    };
    expect(await createDnsClient({ servers: closed }).ask('a.example', 'A')).toMatchObject({
      state: 'unknown',
      reason: 'unreachable',
    });
  });

  test('AD is passed on, and counts only when every part of the way has it', async () => {
    const RA = 1 << 7;
    const fake = await fakeOf(({ name, sent }) =>
      name === 'far.example'
        ? { answers: [cname(sent, 'other.test')], flags: RA | AD }
        : { answers: [a(sent, '192.0.2.2')], flags: name === 'safe.example' ? RA | AD : RA },
    );
    const dns = clientOf([fake]);
    expect(await dns.ask('safe.example', 'A')).toMatchObject({ authenticated: true });
    expect(await dns.ask('far.example', 'A')).toMatchObject({ authenticated: false });
  });
});

describe('what is kept', () => {
  test('lives for its TTL within bounds; what is unknown is asked again', async () => {
    const fake = await fakeOf(({ name, sent }) => {
      if (name === 'long.example') return { answers: [a(sent, '192.0.2.1', 2 ** 31)] };
      if (name === 'week.example') return { answers: [a(sent, '192.0.2.1', 604_800)] };
      if (name === 'short.example') return { answers: [a(sent, '192.0.2.1', 0)] };
      if (name === 'none.example') return { rcode: 3, authorities: [soa('example', 86_400, 86_400)] };
      return { rcode: 2 };
    });
    let now = 0;
    const dns = clientOf([fake], { now: () => now });
    const asksAt = async (name: string, ms: number) => {
      now = ms;
      const before = fake.asked.length;
      await dns.ask(name, 'A');
      return fake.asked.length > before;
    };
    for (const name of ['week', 'short', 'none', 'long', 'broken']) await dns.ask(`${name}.example`, 'A');
    expect(await asksAt('SHORT.example.', 4_900)).toBe(false);
    expect(await asksAt('short.example', 5_000)).toBe(true);
    // A TTL with its highest bit set is none.
    expect(await asksAt('long.example', 5_000)).toBe(true);
    expect(await asksAt('none.example', 299_000)).toBe(false);
    expect(await asksAt('none.example', 300_000)).toBe(true);
    expect(await asksAt('week.example', 3_599_000)).toBe(false);
    expect(await asksAt('week.example', 3_600_000)).toBe(true);
    expect(await asksAt('broken.example', 3_600_000)).toBe(true);
  });

  test('is bounded, the oldest going first', async () => {
    const fake = await fakeOf(({ sent }) => ({ answers: [a(sent, '192.0.2.1')] }));
    const dns = clientOf([fake], { cacheEntries: 3 });
    for (const name of ['a', 'b', 'c', 'd', 'd', 'a']) await dns.ask(`${name}.example`, 'A');
    expect(fake.asked.map(({ name }) => name[0])).toEqual(['a', 'b', 'c', 'd', 'a']);
  });
});

describe('questions at once', () => {
  test('go out at their rate', async () => {
    const fake = await fakeOf(({ sent }) => ({ answers: [a(sent, '192.0.2.1')] }));
    const dns = clientOf([fake], { perSecond: 20, timeoutMs: 3_000 });
    const started = performance.now();
    await Promise.all(Array.from({ length: 30 }, (_, i) => dns.ask(`n${i}.example`, 'A')));
    // The first twenty at once, ten more in half a second.
    expect(performance.now() - started).toBeGreaterThan(400);
    expect(fake.asked).toHaveLength(30);
    const ended = await dns.ask('x.example', 'A', { signal: AbortSignal.timeout(1) });
    expect(['records', 'unknown']).toContain(ended.state);
  });

  test('the same is asked once, and one who leaves does not take it from the others', async () => {
    const fake = await fakeOf(async ({ sent }) => {
      await new Promise((resolve) => setTimeout(resolve, 50));
      return { answers: [a(sent, '192.0.2.1')] };
    });
    const dns = clientOf([fake]);
    const leaving = new AbortController();
    const first = dns.ask('a.example', 'A', { signal: leaving.signal });
    const second = dns.ask('A.EXAMPLE', 'A');
    leaving.abort();
    expect(await first).toMatchObject({ state: 'unknown', reason: 'cancelled' });
    expect(await second).toMatchObject({ state: 'records' });
    expect(fake.asked).toHaveLength(1);
    const alone = new AbortController();
    const third = dns.ask('b.example', 'A', { signal: alone.signal });
    setTimeout(() => alone.abort(), 10);
    expect(await third).toMatchObject({ reason: 'cancelled' });
    // Who asks right after the last one has left asks anew.
    const leaver = new AbortController();
    const left = dns.ask('d.example', 'A', { signal: leaver.signal });
    leaver.abort();
    const anew = dns.ask('d.example', 'A');
    expect([await left, await anew]).toMatchObject([{ reason: 'cancelled' }, { state: 'records' }]);
    expect(await dns.ask('c.example', 'A', { signal: alone.signal })).toMatchObject({ reason: 'cancelled' });
    const sent = (name: string) => fake.asked.filter((one) => one.sent.toLowerCase() === name).length;
    const gone = new AbortController();
    const before = dns.ask('e.example', 'A', { signal: gone.signal });
    await until(() => sent('e.example') === 1);
    gone.abort();
    expect([await before, await dns.ask('e.example', 'A')]).toMatchObject([{ reason: 'cancelled' }, { state: 'records' }]);
    expect(sent('e.example')).toBe(2);
  });

  test('no more than so many are under way, no more than so many wait, and a budget ends', async () => {
    let now = 0;
    let most = 0;
    const fake = await fakeOf(async ({ sent }) => {
      most = Math.max(most, ++now);
      await new Promise((resolve) => setTimeout(resolve, 10));
      now--;
      return { answers: [a(sent, '192.0.2.1')] };
    });
    const dns = clientOf([fake], { atOnce: 4, waiting: 10 });
    const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => dns.ask(`n${i}.example`, 'A')));
    expect(most).toBe(4);
    expect(answers.filter(({ state }) => state === 'records')).toHaveLength(14);
    expect(answers.filter((answer) => answer.state === 'unknown' && answer.reason === 'budget')).toHaveLength(6);
    const budget = { left: 2 };
    const states = [];
    for (const name of ['n0', 'x', 'y', 'z']) states.push((await dns.ask(`${name}.example`, 'A', { budget })).state);
    expect(states).toEqual(['records', 'records', 'records', 'unknown']);
  });
});

test('an answer that arrived while this process slept is read before it is given up', async () => {
  const fake = await fakeOf(() => {
    // Runs when the answer is sent, and holds everything up for longer than the time-out.
    setImmediate(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 150));
    return { answers: [a('a.example', '192.0.2.1')] };
  });
  expect(await clientOf([fake], { timeoutMs: 100 }).ask('a.example', 'A')).toMatchObject({ state: 'records' });
});
