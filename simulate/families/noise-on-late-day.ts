import type { Family } from './family.ts';

/**
 * The trickle of forged mail is a little more than usual for days on which some of the large reporters are
 * late.
 */
export const noiseOnLateDay: Family = {
  name: 'noise-on-late-day',
  group: 'tuning',
  benign: true,
  source: 'RFC 9990 (reports may be delayed); RFC 9989 section 5.3.5 (mail that nothing authenticates)',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ volume: site.between(100, 20_000), sp: null });
    const addresses = site.internet.strangers(600, random);
    const usual = site.between(1, 6);
    const days = new Set<number>();
    for (let i = random.int(1, 3); i > 0; i--) days.add(site.day(10));
    const factor = 1.5 + 2 * random.next();
    // Bursty by itself, as such mail is, and each message from anywhere.
    domain.mail('trickle', {
      mean: usual,
      addresses,
      spf: random.pick(['fail', 'softfail']),
      truth: 'unauthorized',
      what: 'noise',
      weekend: 1,
      k: 2,
      active: (day) => (days.has(day) ? factor : 1),
    });
    for (const day of days) {
      site.trap('noise on a day of late reports', domain.name, day, day);
      site.late(domain.reporter(random.int(0, 2)), day, day + random.int(0, 2));
    }
  },
};
