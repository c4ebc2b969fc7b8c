import { provider } from '../../internet/providers.ts';
import type { Family } from '../family.ts';

/**
 * Sales once bought a CRM, and nobody set up its keys. It lies idle, or sends a reminder now and then, until
 * a new colleague starts a sequence: what it sends in our name fails DMARC.
 */
export const forgottenCrm: Family = {
  name: 'forgotten-crm',
  group: 'reported',
  benign: false,
  source: 'https://support.dmarcreport.com/support/solutions/articles/5000882474-what-to-do-if-you-have-sources-failing-dmarc',
  plant(site) {
    const { random } = site;
    const domain = site.domain();
    const crm = domain.unused('hubspot', 'zendesk', 'mailjet', 'brevo');
    const from = site.day(20);
    const to = Math.min(site.days - 1, from + random.int(12, 60));
    const addresses = domain.networks(crm, random.int(1, 3));
    if (random.chance(0.5)) {
      domain.service(crm, { mean: site.between(0.05, 1), aligned: 'none', addresses, to: from - 1, weekend: 0.1 });
    }
    // Sequences go out on working days.
    const mean = site.between(3, Math.max(8, 0.25 * domain.volume));
    const flow = domain.service(crm, { mean, aligned: 'none', addresses, from, to, weekend: 0.05, k: 3 });
    // Its name is what lets the reader ask the right colleague.
    const says = [new RegExp(provider(crm).name, 'i')];
    domain.expect({ what: 'unaligned', from, to, least: 'low', most: 'high', says }, { flows: [flow] });
  },
};
