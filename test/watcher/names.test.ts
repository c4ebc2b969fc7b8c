import { describe, expect, it } from 'vitest';
import { shownValue } from '../../services/dns/shown-value.ts';
import { spfTree } from '../../services/dns/spf/tree.ts';
import { organizationalDomain } from '../../services/report/orgdomain.ts';
import { admittedHosts, destinationQuestions, includedTexts, isWatched, ownQuestions } from '../../services/watcher/names.ts';
import { dnsOf } from '../dns/zone.ts';

describe('what is asked about a domain', () => {
  it('has the fixed names, and each known key once', () => {
    const keys = [
      { domain: 'example.com', selector: 's1' },
      { domain: 'mail.example.com', selector: 'K.2' },
      { domain: 'example.com', selector: 'S1' },
    ];
    expect(ownQuestions('example.com', keys).map(({ name, type, purpose }) => `${purpose} ${type} ${name}`)).toEqual([
      'spf TXT example.com',
      'dmarc TXT _dmarc.example.com',
      'mx MX example.com',
      'mta_sts TXT _mta-sts.example.com',
      'tls_rpt TXT _smtp._tls.example.com',
      'bimi TXT default._bimi.example.com',
      'dkim TXT s1._domainkey.example.com',
      'dkim TXT k.2._domainkey.mail.example.com',
    ]);
  });

  it('is bounded, whatever the number of selectors', () => {
    const keys = Array.from({ length: 5_000 }, (_, i) => ({ domain: 'example.com', selector: `s${i}` }));
    expect(ownQuestions('example.com', keys)).toHaveLength(66);
  });

  it('has the records of other organizations that reports go to, and of no domain of the same one', () => {
    const texts = [
      'v=DMARC1; p=none; rua=mailto:a@reports.example.com,mailto:b@Vendor.example; ruf=mailto:c@vendor.example,https://x.test/',
    ];
    expect(destinationQuestions('example.com', texts, organizationalDomain).map(({ name }) => name)).toEqual([
      'example.com._report._dmarc.vendor.example',
      'example.com._report._dmarc.x.test',
    ]);
    expect(destinationQuestions('example.com', ['not a record; rua=mailto:a@b.example'], organizationalDomain)).toEqual([]);
    const many = `v=DMARC1; p=none; rua=${Array.from({ length: 300 }, (_, i) => `mailto:a@v${i}.example`).join(',')}`;
    expect(destinationQuestions('example.com', [many], organizationalDomain)).toHaveLength(10);
  });
});

describe('an SPF record', () => {
  const dns = dnsOf({
    'example.com': {
      TXT: [
        [
          'v=spf1 a mx a:Web.example.com -a:no.example.com include:inc.example include:gone.example include:slow.example mx:%{l}.example ~all',
        ],
      ],
      A: ['192.0.2.1'],
      MX: [
        { preference: 5, exchange: 'MX1.example.com' },
        { preference: 9, exchange: 'mx2.example.com' },
      ],
    },
    'web.example.com': { A: ['192.0.2.2'] },
    'inc.example': { TXT: [['v=spf1 a:theirs.example -all'], ['another text']] },
    'slow.example': 'unknown',
    'theirs.example': { A: ['198.51.100.9'] },
  });

  it('gives the texts that it includes, and says of each name whether it was answered', async () => {
    const found = includedTexts(await spfTree('example.com', dns));
    expect(found.map(({ name, state, texts }) => ({ name, state, texts }))).toEqual([
      { name: 'inc.example', state: 'records', texts: ['v=spf1 a:theirs.example -all'] },
      { name: 'gone.example', state: 'absent', texts: [] },
      { name: 'slow.example', state: 'unknown', texts: [] },
    ]);
  });

  it('gives each name once, and none that leads back or is not evaluated', async () => {
    const zone = dnsOf({
      'example.com': { TXT: [['v=spf1 include:back.example include:Back.example include:i0.example -all']] },
      'back.example': { TXT: [['v=spf1 include:example.com -all']] },
      ...Object.fromEntries(
        Array.from({ length: 20 }, (_, i) => [`i${i}.example`, { TXT: [[`v=spf1 include:i${i + 1}.example -all`]] }]),
      ),
    });
    expect(includedTexts(await spfTree('example.com', zone)).map(({ name, state }) => `${name} ${state}`)).toEqual([
      'back.example records',
      ...Array.from({ length: 11 }, (_, i) => `i${i}.example records`),
    ]);
  });

  it('admits the hosts of its own a and mx, and none of an include, a macro, or a term that does not pass', async () => {
    const exchanges = async () => ['mx1.example.com', 'mx2.example.com'];
    expect(await admittedHosts(await spfTree('example.com', dns), exchanges)).toEqual({
      exchanges: ['example.com'],
      hosts: ['example.com', 'web.example.com', 'mx1.example.com', 'mx2.example.com'],
    });
  });
});

it('writes a value as visible ASCII that can be read back, and cuts it when it is very long', () => {
  expect(shownValue('v=DMARC1; p=none')).toBe('v=DMARC1; p=none');
  expect(shownValue('a\u001b[2J\\\0\n\u00e9')).toBe('a\\027[2J\\092\\000\\010\\233');
  expect(shownValue('x'.repeat(60_000))).toHaveLength(4_001);
});

it('takes SPF records alone among the texts of a domain', () => {
  expect(
    ['v=spf1', 'V=SPF1 -all', 'v=spf10 -all', 'google-site-verification=1', ' v=spf1 -all'].map((text) => isWatched('spf', text)),
  ).toEqual([true, true, false, false, false]);
  expect(isWatched('dmarc', 'v=DMARK1')).toBe(true);
});

it.each([
  [4_000, 'x'.repeat(4_000)],
  [4_001, `${'x'.repeat(4_000)}…`],
])('a value of %i characters is kept as far as 4,000', (length, shown) => {
  expect(shownValue('x'.repeat(length))).toBe(shown);
});
