import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { PROBE_CODES } from '../../../services/cli/probe/codes.ts';
import type { ProbeMail } from '../../../services/cli/probe/mail.ts';
import { verdictOn } from '../../../services/cli/probe/verdict.ts';
import { renderProbe } from '../../../services/cli/terminal/probe-text.ts';
import { readGuard } from '../../../services/dns/guard/file.ts';
import { signMail } from '../../../services/report/mail/sign.ts';
import { dnsOf, type Zone } from '../../dns/zone.ts';

const NOW = new Date('2026-11-27T12:00:00Z');
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const other = generateKeyPairSync('ed25519');
const RSA = `v=DKIM1; p=${rsa.publicKey.export({ format: 'der', type: 'spki' }).toString('base64')}`;
const ED = `v=DKIM1; k=ed25519; p=${other.publicKey.export({ format: 'der', type: 'spki' }).subarray(-32).toString('base64')}`;
const { environments } = readGuard(`version: 1
environments:
  staging:
    domains:
      kestrel.example: {dkim: {selectors: {s1: any}}}
    workloads: [{name: shop, sends_as: [kestrel.example], egress: 192.0.2.0/29}]
`);
const ZONE: Zone = {
  'kestrel.example': { TXT: [['v=spf1 ip4:192.0.2.0/28 -all']] },
  '_dmarc.kestrel.example': { TXT: [['v=DMARC1; p=quarantine']] },
  's1._domainkey.kestrel.example': { TXT: [[RSA]] },
  's2._domainkey.kestrel.example': { TXT: [[RSA]] },
  'vendor.example': { TXT: [['v=spf1 ip4:192.0.2.0/24 ip4:198.51.100.1 -all']] },
  'v._domainkey.vendor.example': { TXT: [[RSA]] },
};
interface Sent {
  from?: string;
  mailFrom?: string;
  peer?: string | null;
  user?: string;
  sign?: [selector: string, domain: string, key?: KeyObject];
  head?: string[];
  change?: (raw: Buffer) => Buffer;
}
const mailOf = ({
  from = 'From: Shop <shop@kestrel.example>',
  mailFrom = 'shop@kestrel.example',
  peer = '192.0.2.1',
  user,
  sign,
  head = [],
  change = (raw) => raw,
}: Sent): ProbeMail => {
  const lines = [
    ...head,
    from,
    'To: a@sink.example',
    'Subject: x',
    'Date: Fri, 27 Nov 2026 12:00:00 +0000',
    '',
    'hello',
    '',
  ].filter((line) => line !== 'none');
  const plain = Buffer.from(lines.join('\r\n'));
  const raw =
    sign === undefined ? plain : signMail(plain, { selector: sign[0], domain: sign[1], key: sign[2] ?? rsa.privateKey }, NOW);
  return { raw: change(raw), at: NOW, peer, helo: 'mail.kestrel.example', mailFrom, recipients: [], user: user ?? null };
};
/** Every verdict of these tests, and how the probe shows it. */
const seen: string[] = [];
async function judged(sent: Sent, zone: Zone = {}, given: { declared?: boolean; peer?: string } = {}) {
  const verdict = await verdictOn(mailOf(sent), {
    dns: dnsOf({ ...ZONE, ...zone }),
    environments: given.declared === false ? null : environments,
    peer: given.peer ?? null,
  });
  const { discovery, sender, findings, ...rest } = verdict;
  const told = { ...rest, sender: sender && `${sender.workload.name} by ${sender.by}`, discovery: discovery?.state ?? null };
  const shown = renderProbe([verdict, verdict], [...findings, ...findings], false);
  seen.push(
    [expect.getState().currentTestName, JSON.stringify(told), ...findings.map((one) => JSON.stringify(one)), ...shown].join('\n'),
  );
  return verdict;
}
const codes = async (...given: Parameters<typeof judged>) => (await judged(...given)).findings.map(({ code }) => code);
const SIGNED: Sent = { sign: ['s1', 'kestrel.example'] };

test('a mail as it should be', async () => {
  const verdict = await judged(SIGNED);
  expect(verdict).toMatchObject({
    domain: 'kestrel.example',
    from: 'shop@kestrel.example',
    sender: { environment: 'staging', workload: { name: 'shop' }, by: 'address' },
    dkim: [{ domain: 'kestrel.example', selector: 's1', result: 'pass', why: null, aligned: true }],
    spf: { address: '192.0.2.1', of: 'connection', domain: 'kestrel.example', result: 'pass', aligned: true },
    dmarc: 'pass',
    underReject: 'delivered',
    findings: [],
  });
});

/** Of each code: a mail that raises it, and its corrected twin. */
const TWINS: Record<
  Exclude<keyof typeof PROBE_CODES, 'probe_missing' | 'probe_refused'>,
  { raised: Parameters<typeof judged>; corrected: Parameters<typeof judged> }
> = {
  probe_from: { raised: [{ ...SIGNED, from: 'none' }], corrected: [SIGNED] },
  probe_unsigned: { raised: [{}], corrected: [SIGNED] },
  probe_dkim: { raised: [{ sign: ['s1', 'kestrel.example', other.privateKey] }], corrected: [SIGNED] },
  probe_unaligned: { raised: [{ sign: ['v', 'vendor.example'] }], corrected: [SIGNED] },
  probe_selector: { raised: [{ sign: ['s2', 'kestrel.example'] }], corrected: [SIGNED] },
  probe_spf: { raised: [SIGNED, { 'kestrel.example': { TXT: [['v=spf1 ip4:192.0.2.2 -all']] } }], corrected: [SIGNED] },
  probe_dmarc: { raised: [{ peer: '198.51.100.1' }], corrected: [{ ...SIGNED, peer: '198.51.100.1' }] },
  probe_no_policy: { raised: [SIGNED, { '_dmarc.kestrel.example': { A: ['192.0.2.1'] } }], corrected: [SIGNED] },
  probe_undeclared: { raised: [{ from: 'From: shop@vendor.example' }], corrected: [SIGNED] },
  probe_stranger: { raised: [{ from: 'From: x@vendor.example', peer: '203.0.113.9' }], corrected: [SIGNED] },
  probe_unknown: { raised: [SIGNED, { 's1._domainkey.kestrel.example': 'unknown' }], corrected: [SIGNED] },
};

test.each(Object.entries(TWINS))('%s is found, and not in its corrected twin', async (code, { raised, corrected }) => {
  const { findings } = await judged(...raised);
  expect(findings.map((one) => one.code)).toContain(code);
  for (const { message, severity, code: own } of findings) {
    expect(message).toMatch(/^\S.*\.$/s);
    expect(severity).toBe(PROBE_CODES[own]);
  }
  expect(await codes(...corrected)).not.toContain(code);
});

describe('what happens to it', () => {
  test.each<[string, Parameters<typeof judged>, string, string | null]>([
    ['signed, from an address of nobody', [{ ...SIGNED, peer: '203.0.113.1' }], 'pass', 'delivered'],
    ['unsigned, from its own address', [{}], 'pass', 'delivered'],
    ['unsigned, from an address of nobody', [{ peer: '203.0.113.1' }], 'fail', 'rejected'],
    ['unsigned, MAIL FROM of a vendor', [{ mailFrom: 'b@vendor.example' }], 'fail', 'rejected'],
    ['a bounce: HELO counts', [{ mailFrom: '', peer: '203.0.113.1' }], 'fail', 'rejected'],
    ['signed by a vendor', [{ sign: ['v', 'vendor.example'], peer: '203.0.113.1' }], 'fail', 'rejected'],
    [
      'changed on the way',
      [{ ...SIGNED, peer: '203.0.113.1', change: (raw) => Buffer.from(raw.toString().replace('hello', 'hullo')) }],
      'fail',
      'rejected',
    ],
    [
      'Subject changed',
      [{ ...SIGNED, peer: '203.0.113.1', change: (raw) => Buffer.from(raw.toString().replace('Subject: x', 'Subject: y')) }],
      'fail',
      'rejected',
    ],
    ['no key', [{ sign: ['s9', 'kestrel.example'], peer: '203.0.113.1' }], 'fail', 'rejected'],
    [
      'a revoked key',
      [{ ...SIGNED, peer: '203.0.113.1' }, { 's1._domainkey.kestrel.example': { TXT: [['v=DKIM1; p=']] } }],
      'fail',
      'rejected',
    ],
    [
      'a key for tests',
      [{ ...SIGNED, peer: '203.0.113.1' }, { 's1._domainkey.kestrel.example': { TXT: [[`${RSA}; t=y`]] } }],
      'fail',
      'rejected',
    ],
    [
      'Ed25519',
      [
        { sign: ['e', 'kestrel.example', other.privateKey], peer: '203.0.113.1' },
        { 'e._domainkey.kestrel.example': { TXT: [[ED]] } },
      ],
      'pass',
      'delivered',
    ],
    [
      'a key that nobody answers for, SPF fails',
      [{ ...SIGNED, peer: '203.0.113.1' }, { 's1._domainkey.kestrel.example': 'unknown' }],
      'unknown',
      null,
    ],
    ['a key that nobody answers for, SPF passes', [SIGNED, { 's1._domainkey.kestrel.example': 'unknown' }], 'pass', 'delivered'],
    ['SPF that nobody answers for', [{}, { 'kestrel.example': 'unknown' }], 'unknown', null],
    ['no policy', [{ peer: '203.0.113.1' }, { '_dmarc.kestrel.example': { A: ['192.0.2.1'] } }], 'none', 'rejected'],
    [
      'a name below, relaxed',
      [{ sign: ['n', 'news.kestrel.example'], peer: '203.0.113.1' }, { 'n._domainkey.news.kestrel.example': { TXT: [[RSA]] } }],
      'pass',
      'delivered',
    ],
    [
      'a name below, strict',
      [
        { sign: ['n', 'news.kestrel.example'], peer: '203.0.113.1' },
        {
          'n._domainkey.news.kestrel.example': { TXT: [[RSA]] },
          '_dmarc.kestrel.example': { TXT: [['v=DMARC1; p=reject; adkim=s']] },
        },
      ],
      'fail',
      'rejected',
    ],
    ['two authors', [{ ...SIGNED, head: ['From: other@vendor.example'] }], 'fail', null],
  ])('%s', async (_name, given, dmarc, underReject) => {
    const verdict = await judged(...given);
    expect([verdict.dmarc, verdict.underReject]).toEqual([dmarc, underReject]);
  });
});

describe('whose address SPF is asked about', () => {
  test.each<[string, Parameters<typeof judged>, object]>([
    [
      'a public one, of the connection',
      [{ ...SIGNED, peer: '203.0.113.1' }],
      { address: '203.0.113.1', of: 'connection', result: 'fail' },
    ],
    [
      'one inside: what is declared',
      [{ ...SIGNED, peer: '10.2.3.4' }],
      { address: '192.0.2.0/29', of: 'declared', result: 'pass' },
    ],
    [
      'of what is declared, what does not pass',
      [{ ...SIGNED, peer: '127.0.0.1' }, { 'kestrel.example': { TXT: [['v=spf1 ip4:192.0.2.0/30 -all']] } }],
      { address: '192.0.2.4/30', of: 'declared', result: 'fail' },
    ],
    [
      'one inside, without declarations',
      [{ ...SIGNED, peer: '10.2.3.4' }, {}, { declared: false }],
      { address: '10.2.3.4', of: 'connection', result: 'fail' },
    ],
    [
      'the one that is given',
      [{ ...SIGNED, peer: '10.2.3.4' }, {}, { peer: '192.0.2.9' }],
      { address: '192.0.2.9', of: 'option', result: 'pass' },
    ],
    ['none', [{ ...SIGNED, peer: null }, {}, { declared: false }], { address: null, result: 'none' }],
  ])('%s', async (_name, given, expected) => {
    expect((await judged(...given)).spf).toMatchObject(expected);
  });
});

test('what is hostile is a verdict, too', async () => {
  const raws = [
    Buffer.alloc(0),
    Buffer.from('x'.repeat(2_000_000)),
    Buffer.from(`DKIM-Signature: ${'v=1;'.repeat(20_000)}\r\nFrom: a@kestrel.example\r\n\r\n`),
    Buffer.from(
      `${'DKIM-Signature: v=1; a=rsa-sha256; d=kestrel.example; s=s1; h=from; bh=AAAA; b=AAAA\r\n'.repeat(3_000)}From: a@kestrel.example\r\n\r\n`,
    ),
    Buffer.from(`From: ${'"'.repeat(100_000)}\r\n\r\n`),
    Buffer.from(`From: a@${'x.'.repeat(2_000)}example\r\n\r\n`),
    Buffer.from('From: a@kestrel.example\r\nDKIM-Signature: v=1; a=rsa-sha256; d=..; s=../..; h=from; bh=AA==; b=AA==\r\n\r\n'),
    Buffer.from(Array.from({ length: 50_000 }, (_, n) => n % 256)),
  ];
  const dns = dnsOf(ZONE);
  for (const raw of raws) {
    const verdict = await verdictOn({ ...mailOf({}), raw }, { dns, environments, peer: null });
    expect(verdict.dkim.length).toBeLessThanOrEqual(10);
    expect(verdict.findings.length).toBeGreaterThan(0);
  }
  // A signature costs one question at most.
  expect(dns.asked.filter((one) => one.includes('_domainkey')).length).toBeLessThan(30);
});

test('more that a mail may be, and what is said of it', async () => {
  const stranger = '203.0.113.1';
  const given: Parameters<typeof judged>[] = [
    [{ from: 'none' }, {}, { declared: false }],
    [{ from: 'From: x@vendor.example', peer: stranger }],
    [{ from: 'From: x@vendor.example', peer: null }],
    [{ from: 'From: x@vendor.example', peer: stranger }, {}, { declared: false }],
    [{ from: 'From: x@vendor.example' }],
    [{ ...SIGNED, mailFrom: 'NEWS@Kestrel.Example' }],
    [{ ...SIGNED, mailFrom: '' }, { 'mail.kestrel.example': { TXT: [['v=spf1 ip4:192.0.2.1 -all']] } }],
    [{ sign: ['v', 'vendor.example'] }],
    [{ sign: ['v', 'vendor.example'], peer: stranger }, {}, { declared: false }],
    [{ sign: ['s2', 'kestrel.example'] }, { 's2._domainkey.kestrel.example': 'unknown' }],
    [{ sign: ['s9', 'kestrel.example'] }],
    [SIGNED, { 'kestrel.example': { TXT: [['v=spf1 include:gone.example -all']] } }],
    [SIGNED, { 'kestrel.example': { TXT: [['text']] } }],
    [SIGNED, { '_dmarc.kestrel.example': 'unknown' }],
    [{ peer: stranger }, { '_dmarc.kestrel.example': 'unknown' }],
    [{ peer: stranger, mailFrom: 'b@vendor.example' }, { '_dmarc.kestrel.example': { TXT: [['v=DMARC1; p=reject; aspf=s']] } }],
    [{ mailFrom: 'b@news.kestrel.example' }, { 'news.kestrel.example': { TXT: [['v=spf1 +all']] } }],
    [
      { mailFrom: 'b@news.kestrel.example' },
      { 'news.kestrel.example': { TXT: [['v=spf1 +all']] }, '_dmarc.kestrel.example': { TXT: [['v=DMARC1; p=reject; aspf=s']] } },
    ],
    [{ ...SIGNED, peer: '192.0.2.3' }, {}, { peer: stranger }],
    [{ ...SIGNED, head: ['DKIM-Signature: v=1; a=rsa-sha256; d=; s=; h=from; bh=AAAA; b=AAAA'] }],
    [{ head: ['DKIM-Signature: nothing'] }],
  ];
  for (const one of given) await judged(...one);
});

test('each verdict as a whole, and as the probe shows it', async () => {
  await expect(`${[...new Set(seen)].join('\n\n')}\n`).toMatchFileSnapshot('golden/verdicts.txt');
});
