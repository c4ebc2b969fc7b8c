import type { Family } from './family.ts';

/**
 * Printers, alarm boxes and routers at many sites send by themselves, each from its own line: named below the
 * domain, outside SPF, unsigned. All at once, or one site after another.
 */
export const siteAppliances: Family = {
  name: 'site-appliances',
  group: 'tuning',
  benign: false,
  source:
    'https://learn.microsoft.com/exchange/mail-flow-best-practices/how-to-set-up-a-multifunction-device-or-application-to-send-email-using-microsoft-365-or-office-365 (option 3)',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ volume: site.between(60, 10_000) });
    const sites = random.int(2, 40);
    const from = site.day(20);
    const apart = random.pick([0, 0, 1, 3]);
    const mean = site.between(0.3, 8);
    const unnamed = random.chance(0.3);
    const spf = random.pick(['fail', 'softfail', 'neutral']);
    const flows = Array.from({ length: sites }, (_, i) => {
      const named = !unnamed || random.chance(0.8);
      const addresses = named ? domain.hosts('office', 1) : domain.networks('office', 1).slice(0, 1);
      const start = Math.min(from + i * apart, site.days - 2);
      return domain.mail('site', {
        mean,
        addresses,
        spf,
        truth: named ? 'misaligned' : null,
        what: 'service_unaligned',
        from: start,
      });
    });
    domain.expect({ what: 'unaligned', from, to: site.days - 1 }, { flows });
  },
};
