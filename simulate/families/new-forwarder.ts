import type { Family } from './family.ts';

/** An alumni office or a club begins to pass mail on to its members: many recipients, at any volume. */
export const newForwarder: Family = {
  name: 'new-forwarder',
  group: 'tuning',
  benign: true,
  source: 'RFC 7960 section 3.2.1 (aliases, alumni forwarding); RFC 9989 section 7.4',
  plant(site) {
    const { random } = site;
    const domain = site.domain();
    const day = site.day(20);
    const count = random.int(1, 3);
    for (let i = 0; i < count; i++) {
      const mean = site.between(0.5, Math.max(5, domain.volume * 0.15));
      domain.forwarder({ mean, from: day + random.int(0, 9), ...(random.chance(0.5) && { srs: null }) });
    }
    site.trap('new forwarder', domain.name, day, site.days - 1);
  },
};
