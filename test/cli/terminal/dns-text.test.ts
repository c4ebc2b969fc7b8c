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
