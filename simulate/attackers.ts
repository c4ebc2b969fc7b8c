import { Random } from '../demo/random.ts';
import type { ReportDescription, ReportRow } from '../demo/report.ts';
import type { Calendar } from './calendar.ts';
import { type DrawnDay, genuine, mailOf, type SimulatedMail } from './mails.ts';
import type { Domain, Incident, World } from './model.ts';
import { university } from './reporters.ts';
import { address } from './senders.ts';
import { policyOn, trafficOf } from './traffic.ts';

/** What strangers want, each with a DKIM-proven domain of his own (or several). */
export const ATTACKS = {
  hide: "one mail with backdated passes makes the attacker's network authorized",
  win_ready: 'passes that push policy_ready',
  cancel_ready: 'failures that hold policy_ready back',
  raise: 'a flood that never was raises a critical',
  resolve: 'passes and silence end a true finding',
  sleeper: 'long agreement, then a lie',
  brothers: 'the same, five domains together',
  drown: 'a volume that outweighs all others',
  names: 'a flood in names that look like known ones',
  backdated: 'a lie by a reporter whose reports go back for months, all come today',
} as const;
export type Aim = keyof typeof ATTACKS;

export interface Attack {
  id: string;
  aim: Aim;
  domain: string;
  /** The incident that he wants hidden or ended; of cancel_ready the one that he holds back. */
  incident: string | null;
  /** The report day from which he lies. */
  from: number;
  /** His domains. */
  strangers: readonly string[];
}

/** Days of agreement before a sleeper lies, as far as the world has them. */
const ASLEEP = 90;
const TRUE_ATTACKS = ['spoofing', 'parked_spoofing', 'subdomain_abuse'];
const LOOK_ALIKES = [
  'Google LLC.',
  'g\u043E\u043Egle.com',
  'goo\u200Bgle.com',
  'Enterprise Outlook DMARC',
  'Google Reports',
  'Yahoo!',
];
const HOUR = 3600;

/** One attack of each aim, on the domains that it fits; as few as possible on one domain. */
export function planAttacks(world: World): Attack[] {
  const random = new Random(`simulate/${world.seed}/attackers`);
  const used = new Map<string, number>();
  return (Object.keys(ATTACKS) as Aim[]).flatMap((aim): Attack[] => {
    const fit = world.domains.flatMap((domain): { domain: Domain; incident: Incident | null }[] => {
      const own = world.incidents.filter((one) => one.domain === domain.name);
      const of = (types: readonly string[]) => own.find((one) => types.includes(one.type) && one.strength !== 'faint') ?? null;
      if (aim === 'hide' || aim === 'resolve') {
        // Not a botnet: its addresses are as many as its mails, and cannot be named beforehand.
        const incident = of(TRUE_ATTACKS);
        return incident ? [{ domain, incident }] : [];
      }
      if (aim === 'cancel_ready') {
        const incident = of(['policy_ready']);
        return incident ? [{ domain, incident }] : [];
      }
      if (aim === 'win_ready')
        return domain.policy.p !== 'reject' && !domain.parked && !of(['policy_ready']) ? [{ domain, incident: null }] : [];
      return domain.parked ? [] : [{ domain, incident: null }];
    });
    if (fit.length === 0) return [];
    const least = Math.min(...fit.map(({ domain }) => used.get(domain.name) ?? 0));
    const { domain, incident } = random.pick(fit.filter((one) => (used.get(one.domain.name) ?? 0) === least));
    used.set(domain.name, least + 1);
    const brothers = aim === 'brothers' ? 5 : 1;
    const strangers = Array.from({ length: brothers }, (_, i) =>
      `${aim.replace('_', '-')}-${i}.stranger.example`.replace('.stranger', '-stranger'),
    );
    return [
      {
        id: `${aim} ${domain.name}`,
        aim,
        domain: domain.name,
        incident: incident?.id ?? null,
        from: lieFrom(aim, incident, world, random),
        strangers,
      },
    ];
  });
}

function lieFrom(aim: Aim, incident: Incident | null, { days }: World, random: Random): number {
  switch (aim) {
    case 'hide':
      return Math.max(1, incident!.begin - 1);
    case 'resolve':
      return Math.min(days - 2, incident!.begin + 2);
    case 'sleeper':
    case 'brothers':
      return Math.min(ASLEEP, days - 8);
    case 'win_ready':
    case 'cancel_ready':
      return 10;
    default:
      return random.int(Math.floor(days / 2), days - 12);
  }
}

/** A day of a world, on which its attacks are carried out. */
export interface AttackedDay {
  world: World;
  day: number;
  calendar: Calendar;
  root: Random;
}

/** The mails by which an attack speaks of a report day. */
export async function attackMails(attack: Attack, on: AttackedDay): Promise<SimulatedMail[]> {
  const { world, day, calendar, root } = on;
  const domain = world.domains.find(({ name }) => name === attack.domain)!;
  const mails: SimulatedMail[] = [];
  for (const [i, stranger] of attack.strangers.entries()) {
    // The accomplices report the same lie.
    const random = root.fork(`attack/${attack.id}/${day}`);
    for (const lie of reportsOf(attack, domain, on, random)) {
      if (lie.rows.length === 0) continue;
      const own = root.fork(`attack/${attack.id}/${day}/${lie.about}/${i}/${lie.name}`);
      mails.push(await strangersMail(stranger, lie, domain, { day, calendar, random: own }));
    }
  }
  return mails;
}

interface Lie {
  name: string;
  /** The report day that it speaks of; what arrives with day `day` may be backdated. */
  about: number;
  rows: ReportRow[];
}

function reportsOf(
  { aim, from, incident }: Attack,
  domain: Domain,
  { world, day, calendar, root }: AttackedDay,
  random: Random,
): Lie[] {
  const lying = day >= from;
  const lie = (rows: ReportRow[], about = day, name = 'Harbour Mail'): Lie[] => [{ name, about, rows }];
  const culprits = () =>
    world.domains.flatMap(({ flows }) =>
      flows.filter((flow) => flow.incident?.id === incident).flatMap((flow) => flow.addresses),
    );
  switch (aim) {
    case 'hide': {
      if (day !== from) return [];
      const rows = culprits()
        .slice(0, 20)
        .map((ip) => row(domain, ip, 400, true));
      return [60, 50, 40, 30, 20, 10, 3].flatMap((ago) => lie(rows, Math.max(-30, day - ago)));
    }
    case 'resolve':
      return lying
        ? lie([
            ...culprits()
              .slice(0, 20)
              .map((ip) => row(domain, ip, 300, true)),
            ...truthOf(domain, day, calendar, root),
          ])
        : [];
    case 'win_ready':
      return lying ? lie(['198.51.100.71', '198.51.100.72'].map((ip) => row(domain, ip, 5_000, true))) : [];
    case 'cancel_ready':
      return lying ? lie(flood(domain, random, 8, 400)) : [];
    case 'raise':
      return lying && day < from + 6 ? lie(flood(domain, random, 10, 3_000)) : [];
    case 'sleeper':
    case 'brothers':
      return lie(lying ? flood(domain, random, 10, 2_000) : truthOf(domain, day, calendar, root));
    case 'drown':
      return lying ? lie([row(domain, '198.51.100.77', 50_000_000, true), ...flood(domain, random, 3, 10_000_000)]) : [];
    case 'names':
      return lying && day < from + 4 ? LOOK_ALIKES.flatMap((name) => lie(flood(domain, random, 4, 2_000), day, name)) : [];
    case 'backdated': {
      if (day === from)
        return Array.from({ length: 40 }, (_, i) =>
          lie(truthOf(domain, Math.max(0, day - 40 + i), calendar, root), day - 40 + i),
        ).flat();
      return lying && day < from + 6 ? lie(flood(domain, random, 10, 2_000)) : [];
    }
  }
}

/** What an honest small reporter would say: a part of what the largest sees. */
function truthOf(domain: Domain, day: number, calendar: Calendar, root: Random): ReportRow[] {
  const [largest] = trafficOf(domain, day, calendar, root);
  return (largest ?? []).slice(0, 40).map(({ flow: _, incident: __, ...one }) => ({ ...one, count: Math.ceil(one.count / 10) }));
}

/** Mail in the domain's name that nothing authenticates, delivered, from so many networks. */
function flood(domain: Domain, random: Random, networks: number, messages: number): ReportRow[] {
  return Array.from({ length: networks }, () => row(domain, address(random), random.int(messages / 2, messages), false));
}

function row(domain: Domain, source_ip: string, count: number, passes: boolean): ReportRow {
  const result = passes ? 'pass' : 'fail';
  return {
    source_ip,
    count,
    disposition: 'none',
    dkim: result,
    spf: result,
    reasons: [],
    header_from: domain.name,
    envelope_from: domain.name,
    envelope_to: 'harbour.example',
    auth: { dkim: passes ? [{ domain: domain.name, selector: 's1', result }] : [], spf: { domain: domain.name, result } },
  };
}

async function strangersMail(
  stranger: string,
  { name, about, rows }: Lie,
  domain: Domain,
  { day, calendar, random }: DrawnDay,
): Promise<SimulatedMail> {
  const dialect = university(stranger, name);
  const range = dialect.range(calendar.midnight(about), random);
  const report: ReportDescription = {
    report_id: dialect.reportId(random, range, domain.name),
    domain: domain.name,
    policy: policyOn(domain, Math.max(0, about)),
    ...range,
    rows,
  };
  const sent = calendar.midnight(day + 1) + 6 * HOUR + random.int(60, 3000);
  return mailOf(dialect, report, sent, { calendar, random, originOf: genuine });
}
