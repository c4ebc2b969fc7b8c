import type { Family } from '../family.ts';
import { onlyBy } from './seen-by.ts';

/**
 * Gmail no longer fetches mail by POP, so people have their old mailboxes forward instead: within some weeks
 * dozens of forwarders to Gmail appear, at hosters of all kinds, each with a message now and then. Some mark
 * the subject, which breaks the signature.
 */
export const popFetchEnds: Family = {
  name: 'pop-fetch-ends',
  group: 'tuning',
  benign: true,
  source: 'https://support.google.com/mail/answer/16604719; https://unanswered.io/guide/gmail-pop3-support-status',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ volume: site.between(150, 12_000) });
    const from = site.day(30);
    const weeks = random.int(14, 35);
    const forwarders = random.int(15, 60);
    const all = domain.volume * site.between(0.005, 0.05);
    const to = onlyBy(domain, 'google.com');
    for (let i = 0; i < forwarders; i++) {
      const signature = random.pick(domain.senders).dkim[0]!;
      const marks = random.chance(0.1);
      const hoster = random.pick(['hetzner', 'kasserver', 'kundenserver', 'ovh', 'office'] as const);
      const flow = domain.forwarder({
        mean: Math.min(marks ? 1 : 3, (all / forwarders) * site.between(0.3, 3)),
        from: from + random.int(0, weeks),
        addresses: domain.networks(hoster, 1).slice(0, random.int(1, 2)),
        srs: random.chance(0.5) ? `srs.${random.pick(['webspace', 'mailbox', 'domains'])}-${random.hex(3)}.example` : null,
        dkim: [marks ? { ...signature, result: 'fail' } : signature],
      });
      flow.reporters = to;
    }
    site.trap('forwarders to Gmail take the place of POP', domain.name, from, site.days - 1);
  },
};
