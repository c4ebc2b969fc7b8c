import { expect, test } from 'vitest';
import { checkDmarc } from '../../../services/dns/check/dmarc.ts';
import { dnsOf, type Zone } from '../zone.ts';

const MISSPELT = { TXT: [['v=DMARC1 p=reject; rua=mailto:d@example.com']] };

async function codesOf(domain: string, zone: Zone): Promise<string[]> {
  const { findings } = await checkDmarc(domain, dnsOf(zone));
  return findings.map(({ code }) => code);
}

test('a misspelt record is said to be one, whatever applies instead of it', async () => {
  expect(await codesOf('example.com', { '_dmarc.example.com': MISSPELT })).toEqual(['dmarc_misspelt']);
  expect(await codesOf('example.com', { '_dmarc.example.com': MISSPELT, '_dmarc.com': 'unknown' })).toEqual([
    'dmarc_misspelt',
    'dmarc_unknown',
  ]);
  const above = { '_dmarc.example.com': { TXT: [['v=DMARC1; p=reject; rua=mailto:d@example.com']] } };
  expect(await codesOf('below.example.com', { '_dmarc.below.example.com': MISSPELT, ...above })).toEqual([
    'dmarc_misspelt',
    'dmarc_inherited',
  ]);
});

test.each([
  ['\xe2\x80\x9cv=DMARC1; p=none; rua=mailto:d@example.com\xe2\x80\x9d', 'v=DMARC1; p=none; rua=mailto:d@example.com'],
  ['"v=DMARC1; p=none"', 'v=DMARC1; p=none'],
  ['DMARC1; p=reject', 'v=DMARC1; p=reject'],
  ['v=DMARC1, p=reject', 'v=DMARC1; p=reject'],
])('%j: what it was meant to be', async (text, value) => {
  const { findings } = await checkDmarc('example.com', dnsOf({ '_dmarc.example.com': { TXT: [[text]] } }));
  expect(findings.find(({ code }) => code === 'dmarc_misspelt')?.publish?.value).toBe(value);
});

test.each([
  // A semicolon that lacks: what stands behind is a tag of its own.
  ['v=DMARC1; p=reject rua=mailto:d@example.com', 'v=DMARC1; p=reject; rua=mailto:d@example.com'],
  ['v=DMARC1; p=reject, sp=none; rua=mailto:d@example.com', 'v=DMARC1; p=reject; sp=none; rua=mailto:d@example.com'],
  ['v=DMARC1; p=rejct; rua=mailto:d@example.com', 'v=DMARC1; p=none; rua=mailto:d@example.com'],
])('%j: what the value was meant to be', async (text, value) => {
  const { findings } = await checkDmarc('example.com', dnsOf({ '_dmarc.example.com': { TXT: [[text]] } }));
  expect(findings.find(({ code }) => code === 'dmarc_value')?.publish?.value).toBe(value);
});

test.each([
  ['v=DMARC1: p=reject; rua=mailto:d@example.com', 'v=DMARC1; p=reject; rua=mailto:d@example.com'],
  ['p=reject; v=DMARC1', 'v=DMARC1; p=reject'],
])('%j: the version comes first, and once', async (text, value) => {
  const { findings } = await checkDmarc('example.com', dnsOf({ '_dmarc.example.com': { TXT: [[text]] } }));
  expect(findings.find(({ code }) => code === 'dmarc_misspelt')?.publish?.value).toBe(value);
});

test('reports are asked for where mail arrives', async () => {
  const publish = async (zone: Zone, mailboxes?: string[]) => {
    const { findings } = await checkDmarc('example.com', dnsOf(zone), { mailboxes });
    return findings.map(({ code, publish: one, message }) => [code, one?.value, message.includes('takes no mail')]);
  };
  const mail = { MX: [{ preference: 1, exchange: 'mx.example.com' }] };
  const none = { MX: [{ preference: 0, exchange: '.' }] };
  expect(await publish({ 'example.com': mail })).toEqual([
    ['dmarc_missing', 'v=DMARC1; p=none; rua=mailto:dmarc@example.com', false],
  ]);
  expect(await publish({ 'example.com': none })).toEqual([['dmarc_missing', 'v=DMARC1; p=none', true]]);
  expect(await publish({ 'example.com': none }, ['rua@here.example'])).toEqual([
    ['dmarc_missing', 'v=DMARC1; p=none; rua=mailto:rua@here.example', false],
  ]);
  const reject = { '_dmarc.example.com': { TXT: [['v=DMARC1; p=reject']] } };
  expect(await publish({ 'example.com': none, ...reject })).toEqual([['dmarc_no_rua', undefined, true]]);
});
