import type { Signature } from '../../model.ts';
import type { Family } from '../family.ts';

/**
 * The organization's mail at Google or Microsoft was signed with the provider's own domain for years, until
 * somebody presses "start authentication". From that day all of it has a key of ours, also what others
 * forward, which never passed before.
 */
export const workspaceKeyTurnedOn: Family = {
  name: 'workspace-key-turned-on',
  group: 'tuning',
  benign: true,
  source: 'https://support.google.com/a/answer/174124 (the default key is d=*.gappssmtp.com until DKIM is turned on)',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ usual: false, volume: site.between(100, 8000) });
    const from = site.day(20);
    const label = domain.name.replaceAll('.', '-');
    const [host, theirs]: ['google' | 'microsoft365', Signature] = random.pick([
      ['google', { domain: `${label}.20230601.gappssmtp.com`, selector: '20230601', result: 'pass' }],
      ['microsoft365', { domain: `${label}.onmicrosoft.com`, selector: `selector1-${label}-onmicrosoft-com`, result: 'pass' }],
    ] as ['google' | 'microsoft365', Signature][]);
    const ours = domain.own(host === 'google' ? 'google' : 'selector1');
    const addresses = domain.networks(host, 3);
    const before = { to: from - 1, dkim: [theirs] };
    const after = { from, dkim: [ours] };
    const main = { mean: domain.volume * 0.7, addresses };
    domain.mail(host, { ...main, ...before });
    domain.senders.push(domain.mail(host, { ...main, ...after }));
    const service = domain.unused('mailchimp', 'brevo', 'zendesk', 'hubspot');
    domain.service(service, { mean: domain.volume * 0.3, aligned: 'dkim' });
    const forwarders = random.int(2, 4);
    for (let i = 0; i < forwarders; i++) {
      const hosts = domain.networks(random.pick(['hetzner', 'kasserver', 'ovh'] as const), 1).slice(0, 2);
      const given = { mean: Math.max(0.3, domain.volume * site.between(0.001, 0.008)), addresses: hosts };
      const srs = random.chance(0.5) ? `forward.members-${random.hex(3)}.example` : null;
      const old = domain.forwarder({ ...given, ...before, srs });
      const next = domain.forwarder({ ...given, ...after, srs });
      next.spf = old.spf;
      next.reporters = old.reporters;
    }
  },
};
