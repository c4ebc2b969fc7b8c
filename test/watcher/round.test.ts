import { describe, expect, test } from 'vitest';
import type { Answer, Dns } from '../../services/dns/client/types.ts';
import { organizationalDomain } from '../../services/report/orgdomain.ts';
import { askRound, type Round } from '../../services/watcher/round.ts';
import { dnsOf, type Zone } from '../dns/zone.ts';

const DOMAIN = 'example.com';
const SOA = { SOA: [{ serial: 7 } as never] };
const SPF = 'v=spf1 a mx a:web.example.com include:inc.example include:slow.example -all';

/** What the resolver knows: the zone of the domain has two servers, one of which does not answer. */
const RESOLVED: Zone = {
  [DOMAIN]: {
    NS: ['ns1.example.net', 'ns2.example.net'],
    TXT: [[SPF], ['google-site-verification=x']],
    MX: [
      { preference: 20, exchange: 'MX2.example.com' },
      { preference: 5, exchange: 'mx1.example.com' },
    ],
    A: ['192.0.2.1'],
  },
  'ns1.example.net': { A: ['203.0.113.1'] },
  'ns2.example.net': { A: ['203.0.113.2'] },
  [`_dmarc.${DOMAIN}`]: { TXT: [['v=DMARC1; p=none; rua=mailto:a@vendor.example,mailto:b@example.com']] },
  [`${DOMAIN}._report._dmarc.vendor.example`]: { TXT: [['v=DMARC1']] },
  [`s1._domainkey.${DOMAIN}`]: { CNAME: ['s1.keys.vendor.example'] },
  's1.keys.vendor.example': { TXT: [['v=DKIM1; ', 'p=MIIB']] },
  [`s2._domainkey.${DOMAIN}`]: 'unknown',
  'inc.example': { TXT: [['v=spf1 ip4:198.51.100.0/24 -all']] },
  'slow.example': 'unknown',
  'mx1.example.com': { A: ['192.0.2.5'], AAAA: ['2001:db8::5'] },
  'mx2.example.com': { A: ['192.0.2.6'] },
  'web.example.com': { A: ['192.0.2.7'] },
};
/** What the server that answers has: a newer policy, and no key. */
const SERVED: Zone = {
  [DOMAIN]: { ...SOA, TXT: [[SPF]], MX: [{ preference: 5, exchange: 'mx1.example.com' }] },
  [`_dmarc.${DOMAIN}`]: { TXT: [['v=DMARC1; p=reject; rua=mailto:c@other.example'], ['v=DMARC1; p=none']] },
  [`s1._domainkey.${DOMAIN}`]: { CNAME: ['s1.keys.vendor.example'] },
};

const unknown = (reason: Extract<Answer, { state: 'unknown' }>['reason']): Dns => ({
  ask: async () => ({ state: 'unknown', reason, message: `It is ${reason}.` }),
});

function ask(resolver: Dns, servers: Readonly<Record<string, Dns>>, selectors: readonly string[] = []): Promise<Round> {
  const keys = selectors.map((selector) => ({ domain: DOMAIN, selector }));
  const connect = (address: string) => servers[address] ?? unknown('timeout');
  return askRound(DOMAIN, resolver, { keys, registrable: organizationalDomain, connect });
}

/** A line for each question: who says what. */
const lines = ({ observed }: Round) =>
  observed.map(
    ({ name, type, purpose, aliases, answers }) =>
      `${purpose} ${type} ${name}${aliases.length > 0 ? ` (${aliases.join(', ')})` : ''}: ${answers
        .map(
          ({ server, state, reason, values }) =>
            `${server} ${state}${reason === null ? '' : ` "${reason}"`} [${values.join(' | ')}]`,
        )
        .join('; ')}`,
  );

test('all records of a domain are asked of its servers and the resolver, what others publish of the resolver alone', async () => {
  const round = await ask(dnsOf(RESOLVED), { '203.0.113.1': dnsOf(SERVED) }, ['s1', 's2']);
  const silent = 'ns2.example.net unknown "It is timeout." []';
  expect(lines(round).sort()).toEqual(
    [
      `spf TXT example.com: resolver records [${SPF}]; ns1.example.net records [${SPF}]; ${silent}`,
      `dmarc TXT _dmarc.example.com: resolver records [v=DMARC1; p=none; rua=mailto:a@vendor.example,mailto:b@example.com]; ns1.example.net records [v=DMARC1; p=none | v=DMARC1; p=reject; rua=mailto:c@other.example]; ${silent}`,
      `mx MX example.com: resolver records [20 MX2.example.com | 5 mx1.example.com]; ns1.example.net records [5 mx1.example.com]; ${silent}`,
      `mta_sts TXT _mta-sts.example.com: resolver absent []; ns1.example.net absent []; ${silent}`,
      `tls_rpt TXT _smtp._tls.example.com: resolver absent []; ns1.example.net absent []; ${silent}`,
      `bimi TXT default._bimi.example.com: resolver absent []; ns1.example.net absent []; ${silent}`,
      'dkim TXT s1._domainkey.example.com (s1.keys.vendor.example): resolver records [v=DKIM1; p=MIIB]',
      `dkim CNAME s1._domainkey.example.com: ns1.example.net records [s1.keys.vendor.example]; ${silent}`,
      `dkim TXT s2._domainkey.example.com: resolver unknown "Nobody could say what s2._domainkey.example.com holds." []; ns1.example.net absent []; ${silent}`,
      // Whom the servers name that answer, and whom the resolver does.
      'report_destination TXT example.com._report._dmarc.vendor.example: resolver records [v=DMARC1]',
      'report_destination TXT example.com._report._dmarc.other.example: resolver absent []',
      'spf_include TXT inc.example: resolver records [v=spf1 ip4:198.51.100.0/24 -all]',
      'spf_include TXT slow.example: resolver unknown "Nobody could say what slow.example holds." []',
      'spf_address A example.com: resolver records [192.0.2.1]',
      'spf_address AAAA example.com: resolver absent []',
      'spf_address A web.example.com: resolver records [192.0.2.7]',
      'spf_address AAAA web.example.com: resolver absent []',
      'spf_address A mx1.example.com: resolver records [192.0.2.5]',
      'spf_address AAAA mx1.example.com: resolver records [2001:db8::5]',
      'spf_address A mx2.example.com: resolver records [192.0.2.6]',
      'spf_address AAAA mx2.example.com: resolver absent []',
    ].sort(),
  );
  expect(round.servers).toEqual([
    { zone: DOMAIN, server: 'ns1.example.net', address: '203.0.113.1', state: 'answers', reason: null, serial: 7 },
    { zone: DOMAIN, server: 'ns2.example.net', address: '203.0.113.2', state: 'silent', reason: 'It is timeout.', serial: null },
  ]);
  expect(round.silent).toBe(false);
});

test('of many values twenty are kept, each once, in their order', async () => {
  const texts = Array.from({ length: 25 }, (_, i) => `v=DMARC1; p=none; n=${10 + i}`);
  const { observed } = await ask(
    dnsOf({ [`_dmarc.${DOMAIN}`]: { TXT: [...texts.reverse(), texts[24]!].map((text) => [text]) } }),
    {},
  );
  const [answer] = observed.find(({ purpose }) => purpose === 'dmarc')!.answers;
  expect(answer!.values).toEqual([...texts].sort().slice(0, 20));
});

describe('nobody answers', () => {
  const silent = async (dns: Dns) => (await ask(dns, {})).silent;
  test.each(['timeout', 'unreachable', 'cancelled'] as const)('where each question ends in %s', async (reason) => {
    expect(await silent(unknown(reason))).toBe(true);
  });
  test.each(['servfail', 'refused', 'budget'] as const)('but not where one ends in %s', async (reason) => {
    expect(await silent(unknown(reason as never))).toBe(false);
    // Whichever question that is.
    for (const name of [DOMAIN, `default._bimi.${DOMAIN}`])
      expect(
        await silent({
          ask: (asked, type, options) => unknown(asked === name ? (reason as never) : 'timeout').ask(asked, type, options),
        }),
      ).toBe(false);
  });
  test('but not where one has an answer, if only that there is nothing', async () => {
    const empty = dnsOf({});
    expect(await silent(empty)).toBe(false);
    const one: Dns = {
      ask: (name, type, options) => (name.startsWith('_mta-sts.') ? empty : unknown('timeout')).ask(name, type, options),
    };
    expect(await silent(one)).toBe(false);
  });
});
