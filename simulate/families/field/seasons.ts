import type { Family } from '../family.ts';

/** A name bought from somebody: years of almost nothing, then the new owner's mail by a service or two. */
export const domainBought: Family = {
  name: 'domain-bought',
  group: 'tuning',
  benign: true,
  source: 'https://www.icann.org/resources/pages/domain-name-transfer-2017-10-10-en; RFC 9989 section 4.7',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ usual: false, volume: site.between(40, 2000), p: random.pick(['none', 'reject']) });
    // The former owner's web form still writes now and then.
    const old = domain.networks('ovh', 1).slice(0, 1);
    const from = site.day(20);
    domain.mail('old web form', { mean: site.between(0.05, 0.6), addresses: old, to: from, spf: 'softfail', truth: null, k: 2 });
    const main = random.pick(['microsoft365', 'google'] as const);
    const flows = [domain.service(main, { mean: domain.volume * 0.7, aligned: 'both', from })];
    if (random.chance(0.6))
      flows.push(domain.service('brevo', { mean: domain.volume * 0.3, aligned: 'dkim', from: from + random.int(1, 10) }));
    domain.expect({ what: 'new_sender', from, to: site.days - 1, optional: true, most: 'medium' }, { flows });
  },
};

/** Christmas: the offices are shut for two weeks while shops and news go on, at several companies alike. */
export const christmas: Family = {
  name: 'christmas',
  group: 'tuning',
  benign: true,
  source: 'RFC 9990 section 4.1 (no mail, no report); https://support.google.com/mail/answer/81126',
  plant(site) {
    const { random } = site;
    const from = site.day(30);
    const to = from + random.int(9, 15);
    for (let i = 0; i < 4; i++) {
      const domain = site.domain({ volume: site.between(8, 5000) });
      for (const flow of domain.senders) {
        const usual = flow.active;
        const rest = random.pick([0, 0.02, 0.1, 0.3, 2]);
        flow.active = (day) => usual(day) * (day >= from && day <= to ? rest : 1);
      }
    }
    site.trap('Christmas', '*', from, to + 4);
  },
};

/**
 * Black Friday: a shop's service sends from Thursday to Monday what it sends in two months, from pools it
 * never used.
 */
export const blackFriday: Family = {
  name: 'black-friday',
  group: 'tuning',
  benign: true,
  source: 'https://www.twilio.com/en-us/blog/black-friday-cyber-monday-email (volume of ESPs on these days)',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ volume: site.between(80, 20_000) });
    const name = domain.unused('sendgrid', 'mailgun', 'brevo', 'ses', 'sparkpost');
    const selector = 's1';
    const aligned = random.pick(['both', 'dkim'] as const);
    const mean = domain.volume * site.between(0.1, 0.6);
    const shop = domain.service(name, { mean, aligned, selector, weekend: 1 });
    const day = site.day(12);
    const days = [0.5, 1, 0.4, 0.5, 1.2].map((part) => part * site.between(5, 30));
    shop.active = (at) => days[at - day] ?? 1;
    const extra = domain.service(name, { mean, aligned, selector, weekend: 1, networks: random.int(1, 6) });
    extra.active = (at) => days[at - day] ?? 0;
    extra.dkim = shop.dkim;
    // The days are in spring, as every simulation ends in June: ten times a service's mail may be asked about
    // then.
    domain.expect({ what: 'takeover', from: day, to: day + 4, optional: true, most: 'medium' }, { flows: [shop, extra] });
  },
};

/** A service is down for days and sends what it kept all at once; others, and the own servers, go on. */
export const backlogSent: Family = {
  name: 'backlog-sent',
  group: 'tuning',
  benign: true,
  source: 'RFC 5321 section 4.5.4.1 (queues give up after four to five days)',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ volume: site.between(60, 10_000) });
    const flow = random.pick(domain.senders);
    const usual = flow.active;
    const from = site.day(12);
    const length = random.int(2, 5);
    flow.active = (day) => usual(day) * (day < from || day > from + length ? 1 : day === from + length ? length + 1 : 0);
    site.trap('backlog', domain.name, from, from + length + 1);
  },
};

/**
 * A job on one server writes to customers each Sunday night, unsigned, within SPF, and once in a quarter to
 * all of them.
 */
export const sundayJob: Family = {
  name: 'sunday-job',
  group: 'tuning',
  benign: true,
  source: 'RFC 7208 section 5.6 (ip4); https://www.postfix.org/sendmail.1.html',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ usual: false, volume: site.between(60, 8000) });
    domain.senders.push(domain.service('microsoft365', { mean: domain.volume * 0.7, aligned: 'both' }));
    domain.service('zendesk', { mean: domain.volume * 0.1, aligned: 'dkim' });
    const first = random.int(0, 6);
    const quarter = site.day(15);
    domain.mail('job', {
      mean: domain.volume * site.between(0.2, 2),
      addresses: domain.hosts(random.pick(['office', 'hetzner'] as const), 1),
      active: (day) => (day === quarter ? site.between(3, 8) : day % 7 === first ? 1 : 0),
      weekend: 1,
      k: 6,
    });
  },
};

/** Five brands of a group open one account at a service, and send with it on the same day. */
export const groupCampaign: Family = {
  name: 'group-campaign',
  group: 'tuning',
  benign: true,
  source: 'https://mailchimp.com/help/set-up-email-domain-authentication/ (several domains in an account)',
  plant(site) {
    const { random } = site;
    const from = site.day(15);
    const name = random.pick(['mailchimp', 'brevo', 'hubspot'] as const);
    for (let i = 0; i < 4; i++) {
      const domain = site.domain({ usual: false, volume: site.between(30, 3000) });
      domain.senders.push(domain.service('google', { mean: domain.volume, aligned: 'both' }));
      const every = random.int(5, 14);
      const size = domain.volume * site.between(0.3, 5);
      const active = (day: number) => ((day - from) % every < 1 ? 1 : 0.02);
      const flow = domain.service(name, { mean: size, aligned: 'dkim', from, active, weekend: 1 });
      domain.expect({ what: 'new_sender', from, to: site.days - 1, optional: true, most: 'medium' }, { flows: [flow] });
    }
  },
};
