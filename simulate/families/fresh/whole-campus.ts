import type { Family } from '../family.ts';

const JANET = { asn: 786, owner: 'JANET' };

/**
 * A university's SPF record admits its whole network. Thousands of workstations and servers of departments
 * send a few messages each, unsigned, in the university's name; every day some do it for the first time, and
 * one day a new building joins.
 */
export const wholeCampus: Family = {
  name: 'whole-campus',
  group: 'tuning',
  benign: true,
  source: 'https://web2.dns.cam.ac.uk/ipreg/mail.html (mail is permitted from the entire CUDN IP address space)',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ volume: site.between(2000, 15_000), p: random.pick(['none', 'quarantine']) });
    const network = random.pick(['131.111', '128.232']);
    const departments = ['physics', 'chem', 'math', 'law', 'library', 'eng', 'med', 'cs'];
    const host = (third: number) => {
      const ip = `${network}.${third}.${random.int(1, 254)}`;
      const name = random.chance(0.6) ? `h${random.int(1, 9999)}.${random.pick(departments)}.${domain.name}` : null;
      site.internet.put(ip, JANET, name, random.chance(0.8));
      return ip;
    };
    const hosts = Array.from({ length: random.int(1500, 4000) }, () => host(random.int(0, 199)));
    const mean = domain.volume * site.between(0.01, 0.12);
    domain.mail('campus', { mean, addresses: hosts, k: 20 });
    const from = site.day(20);
    const building = Array.from({ length: random.int(150, 600) }, () => host(random.int(208, 223)));
    domain.mail('new building', { mean: mean * site.between(0.05, 0.3), from, addresses: building, k: 20 });
    site.trap('a new building joins the campus network', domain.name, from, site.days - 1);
  },
};
