import type { Family } from '../family.ts';

/**
 * Appliances in branch offices, with names below the domain, send alerts that nobody ever set up: a few from
 * each.
 */
export const branchOffices: Family = {
  name: 'branch-offices',
  group: 'reported',
  benign: false,
  source: 'https://getdnsdoctor.com/blog/why-your-dmarc-reports-look-scary (internal tools you forgot about)',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ volume: site.between(150, 8_000), p: random.pick(['none', 'none', 'quarantine'] as const) });
    const offices = random.int(4, 20);
    const addresses = Array.from({ length: offices }, () => domain.hosts('office', 1)).flat();
    const from = site.day(20);
    const to = site.days - 1;
    const flow = domain.mail('branch offices', {
      mean: offices * site.between(0.5, 3),
      addresses,
      spf: random.pick(['fail', 'softfail']),
      truth: 'misaligned',
      what: 'service_unaligned',
      from,
    });
    domain.expect({ what: 'unaligned', from, to }, { flows: [flow] });
  },
};
