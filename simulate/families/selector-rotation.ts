import type { Family } from './family.ts';

/** A key is rotated as it should be: the new one is published first, the old one stays for a week. */
export const selectorRotation: Family = {
  name: 'selector-rotation',
  group: 'tuning',
  benign: true,
  source: 'RFC 6376 section 3.1; M3AAWG DKIM Key Rotation Best Common Practices (2019)',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ usual: false });
    const day = site.day(20);
    const overlap = random.int(0, 5);
    const host = random.pick(['microsoft365', 'hetzner', 'sendgrid'] as const);
    const addresses = host === 'hetzner' ? domain.hosts('hetzner', 2) : domain.networks(host, random.int(1, 3));
    const [before, after] = host === 'microsoft365' ? ['selector1', 'selector2'] : ['k2025', 'k2026'];
    const mean = domain.volume * 0.9;
    const turned = (d: number) => Math.min(1, Math.max(0, (d - day + 1) / (overlap + 1)));
    const mail = (selector: string, active: (d: number) => number) =>
      host === 'hetzner'
        ? domain.ownServers({ mean, addresses, selector, active })
        : domain.service(host, { mean, aligned: 'both', addresses, selector, active });
    domain.senders.push(mail(before!, (d) => 1 - turned(d)));
    mail(after!, turned);
    site.trap('key rotated', domain.name, day, day + overlap);
  },
};
