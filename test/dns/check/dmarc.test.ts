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

const saidOf = async (zone: Zone, options: { mailboxes?: string[] } = {}) => {
  const { findings } = await checkDmarc('example.com', dnsOf(zone), options);
  return findings.map(({ code, message, place, publish }) => [code, message, place?.text, publish?.value]);
};
const MAIL = { 'example.com': { MX: [{ preference: 1, exchange: 'mx.example.com' }] } };
const NO_MAIL = { 'example.com': { MX: [{ preference: 0, exchange: '.' }] } };
const at = (...texts: string[]): Zone => ({ '_dmarc.example.com': { TXT: texts.map((text) => [text]) } });

test.each([
  [
    'asks for reports where it asked for none',
    { ...MAIL, ...at('v=DMARC1; p=none', 'v=DMARC1; p=reject') },
    'v=DMARC1; p=none; rua=mailto:dmarc@example.com',
  ],
  ['not where the domain takes no mail', { ...NO_MAIL, ...at('v=DMARC1; p=none', 'v=DMARC1; p=reject') }, 'v=DMARC1; p=none'],
  [
    'is the one that asks for reports',
    { ...MAIL, ...at('v=DMARC1; p=none', 'v=DMARC1; p=reject;  RUA = mailto:x@example.com') },
    'v=DMARC1; p=reject;  RUA = mailto:x@example.com',
  ],
  [
    'has what is wrong in it mended',
    { ...MAIL, ...at('v=DMARC1; p=rejct; x=y; pct=5', 'v=DMARC1') },
    'v=DMARC1; p=none; rua=mailto:dmarc@example.com',
  ],
])('of several records the one that is left %s', async (_, zone, value) => {
  expect(await saidOf(zone)).toEqual([
    ['dmarc_several', '_dmarc.example.com holds 2 DMARC records, so receivers take none of them. Keep one.', undefined, value],
  ]);
});

test.each<[string, Zone, { mailboxes?: string[] }, [string, string, string | undefined, string | undefined][]]>([
  [
    'names below that exist, where those that do not are closed',
    at('v=DMARC1; p=reject; sp=none; np=quarantine; rua=mailto:d@example.com'),
    {},
    [
      [
        'dmarc_subdomains_open',
        'sp=none: names below the domain that exist can be forged freely, though the domain itself is protected. ',
        'sp=none',
        'v=DMARC1; p=reject; sp=none; np=reject; rua=mailto:d@example.com',
      ],
    ],
  ],
  [
    'nobody is asked for reports',
    at('v=DMARC1; p=reject'),
    {},
    [
      [
        'dmarc_no_rua',
        'Nobody is asked for reports (rua=): what is sent as the domain stays unseen.',
        undefined,
        'v=DMARC1; p=reject; rua=mailto:dmarc@example.com',
      ],
    ],
  ],
  [
    'no place by mail',
    at('v=DMARC1; p=reject; rua=https://example.com/r'),
    { mailboxes: ['a,b!c@here.example', 'second@here.example'] },
    [
      [
        'dmarc_no_rua',
        'rua= has no mailto: place, and receivers need not know any other: what is sent as the domain stays unseen.',
        undefined,
        'v=DMARC1; p=reject; rua=mailto:a%2Cb%21c@here.example,https://example.com/r',
      ],
    ],
  ],
  [
    'reports that go elsewhere',
    at('v=DMARC1; p=reject; rua=mailto:D@example.com; ruf=mailto:f@example.com'),
    { mailboxes: ['a,b!c@here.example', 'second@here.example'] },
    [
      [
        'dmarc_not_here',
        'None of the places in rua= is a mailbox that ruawatch reads: reports on this domain do not come here.',
        'rua=mailto:D@example.com',
        'v=DMARC1; p=reject; rua=mailto:D@example.com,mailto:a%2Cb%21c@here.example; ruf=mailto:f@example.com',
      ],
    ],
  ],
  [
    'reports that come here',
    at('v=DMARC1; p=reject; rua=mailto:x@example.com,mailto:D@EXAMPLE.com'),
    { mailboxes: ['d@example.com'] },
    [],
  ],
])('%s', async (_, zone, options, expected) => {
  const said = (await saidOf({ ...MAIL, ...zone }, options)).map(([code, message, ...rest]) => [
    code,
    // What closes them is said in one text with other sentences.
    code === 'dmarc_subdomains_open' ? message!.replace(/(?<=protected\. ).*/, '') : message,
    ...rest,
  ]);
  expect(said).toEqual(expected);
});
