import { generateKeyPairSync } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { tryDomain } from '../../services/cli/guard-sample.ts';
import { checkDomain } from '../../services/dns/check/check.ts';
import { GUARD_CODES } from '../../services/dns/guard/codes.ts';
import { readGuard } from '../../services/dns/guard/file.ts';
import { GUARD_FIXTURES } from '../dns/guard/fixtures.ts';
import { dnsOf, type Zone } from '../dns/zone.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-sample-'));
afterAll(() => rmSync(folder, { recursive: true }));

const write = (name: string, content: string) => writeFileSync(path.join(folder, name), content, { mode: 0o600 });
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const ed = generateKeyPairSync('ed25519');
write('rsa.pem', rsa.privateKey.export({ format: 'pem', type: 'pkcs1' }).toString());
write('ed.pem', ed.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString());
write(
  'ec.pem',
  generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
);
write('nothing.pem', 'nothing');
write('open.pem', rsa.privateKey.export({ format: 'pem', type: 'pkcs1' }).toString());
chmodSync(path.join(folder, 'open.pem'), 0o644);
const RSA = `v=DKIM1; p=${rsa.publicKey.export({ format: 'der', type: 'spki' }).toString('base64')}`;
const ED = `v=DKIM1; k=ed25519; p=${ed.publicKey.export({ format: 'der', type: 'spki' }).subarray(-32).toString('base64')}`;

const ZONE: Zone = {
  'example.com': { TXT: [['v=spf1 ip4:192.0.2.0/28 -all']] },
  'bounces.vendor.example': { TXT: [['v=spf1 ip4:192.0.2.0/28 -all']] },
  'bounces.example.com': { TXT: [['v=spf1 ip4:192.0.2.0/28 -all']] },
  '_dmarc.example.com': { TXT: [['v=DMARC1; p=reject']] },
  's1._domainkey.example.com': { TXT: [[RSA]] },
  's2._domainkey.example.com': { TXT: [[ED]] },
};
const VENDOR: Zone = { 'v._domainkey.vendor.example': { TXT: [[RSA]] } };
/** Admits the addresses that it lists by name. */
const ASKING: Zone = {
  'example.com': { TXT: [['v=spf1 exists:%{i}.list.example.com -all']] },
  ...Object.fromEntries(Array.from({ length: 256 }, (_, n) => [`192.0.2.${n}.list.example.com`, { A: ['127.0.0.2'] }] as const)),
};
const HALF: Zone = { 'example.com': { TXT: [['v=spf1 ip4:192.0.2.0/29 -all']] } };
const trying = async (selectors: string, workloads: string, zone: Zone = {}) => {
  const guard = readGuard(
    `{version: 1, environments: {production: {egress: {nat: {addresses: [192.0.2.1, 192.0.2.2]}, away: {addresses: [192.0.2.77]}, cluster: {from: nodes}}, domains: {example.com: {dkim: {selectors: {${selectors}}}, workloads: [${workloads}]}}}}}`,
  );
  const dns = dnsOf({ ...ZONE, ...zone });
  const [guarded] = guard.environments[0]!.domains;
  const trials = await tryDomain(guarded!, await checkDomain('example.com', dns), {
    dns,
    folder,
    now: new Date('2026-11-27T00:00:00Z'),
  });
  return { ...trials, codes: trials.findings.map(({ code }) => code) };
};

test('a sample that is signed with the key of the published record verifies, RSA and Ed25519', async () => {
  const { selectors, codes } = await trying('s1: {private_key: rsa.pem}, s2: {private_key: ed.pem}', '');
  expect(selectors).toEqual([
    { selector: 's1', result: 'pass', why: null },
    { selector: 's2', result: 'pass', why: null },
  ]);
  expect(codes).toEqual([]);
});

test.each([
  ['another key', { 's1._domainkey.example.com': { TXT: [[RSA.replace(RSA.slice(60, 64), 'AAAA')]] } }, 'guard_signature'],
  ['a key of another type', { 's1._domainkey.example.com': { TXT: [[ED]] } }, 'guard_signature'],
  ['no key', { 's1._domainkey.example.com': { A: ['192.0.2.1'] } }, 'guard_signature'],
  ['a revoked key', { 's1._domainkey.example.com': { TXT: [['v=DKIM1; p=']] } }, 'guard_signature'],
  ['a key for tests', { 's1._domainkey.example.com': { TXT: [[`${RSA}; t=y`]] } }, 'guard_signature'],
  ['nobody who answers', { 's1._domainkey.example.com': 'unknown' }, 'guard_unknown'],
] as [string, Zone, string][])('with %s at the selector it does not', async (_name, zone, code) => {
  expect((await trying('s1: {private_key: rsa.pem}', '', zone)).codes).toEqual([code]);
});

test.each(['missing.pem', 'nothing.pem', 'ec.pem'])(
  'the key file %s cannot be used, and nothing of it is quoted',
  async (file) => {
    const { findings } = await trying(`s1: {private_key: ${file}}`, '');
    expect(findings.map(({ code }) => code)).toEqual(['guard_key_file']);
    expect(findings[0]!.message).toContain(`The private key ${file} of s1 (example.com) cannot be used`);
    if (file === 'missing.pem') expect(findings[0]!.message).toContain(`: there is no file ${path.join(folder, file)}.`);
  },
);

test('a selector without a key file is not tried', async () => {
  expect((await trying('s1: any, old: absent', '')).codes).toEqual(['guard_not_signed_here']);
});

test('mail of a workload passes by SPF and DKIM', async () => {
  const { workloads, codes } = await trying('s1: {private_key: rsa.pem}', '{name: shop, egress: [nat]}');
  expect(codes).toEqual([]);
  expect(workloads).toMatchObject([{ workload: 'shop', selectors: ['s1'], dkimAligned: true, dmarc: 'pass' }]);
  expect(workloads[0]!.egress.map(({ address, spf }) => `${address} ${spf}`)).toEqual(['192.0.2.1 pass', '192.0.2.2 pass']);
});

test.each([
  [
    'an egress that SPF does not admit',
    's1: {private_key: rsa.pem}',
    '{name: shop, egress: [nat, away]}',
    ['guard_egress'],
    'pass',
  ],
  ['no selector', '', '{name: shop, egress: [nat]}', ['guard_unsigned'], 'pass'],
  [
    'no selector, of several',
    's1: {private_key: rsa.pem}',
    '{name: shop, egress: [nat], selectors: []}',
    ['guard_unsigned'],
    'pass',
  ],
  ['neither', '', '{name: shop, egress: [away]}', ['guard_unsigned', 'guard_egress', 'guard_dmarc'], 'fail'],
  [
    'neither, by one of two ways',
    '',
    '{name: shop, egress: [nat, away]}',
    ['guard_unsigned', 'guard_egress', 'guard_dmarc'],
    'fail',
  ],
  [
    'MAIL FROM of a vendor, unsigned',
    '',
    '{name: shop, egress: [nat], envelope_from: bounces.vendor.example}',
    ['guard_unsigned', 'guard_dmarc'],
    'fail',
  ],
  [
    'MAIL FROM of a vendor, signed',
    's1: {private_key: rsa.pem}',
    '{name: shop, egress: [nat], envelope_from: bounces.vendor.example}',
    [],
    'pass',
  ],
  [
    'MAIL FROM below the domain',
    '',
    '{name: shop, egress: [nat], envelope_from: bounces.example.com}',
    ['guard_unsigned'],
    'pass',
  ],
  [
    'a key of another',
    's2: {private_key: rsa.pem}',
    '{name: shop, egress: [away]}',
    ['guard_signature', 'guard_egress', 'guard_dmarc'],
    'fail',
  ],
  ['an egress of the cluster', 's1: {private_key: rsa.pem}', '{name: shop, egress: [cluster]}', ['guard_egress_unknown'], 'pass'],
  ['a key that is not at hand', 's1: any', '{name: shop, egress: [away]}', ['guard_not_signed_here', 'guard_egress'], null],
  ['no egress at all', '', '{name: shop}', ['guard_unsigned', 'guard_egress_none', 'guard_dmarc'], 'fail'],
] as const)('%s', async (_name, selectors, workload, codes, dmarc) => {
  const trials = await trying(selectors, workload);
  expect(trials.codes).toEqual(codes);
  expect(trials.workloads[0]!.dmarc).toBe(dmarc);
});

/**
 * Of each code about keys and workloads: selectors, workload and records that raise it, and the twin that is
 * corrected.
 */
type Tried = [selectors: string, workload: string, zone?: Zone];
const SIGNED = 's1: {private_key: rsa.pem}';
const TWINS: Partial<Record<keyof typeof GUARD_CODES, { raised: Tried; corrected: Tried }>> = {
  guard_key_file: { raised: ['s1: {private_key: missing.pem}', ''], corrected: [SIGNED, ''] },
  guard_key_readable: { raised: ['s1: {private_key: open.pem}', ''], corrected: [SIGNED, ''] },
  guard_signature: {
    raised: [SIGNED, '', { 's1._domainkey.example.com': { TXT: [[RSA.replace(RSA.slice(60, 64), 'AAAA')]] } }],
    corrected: [SIGNED, ''],
  },
  guard_unsigned: {
    raised: [SIGNED, '{name: shop, egress: nat, selectors: []}'],
    corrected: [SIGNED, '{name: shop, egress: nat}'],
  },
  guard_unaligned: {
    raised: ['', '{name: shop, egress: nat, selectors: [{domain: vendor.example, selector: v, key_file: rsa.pem}]}', VENDOR],
    corrected: ['', '{name: shop, egress: nat, selectors: [{domain: example.com, selector: s1, key_file: rsa.pem}]}', VENDOR],
  },
  guard_egress: {
    raised: [SIGNED, '{name: shop, egress: 192.0.2.8/28}', HALF],
    corrected: [SIGNED, '{name: shop, egress: 192.0.2.0/29}', HALF],
  },
  guard_dmarc: { raised: ['', '{name: shop, egress: away}'], corrected: ['', '{name: shop, egress: nat}'] },
  guard_not_signed_here: { raised: ['s1: any', ''], corrected: [SIGNED, ''] },
  guard_egress_unknown: {
    raised: [SIGNED, '{name: shop, egress: {cilium: out}}'],
    corrected: [SIGNED, '{name: shop, egress: {cilium: out, addresses: [192.0.2.1]}}'],
  },
  guard_egress_none: { raised: [SIGNED, '{name: shop}'], corrected: [SIGNED, '{name: shop, egress: nat}'] },
  guard_egress_sampled: {
    raised: [SIGNED, '{name: shop, egress: 192.0.2.0/24}', ASKING],
    corrected: [SIGNED, '{name: shop, egress: 192.0.2.0/29}', ASKING],
  },
};

test.each(Object.entries(TWINS))('%s is found, and not in its corrected twin', async (code, { raised, corrected }) => {
  expect((await trying(...raised)).codes).toContain(code);
  expect((await trying(...corrected)).codes).not.toContain(code);
});

test('every code about keys and workloads has its twin', () => {
  const others = Object.keys(GUARD_FIXTURES);
  expect(Object.keys(TWINS).sort()).toEqual(
    Object.keys(GUARD_CODES)
      .filter((code) => !others.includes(code))
      .sort(),
  );
});

describe('which keys', () => {
  const OTHER: Zone = { 'v._domainkey.vendor.example': { TXT: [[ED]] }, 'n._domainkey.news.example.com': { TXT: [[ED]] } };
  test.each([
    ['of a domain below', '{name: w, selectors: [{domain: news.example.com, selector: n, key_file: ed.pem}]}', {}, [], true],
    [
      'of a domain below, strictly',
      '{name: w, selectors: [{domain: news.example.com, selector: n, key_file: ed.pem}]}',
      { '_dmarc.example.com': { TXT: [['v=DMARC1; p=reject; adkim=s']] } },
      ['guard_unaligned', 'guard_dmarc'],
      false,
    ],
    [
      'of a vendor',
      '{name: w, selectors: [{domain: vendor.example, selector: v, key_file: ed.pem}]}',
      {},
      ['guard_unaligned', 'guard_dmarc'],
      false,
    ],
    [
      'of a vendor, and its own',
      '{name: w, selectors: [{domain: vendor.example, selector: v, key_file: ed.pem}, {selector: s2, key_file: ed.pem}]}',
      {},
      [],
      true,
    ],
    [
      'a file of its own under the selector of another',
      '{name: w, selectors: [{selector: s1, key_file: ed.pem}]}',
      {},
      ['guard_signature', 'guard_dmarc'],
      false,
    ],
    [
      'under a selector that nobody published',
      '{name: w, selectors: [{selector: s9, key_file: ed.pem}]}',
      {},
      ['guard_signature', 'guard_dmarc'],
      false,
    ],
    ['in a Secret alone', '{name: w, selectors: [{selector: s1, secret: {name: dkim}}]}', {}, ['guard_not_signed_here'], null],
  ] as [string, string, Zone, string[], boolean | null][])('%s', async (_name, workload, zone, codes, aligned) => {
    const trials = await trying('', workload, { ...OTHER, ...zone });
    // They are about keys alone: no way out is declared.
    expect(trials.codes.filter((code) => code !== 'guard_egress_none').sort()).toEqual([...codes].sort());
    expect(trials.workloads[0]!.dkimAligned).toBe(aligned);
  });

  test('each file that workloads name for one selector is tried', async () => {
    const { codes, workloads } = await trying(
      's1: {private_key: rsa.pem}',
      '{name: a, egress: nat}, {name: b, egress: away, selectors: [{selector: s1, key_file: ed.pem}]}',
    );
    expect(codes).toEqual(['guard_signature', 'guard_egress', 'guard_dmarc']);
    expect(workloads.map(({ dkimAligned }) => dkimAligned)).toEqual([true, false]);
  });

  test('a folder, a large file and the like are no keys', async () => {
    mkdirSync(path.join(folder, 'folder'), { recursive: true });
    write('large.pem', 'x'.repeat(70_000));
    for (const file of ['folder', 'large.pem', '/dev/zero'])
      expect((await trying(`s1: {private_key: ${file}}`, '')).codes, file).toEqual(['guard_key_file']);
  });
});

test('each part of a network is judged', async () => {
  const { workloads, findings } = await trying(SIGNED, '{name: w, egress: 192.0.2.0/27}', HALF);
  expect(workloads[0]!.egress.map(({ address, spf }) => `${address} ${spf}`)).toEqual([
    '192.0.2.0/29 pass',
    '192.0.2.8 to 192.0.2.31 fail',
  ]);
  expect(findings.map(({ message }) => message).join()).toContain('leaves by 192.0.2.8 to 192.0.2.31');
});

test('strict alignment counts', async () => {
  const strict: Zone = { '_dmarc.example.com': { TXT: [['v=DMARC1; p=reject; aspf=s']] } };
  const { codes } = await trying('', '{name: shop, egress: [nat], envelope_from: bounces.example.com}', strict);
  expect(codes).toEqual(['guard_unsigned', 'guard_dmarc']);
});

test('SPF that nobody can evaluate is unknown', async () => {
  const { codes, workloads } = await trying('', '{name: shop, egress: [away]}', { 'example.com': 'unknown' });
  expect(codes).toEqual(['guard_unsigned', 'guard_unknown']);
  expect(workloads[0]!.dmarc).toBeNull();
});
