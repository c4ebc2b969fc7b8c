import { expect, test, vi } from 'vitest';
import { keyResolver, UNFAMILIAR_QUERIES } from '../../../services/parser/verify/key-resolver.ts';

/** Names in `silent` fail, all others are answered; a name in `held` waits until it is released. */
function setUp() {
  let time = 1_000_000;
  const asked: string[] = [];
  const silent = new Set<string>();
  const held = new Map<string, Promise<void>>();
  const resolver = keyResolver(
    {
      async txt(name) {
        asked.push(name);
        await held.get(name);
        if (silent.has(name)) throw new Error(`${name} was not answered`);
        return [[name]];
      },
    },
    () => time,
  );
  const fail = async (name: string) => {
    silent.add(name);
    await expect(resolver.txt(name)).rejects.toThrow('was not answered');
  };
  const hold = (...names: string[]) => {
    const releases: (() => void)[] = [];
    const gate = new Promise<void>((resolve) => {
      releases.push(resolve);
    });
    for (const name of names) held.set(name, gate);
    return () => releases[0]!();
  };
  return { resolver, asked, silent, fail, hold, pass: (ms: number) => (time += ms) };
}
const nameOf = (selector: string | number, domain: string) => `s${selector}._domainkey.${domain}`;
const turns = async () => {
  for (let i = 0; i < 20; i++) await Promise.resolve();
};

test('callers that ask for a name at the same time share one query, and the next caller asks anew', async () => {
  const { resolver, asked } = setUp();
  const name = nameOf(1, 'a.example');
  expect(await Promise.all([resolver.txt(name), resolver.txt(name)])).toEqual([[[name]], [[name]]]);
  expect(asked).toEqual([name]);
  await resolver.txt(name);
  expect(asked).toEqual([name, name]);
});

test('a name that failed is not queried for 20 s', async () => {
  const { resolver, asked, silent, fail, pass } = setUp();
  const name = nameOf(1, 'a.example');
  await fail(name);
  silent.clear();
  pass(19_999);
  await expect(resolver.txt(name)).rejects.toMatchObject({
    code: 'dns_failed',
    message: expect.stringContaining('a moment ago'),
  });
  expect(asked).toEqual([name]);
  pass(1);
  expect(await resolver.txt(name)).toEqual([[name]]);
});

test('eight failures of an organization refuse its other names for 20 s, those of its subdomains too', async () => {
  const { resolver, asked, fail, pass } = setUp();
  for (let i = 0; i < 7; i++) await fail(nameOf(i, `d${i}.a.example`));
  expect(await resolver.txt(nameOf('x', 'a.example'))).toHaveLength(1);
  await fail(nameOf(7, 'a.example'));
  const before = asked.length;
  await expect(resolver.txt(nameOf('y', 'other.A.example'))).rejects.toMatchObject({
    code: 'dns_failed',
    message: expect.stringContaining('The name servers of a.example'),
  });
  expect(asked).toHaveLength(before);
  expect(await resolver.txt(nameOf('y', 'b.example'))).toHaveLength(1);
  // A name that was answered before stays open.
  expect(await resolver.txt(nameOf('x', 'a.example'))).toHaveLength(1);
  pass(19_999);
  await expect(resolver.txt(nameOf('y', 'a.example'))).rejects.toThrow('name servers of');
  pass(1);
  expect(await resolver.txt(nameOf('z', 'a.example'))).toHaveLength(1);
});

test('a name stays familiar for eight days after its last answer, and a listed reporter always is', async () => {
  const { resolver, fail, pass } = setUp();
  const exhaust = async (domain: string, run: string) => {
    for (let i = 0; i < 8; i++) await fail(nameOf(`${run}-${i}`, domain));
  };
  const [known, old] = [nameOf('known', 'a.example'), nameOf('old', 'a.example')];
  await resolver.txt(old);
  pass(1);
  await resolver.txt(known);
  pass(8 * 24 * 3_600_000 - 1);
  await exhaust('a.example', 'later');
  await expect(resolver.txt(old)).rejects.toThrow('name servers of');
  expect(await resolver.txt(known)).toHaveLength(1);
  await exhaust('google.com', 'reporter');
  expect(await resolver.txt(nameOf('new', 'google.com'))).toHaveLength(1);
});

test('eight names of an organization are queried at a time; the ninth follows when one has ended', async () => {
  const { resolver, asked, hold } = setUp();
  const names = Array.from({ length: 10 }, (_, i) => nameOf(i, 'a.example'));
  const releaseFirst = hold(names[0]!);
  const releaseOthers = hold(...names.slice(1));
  const answers = Promise.all(names.map((name) => resolver.txt(name)));
  await turns();
  expect(asked).toEqual(names.slice(0, 8));
  // Other organizations need not wait, nor does a reporter.
  await resolver.txt(nameOf('x', 'b.example'));
  await resolver.txt(nameOf('x', 'google.com'));
  releaseFirst();
  await turns();
  expect(asked.filter((name) => name.endsWith('.a.example'))).toEqual(names.slice(0, 9));
  releaseOthers();
  expect(await answers).toHaveLength(10);
});

test('10,000 names are remembered, and the one that was answered longest ago is forgotten first', async () => {
  const { resolver, fail } = setUp();
  const [first, second] = [nameOf('first', 'a.example'), nameOf('second', 'a.example')];
  await resolver.txt(first);
  await resolver.txt(second);
  for (let i = 0; i < 8; i++) await fail(nameOf(i, 'a.example'));
  for (let i = 0; i < 9998; i++) await resolver.txt(nameOf(1, `d${i}.google.com`));
  // All fit, and this one is now the newest.
  expect(await resolver.txt(first)).toHaveLength(1);
  await resolver.txt(nameOf(2, 'google.com'));
  expect(await resolver.txt(first)).toHaveLength(1);
  await expect(resolver.txt(second)).rejects.toThrow('name servers of');
});

test('sixteen failures anywhere make an unfamiliar name wait for a moment only, and its answer is kept', async () => {
  const { resolver, fail, hold, pass } = setUp();
  const slow = nameOf('slow', 'slow.example');
  const familiar = nameOf('familiar', 'slow.example');
  await resolver.txt(familiar);
  for (let i = 0; i < 15; i++) await fail(nameOf(1, `f${i}.example`));
  const release = hold(slow, familiar, nameOf('patient', 'slow.example'));
  let ended = false;
  const patient = resolver.txt(nameOf('patient', 'slow.example')).then(() => {
    ended = true;
  });
  await fail(nameOf(1, 'f15.example'));
  await expect(resolver.txt(slow)).rejects.toMatchObject({
    code: 'dns_failed',
    message: expect.stringContaining('repeated later'),
  });
  // One that was asked for before, when there were fewer failures, and one that is familiar are waited for.
  expect(ended).toBe(false);
  const answer = resolver.txt(familiar);
  release();
  expect(await answer).toHaveLength(1);
  await patient;
  expect(await resolver.txt(slow)).toHaveLength(1);
  pass(20_000);
  expect(await resolver.txt(nameOf('later', 'slow.example'))).toHaveLength(1);
});

test('names are waited for in full again when sixteen failures are 20 s old; newer failures prolong that', async () => {
  const { resolver, fail, hold, pass } = setUp();
  let n = 0;
  const isHurried = async () => {
    const name = nameOf(1, `slow${n++}.example`);
    const release = hold(name);
    const hurried = resolver.txt(name).then(
      () => false,
      () => true,
    );
    const longer = new Promise<boolean>((resolve) => setTimeout(resolve, 900, false));
    const answer = await Promise.race([hurried, longer]);
    release();
    return answer;
  };
  for (let i = 0; i < 16; i++) await fail(nameOf(i, 'google.com'));
  pass(19_999);
  expect(await isHurried()).toBe(true);
  for (let i = 0; i < 15; i++) await fail(nameOf(`again${i}`, 'google.com'));
  pass(1);
  expect(await isHurried()).toBe(false);
  await fail(nameOf('another', 'google.com'));
  pass(19_998);
  expect(await isHurried()).toBe(true);
  pass(1);
  expect(await isHurried()).toBe(false);
});

test('who waits for a place gets it in order; who gave up neither gets one nor takes one from the others', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  try {
    expect(UNFAMILIAR_QUERIES).toBe(160);
    const { resolver, asked, fail, hold } = setUp();
    const names = Array.from({ length: UNFAMILIAR_QUERIES }, (_, i) => nameOf(1, `o${i}.example`));
    const releases = names.map((name) => hold(name));
    const answers = Promise.all(names.map((name) => resolver.txt(name)));
    await turns();
    for (let i = 0; i < 16; i++) await fail(nameOf(i, 'google.com'));
    const [a, b, c] = ['a', 'b', 'c'].map((x) => nameOf(1, `${x}.example`)) as [string, string, string];
    const ask = (name: string) => resolver.txt(name).catch(() => 'later');
    const releaseOthers = hold(a, c);
    const first = ask(a);
    await vi.advanceTimersByTimeAsync(100);
    const second = ask(b);
    await vi.advanceTimersByTimeAsync(200);
    const third = ask(c);
    releases[0]!();
    await turns();
    expect(asked.at(-1)).toBe(a);
    // When the first would have given up, nothing happens to the last; when the second does, neither.
    await vi.advanceTimersByTimeAsync(350);
    expect(await second).toBe('later');
    releases[1]!();
    await turns();
    expect(asked.at(-1)).toBe(c);
    expect(asked).not.toContain(b);
    for (const release of [...releases, releaseOthers]) release();
    await Promise.all([answers, first, third]);
    await turns();
    expect(await ask(b)).toEqual([[b]]);
  } finally {
    vi.useRealTimers();
  }
});

test('names directly below a public suffix are those of one organization', async () => {
  const { resolver, fail } = setUp();
  for (let i = 0; i < 8; i++) await fail(nameOf(i, 'CO.uk'));
  await expect(resolver.txt(nameOf('x', 'co.uk'))).rejects.toThrow('The name servers of co.uk did not answer');
});

test('unfamiliar names have a part of the queries: the next one waits, for a moment only where many fail', async () => {
  const { resolver, asked, fail, hold } = setUp();
  const names = Array.from({ length: UNFAMILIAR_QUERIES + 2 }, (_, i) => nameOf(1, `o${i}.example`));
  const releaseFirst = hold(names[0]!);
  const releaseOthers = hold(...names.slice(1));
  const answers = names.map((name) => resolver.txt(name));
  await turns();
  expect(asked).toEqual(names.slice(0, UNFAMILIAR_QUERIES));
  releaseFirst();
  await answers[0];
  await turns();
  expect(asked).toEqual(names.slice(0, UNFAMILIAR_QUERIES + 1));
  // Names of listed reporters fail beside them, as they need no place.
  for (let i = 0; i < 16; i++) await fail(nameOf(i, 'google.com'));
  const late = nameOf(1, 'late.example');
  await expect(resolver.txt(late)).rejects.toThrow('repeated later');
  releaseOthers();
  expect(await Promise.all(answers)).toHaveLength(names.length);
  // The place that was waited for in vain is not taken: all of them are free again.
  await turns();
  expect(asked).not.toContain(late);
  const before = asked.length;
  const more = Array.from({ length: UNFAMILIAR_QUERIES + 1 }, (_, i) => nameOf(1, `p${i}.example`));
  const release = hold(...more);
  const settled = Promise.allSettled(more.map((name) => resolver.txt(name)));
  await turns();
  expect(asked.slice(before)).toEqual(more.slice(0, UNFAMILIAR_QUERIES));
  release();
  await settled;
});
