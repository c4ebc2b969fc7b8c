import type { Family } from './family.ts';

/** Relays of the domain's own in several networks are upgraded and no longer sign: SPF carries the mail. */
export const relaysUnsigned: Family = {
  name: 'relays-unsigned',
  group: 'tuning',
  benign: false,
  source: 'https://github.com/Pro/dkim-exchange/issues/356; RFC 7960 section 3.1.2 (SPF alone does not survive forwarding)',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ volume: site.between(200, 8_000) });
    const networks = random.int(5, 15);
    const at = random.pick(['hetzner', 'digitalocean', 'office'] as const);
    const addresses = Array.from({ length: networks }, () => domain.hosts(at, 1)).flat();
    const mean = networks * site.between(1, 6);
    const dkim = [domain.own('relay')];
    const from = site.day(14);
    const to = site.days - 1;
    domain.mail('relays', { mean, addresses, dkim, to: from - 1 });
    const flow = domain.mail('relays', { mean, addresses, from });
    domain.expect({ what: 'broken', from, to }, { flows: [flow] });
  },
};
