import { named } from '../reporters.ts';
import type { Family } from './family.ts';

/**
 * A reporter splits: Outlook reports on its consumers and its tenants under two names, one after the other.
 */
export const reporterSplit: Family = {
  name: 'reporter-split',
  group: 'reported',
  benign: true,
  source: 'RFC 9990 (org_name is free text); Microsoft reports as Enterprise Outlook and as Outlook.com',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ volume: site.between(100, 10_000) });
    const from = site.day(20);
    const outlook = site.reporter('Enterprise Outlook');
    const at = domain.domain.mix.findIndex(({ reporter }) => reporter === outlook);
    const share = domain.domain.mix[at]!.share;
    const part = 0.3 + 0.4 * random.next();
    domain.domain.mix[at] = { reporter: outlook, share: share * part };
    // Until then one name reports all: the other part is drawn apart and written under the same name.
    const other = {
      ...outlook,
      renamed: { from, dialect: named(outlook.dialect, 'Outlook.com') },
      outages: [...outlook.outages],
    };
    domain.domain.mix.push({ reporter: other, share: share * (1 - part) });
    site.trap('Outlook reports under two names', domain.name, from, from + 10);
  },
};
