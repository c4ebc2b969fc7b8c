import { describe, expect, test } from 'vitest';
import { reduceSpf } from '../../../services/dns/spf/reduce.ts';
import { zone } from '../../requests/plans/zone.ts';

/** Services, each with an SPF record that costs one lookup and two inner ones, and allows one address. */
const SERVICES = [1, 2, 3, 4, 5]
  .map(
    (n) => `s${n} TXT "v=spf1 include:a${n}.example.com include:b${n}.example.com -all"
a${n} TXT "v=spf1 ip4:198.51.100.${n} -all"
b${n} TXT "v=spf1 ip4:203.0.113.${n} -all"`,
  )
  .join('\n');
const dns = (spf: string) => zone(`@ TXT "${spf}"\n${SERVICES}\n`);
const all = (...ns: number[]) => ns.map((n) => `include:s${n}.example.com`).join(' ');
const reduce = (spf: string, sources: [string, number][]) =>
  reduceSpf('example.com', dns(spf), { sources: sources.map(([address, messages]) => ({ address, messages })) });

describe('a record over ten lookups', () => {
  test('loses what allows nobody who sends, and no more than that', async () => {
    const spf = `v=spf1 ip4:192.0.2.1 ${all(1, 2, 3, 4)} ~all`;
    expect(
      await reduce(spf, [
        ['198.51.100.1', 9],
        ['203.0.113.2', 1],
        ['192.0.2.1', 90],
      ]),
    ).toEqual({
      value: `v=spf1 ip4:192.0.2.1 ${all(1, 2, 4)} ~all`,
      removed: ['include:s3.example.com'],
      moved: false,
      lookups: { before: 12, after: 9 },
    });
  });

  test('whose terms are all in use is ordered by the mail that passes by each', async () => {
    const spf = `v=spf1 ${all(1, 2, 3, 4)} ip4:192.0.2.1 -all`;
    const sent: [string, number][] = [
      ['198.51.100.1', 1],
      ['198.51.100.2', 5],
      ['198.51.100.3', 3],
      ['198.51.100.4', 900],
    ];
    expect(await reduce(spf, sent)).toEqual({
      value: `v=spf1 ip4:192.0.2.1 ${all(4, 2, 3, 1)} -all`,
      removed: [],
      moved: true,
      lookups: { before: 12, after: 12 },
    });
  });

  test('in the best order already, with all in use, stays', async () => {
    const sent: [string, number][] = [1, 2, 3, 4].map((n) => [`198.51.100.${n}`, 10 - n]);
    expect(await reduce(`v=spf1 ${all(1, 2, 3, 4)} -all`, sent)).toBeNull();
  });

  test('that asks for a host first has it behind its networks, which keep their order', async () => {
    const spf = `v=spf1 a ip4:192.0.2.1 ip4:192.0.2.2 ${all(1, 2, 3, 4)} -all`;
    const sent = [...[1, 2, 3, 4].map((n): [string, number] => [`198.51.100.${n}`, 10 - n]), ['192.0.2.2', 50]] as [
      string,
      number,
    ][];
    expect((await reduce(spf, sent))?.value).toBe(`v=spf1 ip4:192.0.2.1 ip4:192.0.2.2 ${all(1, 2, 3, 4)} -all`);
    const used: [string, number][] = [...sent, ['192.0.2.80', 1]];
    const host = `v=spf1 a:host.example.com ip4:192.0.2.1 ip4:192.0.2.2 ${all(1, 2, 3, 4)} -all`;
    const reduced = await reduceSpf('example.com', zone(`@ TXT "${host}"\nhost A 192.0.2.80\n${SERVICES}\n`), {
      sources: used.map(([address, messages]) => ({ address, messages })),
    });
    expect(reduced?.value).toBe(`v=spf1 ip4:192.0.2.1 ip4:192.0.2.2 ${all(1, 2, 3, 4)} a:host.example.com -all`);
  });

  test('without an end keeps what is behind its terms', async () => {
    const sent = [1, 2, 3].map((n): [string, number] => [`203.0.113.${n}`, 1]);
    expect((await reduce(`v=spf1 ${all(1, 2, 3, 4)}  exp=why.example.com`, sent))?.value).toBe(
      `v=spf1 ${all(1, 2, 3)} exp=why.example.com`,
    );
    expect((await reduce(`v=spf1 ${all(1, 2, 3, 4)}`, sent))?.value).toBe(`v=spf1 ${all(1, 2, 3)}`);
  });

  test('keeps modifiers and what is after all its terms', async () => {
    const reduced = await reduce(
      `v=spf1 ${all(1, 2, 3, 4)} -all exp=why.example.com`,
      [1, 2, 3].map((n) => [`203.0.113.${n}`, 1]),
    );
    expect(reduced?.value).toBe(`v=spf1 ${all(1, 2, 3)} -all exp=why.example.com`);
  });
});

test.each([
  ['within the limit', `v=spf1 ${all(1, 2, 3)} -all`],
  ['with an error', `v=spf1 ${all(1, 2, 3, 4)} ip4:nonsense -all`],
  ['that denies somebody on the way', `v=spf1 -${all(1)} ${all(2, 3, 4)} -all`],
])('a record %s is left alone', async (_, spf) => {
  expect(await reduce(spf, [])).toBeNull();
});
