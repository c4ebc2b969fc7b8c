import type { Random } from '../../demo/random.ts';
import type { Dialect, ReportDescription, ReportRow } from '../../demo/report.ts';
import type { Calendar } from '../calendar.ts';
import type { DomainSite } from '../families/domain-site.ts';
import type { Site } from '../families/site.ts';
import { genuine, mailOf, mismatched, type SimulatedMail, unauthenticated } from '../mails.ts';
import type { Flow } from '../model.ts';
import { named, university } from '../reporters.ts';
import { policyOn, trafficOf } from '../traffic.ts';

/** A world in which a policy step is published, and what must become of the step. */
export interface ReturnWorld {
  name: string;
  /** Whether own mail breaks by it: the step is to be taken back then, and in no other case. */
  breaks: boolean;
  what: string;
  /** @param step the tick of whose evening the step is; mail of the days from then on is under it */
  plant(site: Site, domain: DomainSite, step: number): void;
}

const HOUR = 3600;
const STRANGERS = 5;
/** Messages that a lie speaks of, a day and address. */
const LIE = [2_000, 50_000] as const;

/** Own mail as it would look if the step had broken all of it. */
function lies(domain: DomainSite, random: Random): ReportRow[] {
  const addresses = domain.senders.flatMap((flow) => flow.addresses).slice(0, 30);
  return addresses.map((source_ip) => ({
    source_ip,
    count: random.int(...LIE),
    disposition: 'reject',
    dkim: 'fail',
    spf: 'fail',
    reasons: [],
    header_from: domain.name,
    envelope_from: domain.name,
    envelope_to: 'harbour.example',
    auth: {
      dkim: [{ domain: domain.name, selector: 's1', result: 'fail' }],
      spf: { domain: domain.name, result: 'fail' },
    },
  }));
}

interface Teller {
  dialect: Dialect;
  origin: Parameters<typeof mailOf>[3]['originOf'];
}

/** Reports of a day by each of these tellers, as they would arrive the next morning. */
const told =
  (domain: DomainSite, tellers: readonly Teller[], rowsOn: (day: number, calendar: Calendar, root: Random) => ReportRow[]) =>
  async (day: number, calendar: Calendar, root: Random): Promise<SimulatedMail[]> => {
    const mails: SimulatedMail[] = [];
    for (const [i, { dialect, origin }] of tellers.entries()) {
      const random = root.fork(`return/${domain.name}/${i}/${day}`);
      const rows = rowsOn(day, calendar, root);
      if (rows.length === 0) continue;
      const range = dialect.range(calendar.midnight(day), random);
      const report: ReportDescription = {
        report_id: dialect.reportId(random, range, domain.name),
        domain: domain.name,
        policy: policyOn(domain.domain, day),
        ...range,
        rows,
      };
      const sent = calendar.midnight(day + 1) + 6 * HOUR + random.int(60, 3000);
      mails.push(await mailOf(dialect, report, sent, { calendar, random, originOf: origin }));
    }
    return mails;
  };

const proven = (label: string): Teller[] =>
  Array.from({ length: STRANGERS }, (_, i) => ({
    dialect: university(`${label}-${i}-stranger.example`, `Harbour Mail ${i}`),
    origin: genuine,
  }));

const lying = (site: Site, domain: DomainSite, tellers: readonly Teller[], step: number) =>
  site.strangers(told(domain, tellers, (day, _, root) => (day >= step ? lies(domain, root.fork(`lie/${day}`)) : [])));

/**
 * Somebody else's account of a service that the domain uses: as the domain, from the same addresses, failing
 * both.
 */
function through(domain: DomainSite, flow: Flow, factor: number, step: number): void {
  domain.mail('through a service', {
    mean: Math.max(200, flow.mean * factor),
    addresses: flow.addresses,
    envelope: 'bounces.other-customer.example',
    dkim: [],
    truth: null,
    what: 'incident',
    weekend: 1,
    from: step,
  });
}

const usual = (domain: DomainSite): Flow => domain.senders.at(-1)!;

export const RETURN_WORLDS: readonly ReturnWorld[] = [
  { name: 'undisturbed', breaks: false, what: 'nothing but the step', plant: () => undefined },
  {
    name: 'strangers',
    breaks: false,
    what: 'five proven strangers report all own mail as rejected',
    plant: (site, domain, step) => lying(site, domain, proven('rejecting'), step),
  },
  {
    name: 'sleepers',
    breaks: false,
    what: 'the same, after agreeing with the largest reporter from the first day',
    plant: (site, domain, step) =>
      site.strangers(
        told(domain, proven('sleeping'), (day, calendar, root) => {
          if (day >= step) return lies(domain, root.fork(`lie/${day}`));
          const [largest] = trafficOf(domain.domain, day, calendar, root);
          return (largest ?? [])
            .slice(0, 40)
            .map(({ flow: _, incident: __, ...one }) => ({ ...one, count: Math.ceil(one.count / 10) }));
        }),
      ),
  },
  {
    name: 'names',
    breaks: false,
    what: 'proven strangers under the names of the largest reporters',
    plant(site, domain, step) {
      const dialects = ['google.com', 'Enterprise Outlook', 'Yahoo'].map((name, i) =>
        named(university(`name-${i}-stranger.example`, `Name ${i}`), name),
      );
      lying(
        site,
        domain,
        dialects.map((dialect) => ({ dialect, origin: genuine })),
        step,
      );
    },
  },
  ...(
    [
      ['forged', 'mails in the name of the largest reporters that fail DMARC', unauthenticated],
      ['mismatched', 'reports of the largest reporters in mails that pass DMARC of another domain', mismatched],
    ] as const
  ).map(
    ([name, what, origin]): ReturnWorld => ({
      name,
      what,
      breaks: false,
      plant(site, domain, step) {
        const tellers = ['google.com', 'Enterprise Outlook', 'Yahoo'].map((one) => ({
          dialect: site.reporter(one).dialect,
          origin,
        }));
        lying(site, domain, tellers, step);
      },
    }),
  ),
  ...[0.2, 1, 5].map(
    (factor): ReturnWorld => ({
      name: `through-a-service-${factor}`,
      breaks: false,
      what: `true failures, which all reporters see: somebody sends as the domain from the addresses of a service of ours, ${factor} times its mail`,
      plant: (_, domain, step) => through(domain, usual(domain), factor, step),
    }),
  ),
  {
    name: 'all-together',
    breaks: false,
    what: 'strangers, forged mails and true failures at once',
    plant(site, domain, step) {
      const tellers = site.reporters.slice(0, 3).map(({ dialect }) => ({ dialect, origin: unauthenticated }));
      lying(site, domain, [...proven('joined'), ...tellers], step);
      through(domain, usual(domain), 5, step);
    },
  },
  {
    name: 'own-mail-breaks',
    breaks: true,
    what: 'most mail of the main sender fails from the step on',
    plant(_, domain, step) {
      domain.breaks(domain.senders[0]!, { from: step, to: Number.POSITIVE_INFINITY, share: 0.7, mechanism: 'both' });
    },
  },
  {
    name: 'own-mail-breaks-under-attack',
    breaks: true,
    what: 'the same, while strangers report that all passes',
    plant(site, domain, step) {
      domain.breaks(domain.senders[0]!, { from: step, to: Number.POSITIVE_INFINITY, share: 0.7, mechanism: 'both' });
      const passing = (rows: ReportRow[]) =>
        rows.map((row) => ({ ...row, disposition: 'none' as const, dkim: 'pass' as const, spf: 'pass' as const }));
      site.strangers(
        told(domain, proven('praising'), (day, _, root) =>
          day >= step ? passing(lies(domain, root.fork(`praise/${day}`))) : [],
        ),
      );
    },
  },
  {
    name: 'forgotten-sender',
    breaks: true,
    what: 'a service that was never aligned and was delivered is not any more',
    plant(_, domain) {
      domain.service(domain.unused('sendgrid', 'mailgun', 'postmark', 'brevo'), {
        mean: domain.volume * 0.3,
        aligned: 'none',
      });
    },
  },
];
