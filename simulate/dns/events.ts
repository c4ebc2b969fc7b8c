import type { DomainSite } from '../families/domain-site.ts';
import type { Site } from '../families/site.ts';
import { provider } from '../internet/providers.ts';
import type { Flow } from '../model.ts';
import { type DnsChange, KEY_RECORD, setTexts, spfTerm, textsAt } from './zones.ts';

/** One behavior of whoever publishes records, drawn anew for each world. */
export interface DnsEvent {
  name: string;
  /** Nothing of it deserves a mail. */
  benign: boolean;
  source: string;
  plant(site: Site): { domain: string; from: number; to: number; changes: DnsChange[] };
}

/** A service that passes by one mechanism alone, with enough mail that its loss matters. */
function service(site: Site, domain: DomainSite, aligned: 'spf' | 'dkim', selector?: string): Flow {
  const { random } = site;
  const name = domain.unused('sendgrid', 'mailgun', 'postmark', 'sparkpost', 'brevo');
  const mean = Math.max(12, domain.volume * site.between(0.05, 0.5));
  const addresses = domain.networks(name, random.int(1, 2));
  // A service signs with nothing, with its own domain, or with one that no catalogue knows.
  const signer = random.pick([null, provider(name).signer ?? null, provider(name).signer ?? null, 'relay.smallmailer.example']);
  const theirs = signer === null ? [] : [{ domain: signer, selector: 's1', result: 'pass' }];
  const dkim = aligned === 'dkim' ? [domain.own(selector ?? `k${random.int(1, 99)}`)] : theirs;
  const envelope = aligned === 'spf' ? domain.name : (provider(name).bounce ?? `bounces.${name}-customers.example`);
  return domain.mail(name, { mean, addresses, envelope, dkim, what: aligned === 'spf' ? 'service_spf' : 'service_dkim' });
}

/** From a day with enough of a habit before it, for some days. */
function span(site: Site): { from: number; to: number } {
  const from = site.day(14);
  return { from, to: Math.min(site.days - 1, from + site.random.int(5, 30)) };
}

const broken = (
  domain: DomainSite,
  flow: Flow,
  days: { from: number; to: number },
  how: { mechanism: 'dkim' | 'spf'; result: string },
) => domain.expect({ what: 'broken', ...days }, { breaks: [domain.breaks(flow, { ...days, share: 1, ...how })] });

const key = (flow: Flow) => `${flow.dkim[0]!.selector}._domainkey.${flow.dkim[0]!.domain}`;

export const DNS_EVENTS: readonly DnsEvent[] = [
  {
    name: 'include-removed',
    benign: false,
    source: 'RFC 7208 section 5.2; a clean-up of the record takes a service out that is in use',
    plant(site) {
      const domain = site.domain({ aspf: 'r' });
      const flow = service(site, domain, 'spf');
      const days = span(site);
      broken(domain, flow, days, { mechanism: 'spf', result: 'softfail' });
      const without = (text: string) => text.replace(` ${spfTerm(flow)}`, '');
      return {
        domain: domain.name,
        ...days,
        changes: [
          { domain: domain.name, ...days, apply: (all) => setTexts(all, domain.name, without(textsAt(all, domain.name)[0]!)) },
        ],
      };
    },
  },
  {
    name: 'second-spf-record',
    benign: false,
    source: 'RFC 7208 section 4.5: a service asks for a record of its own beside the one there is',
    plant(site) {
      const domain = site.domain({ aspf: 'r' });
      const flow = service(site, domain, 'spf');
      const days = span(site);
      broken(domain, flow, days, { mechanism: 'spf', result: 'permerror' });
      for (const other of domain.domain.flows)
        if (other !== flow && other.spf.domain === domain.name && other.spf.result === 'pass')
          domain.breaks(other, { ...days, share: 1, mechanism: 'spf', result: 'permerror' });
      const second = 'v=spf1 ip4:203.0.113.7 ~all';
      return {
        domain: domain.name,
        ...days,
        changes: [
          { domain: domain.name, ...days, apply: (all) => setTexts(all, domain.name, ...textsAt(all, domain.name), second) },
        ],
      };
    },
  },
  ...(['key-withdrawn', 'key-revoked'] as const).map(
    (name): DnsEvent => ({
      name,
      benign: false,
      source: 'RFC 6376 section 3.6.1; microsoft-365-docs PR #2054: keys taken away while mail is signed with them',
      plant(site) {
        const domain = site.domain();
        const flow = service(site, domain, 'dkim');
        const days = span(site);
        broken(domain, flow, days, { mechanism: 'dkim', result: site.random.pick(['fail', 'permerror']) });
        const texts = name === 'key-revoked' ? ['v=DKIM1; p='] : [];
        return {
          domain: domain.name,
          ...days,
          changes: [{ domain: domain.name, ...days, apply: (all) => setTexts(all, key(flow), ...texts) }],
        };
      },
    }),
  ),
  {
    name: 'policy-weakened',
    benign: false,
    source: 'RFC 9989 section 4.7',
    plant(site) {
      const domain = site.domain({ p: site.random.pick(['quarantine', 'reject']), sp: null });
      const days = span(site);
      domain.publishes({ p: 'none' }, days.from, days.to);
      domain.expect({ what: 'policy_weakened', ...days });
      return { domain: domain.name, ...days, changes: [] };
    },
  },
  {
    name: 'dmarc-removed',
    benign: false,
    source: 'RFC 9989 section 4.10: without a record nobody reports',
    plant(site) {
      const domain = site.domain({ volume: 2_000 });
      const days = span(site);
      const incident = domain.expect({ what: 'no_reports', ...days });
      domain.silent('all', days.from, days.to, incident);
      return {
        domain: domain.name,
        ...days,
        changes: [{ domain: domain.name, ...days, apply: (all) => setTexts(all, `_dmarc.${domain.name}`) }],
      };
    },
  },
  {
    name: 'unused-include-removed',
    benign: true,
    source: 'RFC 7208 section 4.6.4: what nobody sends through is taken out',
    plant(site) {
      const domain = site.domain();
      const days = { from: site.day(14), to: site.days - 1 };
      const with_ = (text: string) => text.replace(' ~all', ' include:spf.oldservice.example ~all');
      const before: DnsChange = {
        domain: domain.name,
        from: 0,
        to: days.from - 1,
        apply(all) {
          setTexts(all, 'spf.oldservice.example', 'v=spf1 ip4:203.0.113.0/24 ~all');
          setTexts(all, domain.name, with_(textsAt(all, domain.name)[0]!));
        },
      };
      return { domain: domain.name, ...days, changes: [before] };
    },
  },
  {
    name: 'include-becomes-networks',
    benign: true,
    source: 'the flattening that DNSControl and others do: other terms admit the same addresses',
    plant(site) {
      const domain = site.domain({ aspf: 'r' });
      const flow = service(site, domain, 'spf');
      const days = { from: site.day(14), to: site.days - 1 };
      const flat = (all: Parameters<NonNullable<DnsChange['apply']>>[0]) => {
        const name = spfTerm(flow).slice('include:'.length);
        const terms = textsAt(all, name)[0]!.split(' ').slice(1, -1).join(' ');
        setTexts(all, domain.name, textsAt(all, domain.name)[0]!.replace(spfTerm(flow), terms));
      };
      return { domain: domain.name, ...days, changes: [{ domain: domain.name, ...days, apply: flat }] };
    },
  },
  {
    name: 'rotation-in-order',
    benign: true,
    source: 'RFC 6376 section 3.6.1: published, switched, and withdrawn when the last mail is a week old',
    plant(site) {
      const domain = site.domain();
      const from = site.day(30);
      const flow = service(site, domain, 'dkim', 'old1');
      const next = domain.mail(flow.id.split('/')[0]!, {
        mean: flow.mean,
        addresses: flow.addresses,
        envelope: flow.envelope_from,
        dkim: [domain.own('new1')],
        from,
        what: 'service_dkim',
      });
      flow.active = (day) => (day < from ? 1 : 0);
      const gone = from + site.random.int(9, 20);
      const hidden = (name: string, days: { from: number; to: number }): DnsChange => ({
        domain: domain.name,
        ...days,
        apply: (all) => setTexts(all, name),
      });
      return {
        domain: domain.name,
        from,
        to: site.days - 1,
        changes: [hidden(key(flow), { from: gone, to: site.days - 1 }), hidden(key(next), { from: 0, to: from - 3 })],
      };
    },
  },
  {
    name: 'key-replaced',
    benign: true,
    source: 'RFC 6376 section 3.6.1: the same selector gets another key on both sides at once',
    plant(site) {
      const domain = site.domain();
      const flow = service(site, domain, 'dkim');
      const days = { from: site.day(14), to: site.days - 1 };
      const other = KEY_RECORD.replace('v=DKIM1; ', 'v=DKIM1; h=sha256; ');
      return {
        domain: domain.name,
        ...days,
        changes: [{ domain: domain.name, ...days, apply: (all) => setTexts(all, key(flow), other) }],
      };
    },
  },
  {
    name: 'policy-tightened',
    benign: true,
    source: 'RFC 9989 section 5.1.6',
    plant(site) {
      const domain = site.domain({ p: 'none', sp: null });
      const days = { from: site.day(14), to: site.days - 1 };
      domain.publishes({ p: site.random.pick(['quarantine', 'reject']) }, days.from, days.to);
      return { domain: domain.name, ...days, changes: [] };
    },
  },
  {
    name: 'name-service-fails',
    benign: true,
    source: 'RFC 8914: SERVFAIL for hours or days says nothing about a record',
    plant(site) {
      const domain = site.domain();
      const flow = service(site, domain, 'dkim');
      const from = site.day(14);
      const days = { from, to: from + site.random.int(1, 4) };
      const fails = [domain.name, `_dmarc.${domain.name}`, key(flow)];
      return { domain: domain.name, ...days, changes: [{ domain: domain.name, ...days, fails }] };
    },
  },
];
