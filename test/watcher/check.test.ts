import { describe, expect, test } from 'vitest';
import { checkDomain } from '../../services/dns/check/check.ts';
import type { StoredCheck } from '../../services/store/dns/checks.ts';
import { checked, isNews } from '../../services/watcher/check.ts';
import { dnsOf, type Zone } from '../dns/zone.ts';

const T1 = new Date('2026-11-20T12:00:00Z');
const T2 = new Date('2026-11-20T13:00:00Z');
const T3 = new Date('2026-11-20T14:00:00Z');
const DOMAIN = 'example.com';
const SOA = { mname: 'ns', rname: 'h', serial: 1, refresh: 1, retry: 1, expire: 1, minimum: 1 };

const includes = (count: number) => Array.from({ length: count }, (_, i) => `include:i${i}.test`);
const many = (count: number): Zone => ({
  [DOMAIN]: { SOA: [SOA], TXT: [[`v=spf1 ${includes(count).join(' ')} -all`]] },
  ...Object.fromEntries(includes(count).map((term) => [term.slice(8), { TXT: [['v=spf1 ip4:192.0.2.1 -all']] }])),
});
const check = async (zone: Zone, before: StoredCheck | null, now: Date) =>
  checked(before, await checkDomain(DOMAIN, dnsOf(zone), { selectors: ['s1'] }), now);
const codes = ({ findings }: StoredCheck) => findings.map(({ code, name, since }) => `${code} ${name} ${since.slice(11, 16)}`);

describe('what is wrong with the records of a domain', () => {
  test('is kept with the first check that found it, and the count of lookups', async () => {
    const zone = { ...many(12), [`_dmarc.${DOMAIN}`]: { TXT: [['v=DMARC1; p=foo; rua=mailto:a@example.com']] } };
    const first = await check(zone, null, T1);
    expect(codes(first)).toEqual(expect.arrayContaining([`spf_lookups ${DOMAIN} 12:00`, `dmarc_value _dmarc.${DOMAIN} 12:00`]));
    expect(first).toMatchObject({ spf_lookups: 12, spf_over: 'include:i10.test' });
    expect(codes(await check(zone, first, T2))).toEqual(codes(first));
    const better = await check(many(9), first, T2);
    expect(codes(better).filter((one) => /spf|value/.test(one))).toEqual([]);
    expect(better).toMatchObject({ spf_lookups: 9, spf_over: null });
  });

  test('stays as it was while nobody answers', async () => {
    const first = await check(many(12), null, T1);
    const silent = await check({ ...many(12), [DOMAIN]: 'unknown' }, first, T2);
    expect(codes(silent)).toContain(`spf_lookups ${DOMAIN} 12:00`);
    expect(silent).toMatchObject({ spf_lookups: 12, spf_over: 'include:i10.test' });
  });

  test('is bounded, whatever the records say', async () => {
    const terms = Array.from({ length: 300 }, (_, i) => `nonsense${i}`).join(' ');
    const found = await check({ [DOMAIN]: { SOA: [SOA], TXT: [[`v=spf1 ${terms} ${'x'.repeat(5_000)} -all`]] } }, null, T1);
    expect(found.findings.length).toBeLessThanOrEqual(50);
    expect(Math.max(...found.findings.map(({ message, text }) => Math.max(message.length, text?.length ?? 0)))).toBeLessThan(
      1_002,
    );
  });
});

test('is news when it is confirmed by a second check, and when it changes', async () => {
  const first = await check(many(12), null, T1);
  expect(isNews(null, first)).toBe(false);
  const second = await check(many(12), first, T2);
  expect(isNews(first, second)).toBe(true);
  const third = await check(many(12), second, T3);
  expect(isNews(second, third)).toBe(false);
  expect(isNews(second, await check(many(9), second, T3))).toBe(true);
});
