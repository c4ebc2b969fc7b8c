import type { Family } from '../family.ts';
import { seenBy } from './seen-by.ts';

const LARGE = [
  ['google.com', /google/i],
  ['Enterprise Outlook', /microsoft|outlook/i],
  ['Yahoo', /yahoo/i],
] as const;

/**
 * A service signs with a key of 768 bits that somebody made years ago. One large receiver no longer takes
 * such keys: there, and only there, all of that service's mail fails, while the others let it pass.
 */
export const weakKeyRefused: Family = {
  name: 'weak-key-refused',
  group: 'tuning',
  benign: false,
  source: 'RFC 8301 section 3.2; https://www.wordtothewise.com/2012/11/gmail-sending-out-warnings-for-512-bit-dkim-keys',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ volume: site.between(300, 10_000) });
    const from = site.day(20);
    const service = domain.unused('mailchimp', 'brevo', 'zendesk', 'salesforce');
    const mean = Math.max(40, domain.volume * site.between(0.05, 0.4));
    const flow = domain.service(service, { mean, aligned: 'dkim', selector: 'old768' });
    const sees = (name: string) => domain.domain.mix.some(({ reporter }) => reporter.dialect.org_name === name);
    const [name, says] = random.pick(LARGE.filter(([one]) => sees(one)));
    const seen = seenBy(domain, flow, [name]);
    const to = site.days - 1;
    const result = random.pick(['policy', 'permerror', 'fail']);
    const one = domain.breaks(seen, { from, to, share: 1, mechanism: 'dkim', result });
    domain.expect({ what: 'broken', from, to, least: 'low', says: [says] }, { breaks: [one] });
  },
};
