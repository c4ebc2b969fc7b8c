import type { Family } from '../family.ts';
import { seenBy } from './seen-by.ts';

/**
 * A small receiver moves its mail server into a container, or behind a load balancer: since then its reports
 * have one private address for all mail of everybody. SPF fails for all of it, our keys pass, and what never
 * was signed fails beside it. Nothing about it is ours to mend.
 */
export const receiverBehindProxy: Family = {
  name: 'receiver-behind-proxy',
  group: 'reported',
  benign: true,
  source: 'https://github.com/docker-mailserver/docker-mailserver/issues/1438; https://github.com/hardware/mailserver/issues/43',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ volume: site.between(400, 12_000) });
    const from = site.day(15);
    const small = domain.domain.mix.filter(({ share }) => share < 0.06);
    const { reporter } = random.pick(small.length > 0 ? small : domain.domain.mix.slice(-1));
    const ip = random.pick(['172.22.1.1', '172.18.0.1', '10.0.0.12', '192.168.49.1', 'fd4d:6169:6c63:6f77::1']);
    const result = random.pick(['fail', 'softfail']);
    for (const flow of [...domain.domain.flows]) {
      const seen = seenBy(domain, flow, [reporter.dialect.org_name], from);
      seen.addresses = [ip];
      seen.spf = { ...seen.spf, result };
    }
    site.trap(`${reporter.dialect.org_name} reports ${ip} for all mail`, domain.name, from, site.days - 1);
  },
};
