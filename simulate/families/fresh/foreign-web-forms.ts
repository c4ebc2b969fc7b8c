import { provider } from '../../internet/providers.ts';
import type { Family } from '../family.ts';

/**
 * Staff fill in other people's web forms ("send this page to a colleague", a contact form that mails as the
 * visitor): a few messages in our name from web hosts all over, each with the return path of its site.
 */
export const foreignWebForms: Family = {
  name: 'foreign-web-forms',
  group: 'reported',
  benign: true,
  source: 'RFC 7960 section 3.1.1; https://www.hostgator.com/help/article/dmarc-rejection-emails',
  plant(site) {
    const { random } = site;
    const domain = site.domain();
    const sites = random.int(4, 30);
    const mean = site.between(0.2, Math.min(10, Math.max(1.5, 0.01 * domain.volume))) / sites;
    for (let i = 0; i < sites; i++) {
      const of = provider(random.pick(['kundenserver', 'kasserver', 'ovh', 'hetzner', 'digitalocean'] as const));
      const addresses = site.internet.network(of, random.int(1, 2), random);
      const name = `${random.pick(['shop', 'verein', 'event', 'hotel', 'supplier'])}-${random.hex(4)}.example`;
      const from = random.chance(0.5) ? 0 : random.int(0, site.days - 10);
      domain.mail('web form', {
        mean: mean * site.between(0.2, 4),
        addresses,
        from,
        to: random.chance(0.6) ? site.days - 1 : from + random.int(1, 40),
        envelope: name,
        spf: random.pick(['pass', 'pass', 'pass', 'none', 'softfail']),
        dkim: random.chance(0.3) ? [{ domain: name, selector: 'default', result: 'pass' }] : [],
        // From reports nobody could tell it from a forger's first attempts.
        truth: null,
        what: 'noise',
        k: 0.5,
      });
    }
  },
};
