import type { Family } from './family.ts';

/**
 * Own servers answer junk with bounces of MAILER-DAEMON at the domain: unsigned, with an empty return path,
 * in waves.
 */
export const ownBounces: Family = {
  name: 'own-bounces',
  group: 'tuning',
  benign: true,
  source:
    'RFC 5321 section 4.5.5; https://www.postfix.org/postconf.5.html#internal_mail_filter_classes (bounces pass no milter by default); https://www.postfix.org/BACKSCATTER_README.html',
  plant(site) {
    const { random } = site;
    const volume = site.between(20, 10_000);
    const domain = site.domain({ usual: false, volume });
    const main = domain.ownServers({ mean: volume * 0.8, hosts: random.int(1, 3) });
    domain.senders.push(main);
    domain.service(domain.unused('mailchimp', 'sendgrid', 'zendesk'), { mean: volume * 0.2, aligned: 'dkim' });
    const spf = random.pick(['pass', 'pass', 'none', 'softfail']);
    const waves = Array.from({ length: random.int(1, 3) }, () => {
      const first = site.day(5, 20);
      return { first, last: first + random.int(0, 6), factor: site.between(3, 40) };
    });
    const bounces = domain.mail('bounces', {
      mean: Math.max(0.2, volume * site.between(0.001, 0.02)),
      addresses: main.addresses,
      envelope: `mail.${domain.name}`,
      spf,
      active: (day) => waves.find(({ first, last }) => day >= first && day <= last)?.factor ?? 1,
      weekend: 1,
      k: 2,
    });
    bounces.envelope_from = '';
    for (const { first, last } of waves) site.trap('a wave of bounces', domain.name, first, last);
    if (spf === 'pass') return;
    bounces.truth = 'misaligned';
    domain.expect({ what: 'broken', from: 0, to: site.days - 1, most: 'low', optional: true }, { flows: [bounces] });
  },
};
