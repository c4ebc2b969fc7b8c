import type { ProviderName } from '../internet/providers.ts';
import type { Family } from './family.ts';

/**
 * The SPF record lists a service's networks one by one ("flattened"), as they were. The service adds others:
 * mail from there has nothing that is aligned, while the rest goes on to pass by SPF.
 */
export const flattenedSpfStale: Family = {
  name: 'flattened-spf-stale',
  group: 'reported',
  benign: false,
  source:
    'https://www.valimail.com/blog/spf-automation-fix; https://www.mta-support.co.uk/guides/spf-flattening.html (static records become stale)',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ usual: false, aspf: 'r', volume: site.between(150, 20_000) });
    const name: ProviderName = random.pick(['microsoft365', 'google', 'sendgrid', 'mailgun']);
    const from = site.day(15);
    const share = 0.15 + 0.7 * random.next();
    const mean = domain.volume * 0.8;
    const selector = 'unused';
    const active = (day: number) => (day < from ? 1 : 1 - share);
    domain.senders.push(domain.service(name, { mean, aligned: 'spf', selector, networks: random.int(2, 4), active }));
    domain.ownServers({ mean: domain.volume * 0.2 });
    const added = domain.service(name, { mean: mean * share, aligned: 'spf', selector, networks: random.int(1, 4), from });
    const to = site.days - 1;
    const result = random.pick(['fail', 'softfail']);
    const one = domain.breaks(added, { from, to, share: 1, mechanism: 'spf', result });
    domain.expect({ what: 'outgrown_record', from, to, least: 'low', says: [/SPF/] }, { breaks: [one] });
  },
};
