import { describe, expect, test } from 'vitest';
import { checkDomain, type DomainCheck } from '../../services/dns/check/check.ts';
import { CODES, type Code } from '../../services/dns/check/codes.ts';
import type { Finding } from '../../services/dns/check/finding.ts';
import type { StoredCheck } from '../../services/store/dns/checks.ts';
import { checked, isNews, stsKnown } from '../../services/watcher/check.ts';
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

describe('what is kept of a fault', () => {
  const fault = (code: Code, given: Partial<Finding> = {}): Finding => ({
    ...{ code, severity: CODES[code].severity, domain: DOMAIN, message: 'Wrong.', section: '1' },
    ...{ record: null, place: null, publish: null },
    ...given,
  });
  /** A check of a domain whose records are as good as they can be, but for these findings. */
  const found = async (findings: Finding[]): Promise<DomainCheck> => ({
    ...(await checkDomain(DOMAIN, dnsOf(many(1)))),
    findings,
  });
  const kept = async (findings: Finding[], before: StoredCheck | null = null, seen = false) =>
    checked(before, await found(findings), before === null ? T1 : T2, seen ? T2 : null).findings;

  test('errors and warnings are, what reports say too, and nothing else', async () => {
    const severities = new Map<string, Code>();
    for (const [code, { severity }] of Object.entries(CODES) as [Code, { severity: string }][])
      if (!['spf_unused', 'dmarc_sender_fails'].includes(code) && !severities.has(severity)) severities.set(severity, code);
    const all = [...severities.values(), 'spf_unused' as const, 'dmarc_sender_fails' as const];
    expect((await kept(all.map((code) => fault(code)))).map(({ code }) => code)).toEqual(
      [severities.get('error')!, severities.get('warning')!, 'spf_unused', 'dmarc_sender_fails'].sort(
        (a, b) => all.indexOf(a as Code) - all.indexOf(b as Code),
      ),
    );
  });

  test('fifty of them, with a thousand characters of each text, and no part of a value', async () => {
    const text = 'x'.repeat(1_000);
    const given = (length: number) => {
      const long = 'x'.repeat(length);
      return fault('spf_lookups', { message: long, place: { at: 0, text: long }, publish: { name: DOMAIN, value: long } });
    };
    expect(await kept([given(1_000)])).toMatchObject([{ message: text, text, publish: text }]);
    expect(await kept([given(1_001)])).toMatchObject([{ message: `${text}…`, text: `${text}…`, publish: null }]);
    expect(await kept([fault('spf_lookups', { publish: { name: DOMAIN, value: null } })])).toMatchObject([
      { text: null, publish: null },
    ]);
    const many = Array.from({ length: 51 }, (_, i) =>
      fault('dkim_revoked' as Code, { severity: 'error', record: { name: `s${i}`, text: '' } }),
    );
    expect((await kept(many)).length).toBe(50);
  });

  test('under the name of the record that it is mended in', async () => {
    const names = async (code: Code, given: Partial<Finding> = {}) =>
      (await kept([fault(code, { severity: 'error', ...given })])).map(({ name }) => name);
    const record = { name: 'elsewhere.example', text: '' };
    expect(await names('spf_lookups', { record })).toEqual([DOMAIN]);
    expect(await names('dmarc_value', { record })).toEqual([`_dmarc.${DOMAIN}`]);
    const sts = (Object.keys(CODES) as Code[]).find((code) => code.startsWith('mta_'))!;
    expect(await names(sts, { record })).toEqual([`_mta-sts.${DOMAIN}`]);
    const key = (Object.keys(CODES) as Code[]).find((code) => code.startsWith('dkim_'))!;
    expect(await names(key, { record })).toEqual(['elsewhere.example']);
    expect(await names(key, { publish: { name: 'planned.example', value: 'v' } })).toEqual(['planned.example']);
    expect(await names(key)).toEqual([DOMAIN]);
  });

  test('what reports say stays until they are read again; a term that is not used, while the record has it', async () => {
    const unused = (text: string) => fault('spf_unused', { place: { at: 0, text } });
    const first = await found([unused('include:i0.test'), unused('include:gone.test'), fault('dmarc_sender_fails')]);
    const before = checked(null, first, T1, T1);
    expect(before.seen_at).toEqual(T1);
    // Reports were read before the round was stored: what is decided between the two is not in it.
    expect(checked(null, first, T2, T1)).toMatchObject({ checked_at: T2, seen_at: T1 });
    const of = (check: StoredCheck) => check.findings.map(({ code, text }) => `${code} ${text}`);
    expect(of(before).length).toBe(3);
    const unread = checked(before, await found([]), T2);
    expect(of(unread)).toEqual(['spf_unused include:i0.test', 'dmarc_sender_fails null']);
    expect(unread.seen_at).toEqual(T1);
    const read = checked(before, await found([unused('include:i0.test')]), T2, T2);
    expect(of(read)).toEqual(['spf_unused include:i0.test']);
    expect(read.findings[0]!.since).toBe(T1.toISOString());
    expect(read.seen_at).toEqual(T2);
    // Another term is another fault.
    const other = checked(before, await found([unused('include:new.test')]), T2, T2);
    expect(other.findings[0]!.since).toBe(T2.toISOString());
  });

  test('since the check that found this fault of this record, and none that is only like it', async () => {
    const record = (name: string) => ({ record: { name, text: '' } });
    const [revoked, weak] = (Object.keys(CODES) as Code[]).filter((code) => code.startsWith('dkim_')) as [Code, Code];
    const of = (code: Code, name: string) => fault(code, { severity: 'error', ...record(name) });
    const before = checked(null, await found([of(revoked, 's1'), of(weak, 's2')]), T1);
    const now = await kept([of(revoked, 's2'), of(weak, 's1'), of(weak, 's2')], before);
    expect(now.map(({ code, name, since }) => [code, name, since])).toEqual([
      [revoked, 's2', T2.toISOString()],
      [weak, 's1', T2.toISOString()],
      [weak, 's2', T1.toISOString()],
    ]);
  });

  test('what nobody could ask again stays once, and what was found again is not told twice', async () => {
    const before = checked(null, await found([fault('spf_lookups', { severity: 'error' })]), T1);
    const unknown = (Object.keys(CODES) as Code[]).find((code) => code.startsWith('spf_') && CODES[code].severity === 'unknown')!;
    expect((await kept([fault(unknown)], before)).map(({ code, since }) => [code, since])).toEqual([
      ['spf_lookups', T1.toISOString()],
    ]);
    const again = [fault(unknown), fault('spf_lookups', { severity: 'error' })];
    expect((await kept(again, before)).map(({ code, since }) => [code, since])).toEqual([['spf_lookups', T1.toISOString()]]);
  });

  test('with the id and the policy of MTA-STS that are known', async () => {
    const check = { ...(await found([])), mtaSts: { record: { id: '7' }, digest: 'd' } as unknown as DomainCheck['mtaSts'] };
    expect(checked(null, check, T1)).toMatchObject({ sts_id: '7', sts_digest: 'd' });
    expect(checked(null, { ...check, mtaSts: null }, T1)).toMatchObject({ sts_id: null, sts_digest: null });
  });

  test('that DNSSEC is broken, until an answer shows that it is not', async () => {
    const bogus = await check({ [DOMAIN]: { TXT: [['v=spf1 -all']], bogus: 'a signature has expired' } }, null, T1);
    const broken = (found: StoredCheck) => found.findings.filter(({ code }) => code === 'dnssec_bogus').map(({ since }) => since);
    expect(broken(bogus)).toEqual([T1.toISOString()]);
    expect(broken(await check({ [DOMAIN]: 'unknown' }, bogus, T2))).toEqual([T1.toISOString()]);
    expect(broken(await check(many(2), bogus, T2))).toEqual([]);
  });

  test('the count of empty lookups, as long as the record can be read', async () => {
    const zone: Zone = { [DOMAIN]: { SOA: [SOA], TXT: [['v=spf1 a:none.test mx:none.test -all']] } };
    const first = await check(zone, null, T1);
    expect(first).toMatchObject({ spf_lookups: 2, spf_voids: 2 });
    expect(await check({ [DOMAIN]: 'unknown' }, first, T2)).toMatchObject({ spf_lookups: 2, spf_voids: 2 });
    expect(await check({ [DOMAIN]: 'unknown' }, null, T2)).toMatchObject({ spf_lookups: null, spf_voids: null, spf_over: null });
  });
});

test('the policy of an MTA-STS record is that of the day on which its id was first seen', () => {
  const sts = (id: string | null, digest: string | null) =>
    stsKnown(before, { mtaSts: { record: id === null ? null : { id }, digest } as unknown as DomainCheck['mtaSts'] });
  let before: StoredCheck | null = null;
  expect([stsKnown(null, { mtaSts: null }), sts(null, 'd1'), sts('1', null)]).toEqual([null, null, null]);
  expect(sts('1', 'd1')).toEqual({ id: '1', digest: 'd1' });
  before = { sts_id: '1', sts_digest: 'd1' } as StoredCheck;
  expect(sts('1', 'd2')).toEqual({ id: '1', digest: 'd1' });
  expect(sts('2', 'd2')).toEqual({ id: '2', digest: 'd2' });
  expect([sts(null, 'd2'), sts('2', null), stsKnown(before, { mtaSts: null })]).toEqual(Array(3).fill({ id: '1', digest: 'd1' }));
  before = { sts_id: '1', sts_digest: null } as StoredCheck;
  expect(stsKnown(before, { mtaSts: null })).toBeNull();
});
