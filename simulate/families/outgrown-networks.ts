import type { ProviderName } from '../internet/providers.ts';
import type { Family } from './family.ts';

/**
 * A service that passes by SPF alone sends from networks that the record does not list: somebody wrote down
 * the addresses once, and the service grew, or it was given an address of its own.
 */
export const outgrownNetworks: Family = {
  name: 'outgrown-networks',
  group: 'tuning',
  benign: false,
  source: 'RFC 7208 section 10.1.2; https://www.valimail.com/blog/spf-automation-fix',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ aspf: 'r', volume: site.between(100, 10_000) });
    const name: ProviderName = domain.unused('zendesk', 'hubspot', 'salesforce', 'microsoft365');
    const mean = domain.volume * (0.2 + 0.6 * random.next());
    const from = site.day(15);
    // All at once, or a network a week.
    const waves = random.int(1, 3);
    const share = (0.2 + 0.7 * random.next()) / waves;
    const begun = (day: number) => Array.from({ length: waves }, (_, i) => from + 5 * i).filter((at) => day >= at).length;
    domain.service(name, {
      mean,
      aligned: 'spf',
      selector: 'none',
      networks: random.int(1, 4),
      active: (d) => 1 - share * begun(d),
    });
    const to = site.days - 1;
    const result = random.pick(['fail', 'softfail', 'neutral']);
    const breaks = Array.from({ length: waves }, (_, i) => {
      const at = from + 5 * i;
      const added = domain.service(name, { mean: mean * share, aligned: 'spf', selector: 'none', networks: 1, from: at });
      return domain.breaks(added, { from: at, to, share: 1, mechanism: 'spf', result });
    });
    domain.expect({ what: 'outgrown_record', from, to, least: 'low', says: [/SPF/] }, { breaks });
  },
};
