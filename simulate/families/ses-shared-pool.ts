import type { Family } from './family.ts';

/**
 * Transactional mail over a shared pool: each week other addresses of Amazon’s, DKIM aligned, the return path
 * theirs.
 */
export const sesSharedPool: Family = {
  name: 'ses-shared-pool',
  group: 'reported',
  benign: true,
  source:
    'https://docs.aws.amazon.com/ses/latest/dg/dedicated-ip.html (shared addresses change); https://docs.aws.amazon.com/ses/latest/dg/mail-from.html',
  plant(site) {
    const { random } = site;
    const domain = site.domain();
    const name = random.pick(['ses', 'ses', 'sendgrid', 'sparkpost'] as const);
    const mean = domain.volume * site.between(0.05, 0.8);
    const selector = `${name}pool`;
    // Old networks fade while new ones join.
    for (let day = -20; day < site.days; day += random.int(5, 12)) {
      const lasts = random.int(15, 40);
      const active = (d: number) => (d >= day && d < day + lasts ? 0.15 + 0.5 * random.fork(`${day}`).next() : 0);
      domain.service(name, { mean, aligned: 'dkim', networks: random.int(1, 2), selector, double: true, active });
    }
  },
};
