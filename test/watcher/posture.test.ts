import { expect, test } from 'vitest';
import { checkDomain } from '../../services/dns/check/check.ts';
import { readRecords } from '../../services/dns/posture/records.ts';
import { changesPosture, knownAfter } from '../../services/watcher/posture.ts';
import { GOOD, spf } from '../dns/check/fixtures.ts';
import { dnsOf, type Zone } from '../dns/zone.ts';

const check = (zone: Zone) => checkDomain('example.com', dnsOf({ ...GOOD, ...zone }), { selectors: ['sel'] });
const stored = (records: unknown) => JSON.parse(JSON.stringify(records)) as unknown;

test('what nobody could answer stays what it was, and what is answered counts', async () => {
  const before = stored(
    knownAfter(null, await check({ '_dmarc.example.com': spf('v=DMARC1; p=none; rua=mailto:a@example.com') })),
  );
  const silent = await check({ '_dmarc.example.com': 'unknown', 'example.com': 'unknown' });
  expect(knownAfter(before, silent)).toMatchObject({ dmarc: 'valid', spf: 'valid', policy: { policy: 'none' } });
  expect(knownAfter(null, silent)).toMatchObject({ dmarc: 'unknown', spf: 'unknown', policy: null });
  // Nor is it said that nobody could say.
  expect(knownAfter(before, silent).faults.map(({ code }) => code)).not.toContain('dmarc_unknown');
  const gone = await check({ '_dmarc.example.com': {} });
  expect(knownAfter(before, gone)).toMatchObject({ dmarc: 'missing', policy: null });
});

test('is news when it differs, in whatever order the database keeps it', async () => {
  const records = knownAfter(null, await check({}));
  const shuffled = stored(Object.fromEntries(Object.entries(records).reverse()));
  expect(changesPosture(shuffled, records)).toBe(false);
  expect(changesPosture(null, records)).toBe(true);
  expect(changesPosture(shuffled, { ...records, spf: 'missing' })).toBe(true);
});

test('a hostile record is stored in part, and no half of a value is to be published', async () => {
  const long = `v=DMARC1; p=none; rua=mailto:a@example.com; x=${'y'.repeat(9_000)}`;
  const known = knownAfter(null, await check({ '_dmarc.example.com': spf(long) }));
  expect(JSON.stringify(known).length).toBeLessThan(20_000);
  for (const { publish } of known.faults) expect(publish?.value?.length ?? 0).toBeLessThanOrEqual(4_000);
  expect(readRecords(stored(known))).toEqual(known);
  expect(readRecords({ domain: 7 })).toBeNull();
});

test('twenty faults are kept, and a thousand characters of what each says', async () => {
  const given = await check({});
  const one = { severity: 'error' as const, code: 'spf_syntax' as const, record: null, place: null };
  const known = (length: number, value: string | null = null) => {
    const publish = value === null ? null : { name: 'example.com', value };
    const findings = Array.from({ length: 21 }, () => ({ ...one, message: 'x'.repeat(length), publish }));
    return knownAfter(null, { ...given, findings: findings as unknown as typeof given.findings });
  };
  expect(known(1_000).faults.map(({ message }) => message.length)).toEqual(Array(20).fill(1_000));
  expect(known(1_001).faults[0]!.message.length).toBe(1_000);
  expect(known(1, 'x'.repeat(4_000)).faults[0]!.publish?.value?.length).toBe(4_000);
  expect(known(1, 'x'.repeat(4_001)).faults[0]!.publish).toBeNull();
});

test('that DNSSEC is broken is known until an answer shows that it is not', async () => {
  const bogus = await check({ 'example.com': { ...spf('v=spf1 -all'), bogus: 'a signature has expired' } });
  const before = stored(knownAfter(null, bogus));
  const codes = (records: { faults: { code: string }[] }) => records.faults.map(({ code }) => code);
  expect(codes(knownAfter(before, bogus))).toContain('dnssec_bogus');
  expect(codes(knownAfter(before, await check({ 'example.com': 'unknown' })))).toContain('dnssec_bogus');
  expect(codes(knownAfter(before, await check({})))).not.toContain('dnssec_bogus');
});

const fault = (code: string, severity = 'error') => ({ severity, code, message: `It is ${code}.`, publish: null, record: null });
/** One of each part, and one of none. */
const FAULTS = [
  'bimi_logo',
  'tlsrpt_syntax',
  'mta_sts_mx',
  'dmarc_no_rua',
  'dkim_syntax',
  'spf_syntax',
  'dnssec_bogus',
  'mx_address',
];
const PARTS = ['spf', 'dkim', 'dmarc', 'mta_sts', 'tls_rpt', 'bimi'] as const;

test('of each part that nobody answered about, all that was known stays, and of no other', async () => {
  const nobody = await checkDomain('example.com', dnsOf({ 'example.com': 'unknown', '*.example.com': 'unknown' }), {
    selectors: ['sel'],
  });
  const findings = [...nobody.findings, fault('dkim_key_short'), fault('mx_gone')] as typeof nobody.findings;
  const silent = { ...nobody, findings };
  const known = {
    ...knownAfter(null, await check({})),
    closed: true,
    mx: 'null' as const,
    faults: FAULTS.map((code) => ({ severity: 'error' as const, code, message: `It is ${code}.`, publish: null })),
  };
  const codes = ({ faults }: { faults: readonly { code: string }[] }) => faults.map(({ code }) => code);
  const alone = knownAfter(null, silent);
  expect(PARTS.map((part) => alone[part])).toEqual(PARTS.map(() => 'unknown'));
  expect(codes(alone)).toEqual(['dmarc_unknown', 'dkim_key_short', 'mx_gone']);

  const all = knownAfter(stored(known), silent);
  expect({ ...all, faults: [] }).toEqual({ ...known, faults: [] });
  expect(codes(all).filter((code) => FAULTS.includes(code))).toEqual([
    'spf_syntax',
    'dkim_syntax',
    'dmarc_no_rua',
    'mta_sts_mx',
    'tlsrpt_syntax',
    'bimi_logo',
    'dnssec_bogus',
  ]);
  // What this check found wrong stays; that nobody could say goes where somebody could before.
  expect(codes(all).filter((code) => !FAULTS.includes(code))).toEqual(['dkim_key_short', 'mx_gone']);

  // One part after the other was not known before.
  for (const part of PARTS) {
    const without = knownAfter(stored({ ...known, [part]: 'unknown' }), silent);
    const prefix = part === 'tls_rpt' ? 'tlsrpt_' : `${part}_`;
    expect(without[part]).toBe('unknown');
    expect([part, codes(without).filter((code) => FAULTS.includes(code))]).toEqual([
      part,
      codes(all).filter((code) => FAULTS.includes(code) && !code.startsWith(prefix)),
    ]);
    expect([without.closed, without.policy]).toEqual([part !== 'spf', part === 'dmarc' ? alone.policy : known.policy]);
    expect(without.mx).toBe('null');
  }

  // And what is answered counts.
  const answered = await check({});
  expect(knownAfter(stored(known), answered)).toEqual(knownAfter(null, answered));
});
