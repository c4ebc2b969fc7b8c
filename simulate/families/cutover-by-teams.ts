import type { Family } from './family.ts';

/**
 * Mailboxes leave the own servers for Google Workspace, team by team; what is left behind sends little or
 * nothing.
 */
export const cutoverByTeams: Family = {
  name: 'cutover-by-teams',
  group: 'tuning',
  benign: true,
  source: 'https://support.google.com/a/answer/9476255 (dual delivery while moving); RFC 7208 section 10.1.2',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ usual: false });
    const from = site.day(25);
    const lasts = random.int(1, 25);
    const left = random.chance(0.5) ? 0 : 0.3 * random.next();
    const moved = (day: number) => (day < from ? 0 : Math.min(1 - left, (day - from + 1) / lasts));
    const mean = domain.volume * (0.5 + 0.4 * random.next());
    const selector = random.pick(['mail', 'default', 'dkim']);
    const own = domain.ownServers({ mean, selector, active: (day) => 1 - moved(day) });
    if (random.chance(0.4)) own.dkim = [];
    domain.senders.push(own);
    domain.service('google', {
      mean,
      aligned: random.pick(['both', 'both', 'spf'] as const),
      networks: random.int(1, 4),
      active: moved,
    });
    const other = domain.unused('mailjet', 'brevo', 'zendesk', 'sendgrid');
    domain.service(other, { mean: domain.volume * 0.2, aligned: 'dkim' });
    site.trap('moves to Google Workspace', domain.name, from, from + lasts + 14);
  },
};
