import type { Family } from './family.ts';

/**
 * For a day or some, all mail leaves by the second data centre, which is set up as the first one; then it
 * goes back.
 */
export const disasterRecoveryTest: Family = {
  name: 'disaster-recovery-test',
  group: 'reported',
  benign: true,
  source:
    'https://www.suped.com/email-deliverability/answers/how-should-email-sending-ips-be-handled-during-a-data-center-switch-disaster-recovery-test',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ usual: false });
    const selector = random.pick(['mail', 'dkim', 'default']);
    const days = random.int(1, 5);
    const first = site.day(15);
    const every = random.pick([30, 90]);
    const away = (day: number) => day >= first && (day - first) % every < days;
    const mean = domain.volume * 0.8;
    const [here, there] = random.shuffle(['office', 'hetzner', 'digitalocean', 'ec2'] as const);
    const hosts = random.int(1, 3);
    domain.senders.push(domain.ownServers({ mean, at: here!, hosts, selector, active: (day) => (away(day) ? 0 : 1) }));
    domain.ownServers({ mean, addresses: domain.hosts(there!, hosts), selector, active: (day) => (away(day) ? 1 : 0) });
    const second = domain.unused('sendgrid', 'mailjet', 'brevo', 'postmark');
    domain.service(second, { mean: domain.volume * 0.2, aligned: 'dkim' });
    domain.forwarder({ mean: Math.max(0.3, domain.volume * 0.01) });
    site.trap('disaster recovery test', domain.name, first, first + days);
  },
};
