import type { Family } from './family.ts';

/**
 * The own servers sign with an Ed25519 key beside the RSA one. Receivers that do not know the algorithm
 * report that signature as failed; nothing is lost.
 */
export const ed25519BesideRsa: Family = {
  name: 'ed25519-beside-rsa',
  group: 'reported',
  benign: true,
  source:
    'RFC 8463 section 6 (transition); mox, commit 2fc75b5b7b7baff2565407b4c106af9a1a861c9c ("causes noise in DMARC reports")',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ usual: false });
    const rsa = random.pick(['mail', 'default', '2025a']);
    const second = random.pick(['ed', 'ed25519', '2025b']);
    const addresses = domain.hosts(random.pick(['hetzner', 'digitalocean', 'office'] as const), random.int(1, 3));
    const mean = domain.volume * 0.8;
    const from = site.day(20);
    const before = domain.ownServers({ mean, addresses, selector: rsa, to: from - 1 });
    domain.senders.push(before);
    const knows = new Map(domain.domain.mix.map(({ reporter }) => [reporter.dialect.org_name, random.chance(0.3)]));
    const part = domain.domain.mix.filter(({ reporter }) => knows.get(reporter.dialect.org_name));
    const known = part.reduce((sum, { share }) => sum + share, 0);
    const refused = random.pick(['permerror', 'neutral', 'fail']);
    for (const [result, share, who] of [
      ['pass', known, true],
      [refused, 1 - known, false],
    ] as const) {
      if (share <= 0) continue;
      const ed = { domain: domain.name, selector: second, result };
      const flow = domain.mail('own servers', { mean: mean * share, addresses, from, k: 25, dkim: [domain.own(rsa), ed] });
      flow.reporters = new Map([...knows].map(([name, one]) => [name, one === who ? 1 : 0]));
    }
    domain.service('zendesk', { mean: domain.volume * 0.2, aligned: 'dkim' });
    domain.forwarder({ mean: Math.max(0.3, domain.volume * 0.01) });
    site.trap('a second signature that few know', domain.name, from, from + 5);
  },
};
