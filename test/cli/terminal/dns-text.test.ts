import { describe, expect, test } from 'vitest';
import { renderCheck } from '../../../services/cli/terminal/dns-text.ts';
import { checkDomain, correctedRecords } from '../../../services/dns/check/check.ts';
import { organizationalDomain } from '../../../services/report/orgdomain.ts';
import { CASES, type Case } from '../../dns/check/cases.ts';
import { GOOD, GOOD_WEB, KEY, spf, webOf } from '../../dns/check/fixtures.ts';
import { dnsOf } from '../../dns/zone.ts';

const SEEN = [{ selector: 'sel', passed: 1200, last_passed: '2026-06-30', sources: ['192.0.2.0/24', 'mailer.example'] }];

async function shown({ zone = {}, domain = 'example.com', selectors = ['sel'], mailboxes = [], web }: Case, colours = false) {
  const options = { selectors, mailboxes, registrable: organizationalDomain, web: webOf({ ...GOOD_WEB, ...web }) };
  const dns = dnsOf({ ...GOOD, ...zone });
  const check = await checkDomain(domain, dns, options);
  return renderCheck(check, await correctedRecords(check, dns, options), SEEN as never, colours)
    .join('\n')
    .replaceAll(KEY, '(key)')
    .replaceAll(KEY.slice(0, 225), '(key...)')
    .replaceAll('\x1b', 'ESC');
}

const MORE: Record<string, Case> = {
  'nothing to say': {},
  'a policy that is inherited': CASES.dmarc!['inherited with sp']!,
  'no policy': CASES.dmarc!['no name at all']!,
  'a policy that nobody answers for': CASES.bimi!['DMARC that nobody answers for']!,
  'many corrections': CASES.dmarc!['parts without sense']!,
  'a logo': CASES.bimi!['no certificate, and nonsense']!,
  'a domain that does not exist': { domain: 'gone.example', zone: {} },
  'a tree of more than forty lines': {
    zone: { 'example.com': { ...spf(`v=spf1 ${Array.from({ length: 45 }, (_, i) => `ip4:192.0.2.${i}`).join(' ')} -all`) } },
  },
  'a record of more than 600 characters': {
    zone: { '_dmarc.example.com': spf(`v=DMARC1; p=reject; rua=mailto:dmarc@example.com; x=${'y'.repeat(600)}`) },
  },
  'letters that a terminal would obey': { zone: { '_dmarc.example.com': spf('v=DMARC1; p=reject; x=\u001b[31mred') } },
};

describe('what `dns check` shows of', () => {
  // Of the other areas it shows the record, and what is found.
  test.each(['spf', 'dkim', 'mx', 'mta_sts', 'ptr', 'dnssec'])('%s', async (area) => {
    const parts: string[] = [];
    for (const [name, one] of Object.entries(CASES[area]!).filter(([name]) => !/^(?:the term|the network|almost)/.test(name)))
      parts.push(`# ${name}\n${await shown(one)}`);
    await expect(parts.join('\n')).toMatchFileSnapshot(`golden/dns-text-${area}.txt`);
  });

  test('other domains, with colours and without', async () => {
    const parts: string[] = [];
    for (const [name, one] of Object.entries(MORE))
      for (const colours of [false, true]) parts.push(`# ${name}${colours ? ', in colours' : ''}\n${await shown(one, colours)}`);
    await expect(parts.join('\n')).toMatchFileSnapshot('golden/dns-text.txt');
  });
});

describe('the lines of a check', () => {
  const options = { selectors: ['sel'], mailboxes: [], registrable: organizationalDomain, web: webOf(GOOD_WEB) };
  const linesOf = async (part: object, corrected: readonly object[] = [], zone = {}) =>
    renderCheck(
      { ...(await checkDomain('example.com', dnsOf({ ...GOOD, ...zone }), options)), ...part },
      corrected as never,
      [],
      false,
    );
  const line = (lines: readonly string[], start: string) => lines.filter((one) => one.startsWith(start));

  test('name five mail hosts, and count the others', async () => {
    const of = async (n: number) => {
      const hosts = Array.from({ length: n }, (_, i) => `mx${i}.example.com`);
      return line(await linesOf({ mx: { state: 'hosts', hosts } }), '  MX');
    };
    const five = '  MX     mx0.example.com, mx1.example.com, mx2.example.com, mx3.example.com, mx4.example.com';
    expect([await of(5), await of(6)]).toEqual([[five], [`${five} and 1 more`]]);
  });

  test('name the certificate of a logo', async () => {
    const mark = { issuer: 'CN=Mark CA\u001b', until: new Date('2027-03-04T05:06:07Z') };
    const of = async (type: string | null) => line(await linesOf({ bimi: { record: null, mark: { ...mark, type } } }), '  MARK');
    expect([await of('Registered Mark'), await of(null)]).toEqual([
      ['  MARK   Registered Mark, from CN=Mark CA\\u001b, until 2027-03-04'],
      ['  MARK   a mark certificate, from CN=Mark CA\\u001b, until 2027-03-04'],
    ]);
    expect(line(await linesOf({ bimi: null }), '  MARK')).toEqual([]);
  });

  test('say what is published instead, and what is taken away', async () => {
    const away = { name: 'old.example.com', value: null };
    const said = async (corrected: object[]) => (await linesOf({}, corrected)).slice(-corrected.length - 2);
    expect(await said([away])).toEqual([
      '  publish  this record instead, with every correction that needs no decision:',
      '           take away:  old.example.com',
      '',
    ]);
    expect(await said([away, away])).toEqual([
      '  publish  these records instead, with every correction that needs no decision:',
      '           take away:  old.example.com',
      '           take away:  old.example.com',
      '',
    ]);
  });

  test('show forty lines of a tree, and count the others when there are some', async () => {
    const more = async (n: number) => {
      const terms = Array.from({ length: n }, (_, i) => `ip4:192.0.2.${i}`).join(' ');
      const lines = await linesOf({}, [], { 'example.com': { ...spf(`v=spf1 ${terms} -all`) } });
      return line(lines, '         and ');
    };
    const counted = [];
    for (const n of [36, 37, 38, 39, 40, 41, 42]) counted.push(...(await more(n)));
    expect(counted.slice(0, 2)).toEqual(['         and 1 more', '         and 2 more']);
  });

  test('show 600 characters of a record', async () => {
    const of = async (n: number) => {
      const text = `v=DMARC1; p=reject; x=${'y'.repeat(n - 22)}`;
      const [shown] = line(await linesOf({}, [], { '_dmarc.example.com': spf(text) }), '  DMARC');
      return [shown!.length - '  DMARC  '.length, shown!.at(-1)];
    };
    expect([await of(600), await of(601), await of(602)]).toEqual([
      [600, 'y'],
      [601, '…'],
      [601, '…'],
    ]);
  });
});
