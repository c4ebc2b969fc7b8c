import type { Random } from '../demo/random.ts';
import type { Domain, Flow, Incident } from './model.ts';
import { LARGE } from './reporters.ts';
import { address, always, between, type Habit, ownServers, type Pool, service } from './senders.ts';

/** A domain under construction, and where an incident is put into it. */
export interface Site {
  domain: Domain;
  pool: Pool;
  random: Random;
  days: number;
}

/** One type of incident at one strength. */
export interface Spec {
  type: string;
  strength: string;
  where: 'sending' | 'parked' | 'whole';
  /** How many report days it lasts, at least and at most; null: until the end. */
  lasts: [number, number] | null;
  /** The least volume of a domain in which it makes sense. */
  least?: number;
  /** What the domain must publish. */
  policy?: readonly Domain['policy']['p'][];
  plant(site: Site, incident: Incident): void;
}

/** A flow that is the incident itself, from its first day to its last. */
const within = (incident: Incident) => ({
  growth: 0,
  active: between(incident.begin, incident.end),
  reporters: new Map<string, number>(),
  breaks: [],
  incident: { id: incident.id, from: incident.begin, to: incident.end },
});

/** Mail in the domain's name from somewhere else that fails both. */
function forge(site: Site, incident: Incident, given: { mean: number; sources: number; from?: string; k?: number }): void {
  const { domain, pool, random } = site;
  const name = given.from ?? domain.name;
  const addresses =
    given.sources > 20 ? Array.from({ length: given.sources }, () => address(random)) : pool.network(Math.max(1, given.sources));
  const forgedSignature = random.chance(0.3);
  // A forger may have a domain of his own that SPF passes for: then reports alone cannot distinguish them
  // from a service that was not set up.
  const envelope = random.pick(['ours', 'ours', 'ours', 'ours', 'ours', 'nobody', 'his'] as const);
  const sender = envelope === 'ours' ? name : `promo-drop-${random.hex(4)}.example`;
  domain.flows.push({
    id: incident.id,
    what: 'incident',
    truth: envelope === 'his' ? null : 'unauthorized',
    addresses,
    header_from: name,
    envelope_from: sender,
    spf: { domain: sender, result: { ours: random.pick(['fail', 'softfail']), nobody: 'none', his: 'pass' }[envelope] },
    dkim: forgedSignature ? [{ domain: domain.name, selector: 'default', result: 'fail' }] : [],
    mean: given.mean,
    // What happens once is as large as it is called.
    k: incident.begin === incident.end ? 1000 : (given.k ?? 6),
    weekend: 1,
    ...within(incident),
  });
}

const spoofing = (strength: string, lasts: [number, number], least: number, mean: (domain: Domain) => number): Spec => ({
  type: 'spoofing',
  strength,
  lasts,
  least,
  where: 'sending',
  plant: (site, incident) => forge(site, incident, { mean: mean(site.domain), sources: site.random.int(1, 4) }),
});

const parked = (strength: string, mean: number): Spec => ({
  type: 'parked_spoofing',
  strength,
  lasts: [5, 12],
  where: 'parked',
  plant: (site, incident) => forge(site, incident, { mean, sources: site.random.int(1, 5) }),
});

const botnet = (strength: string, mean: number): Spec => ({
  type: 'botnet',
  strength,
  lasts: [4, 10],
  where: 'sending',
  plant: (site, incident) => forge(site, incident, { mean, sources: Math.round(mean * 1.5), k: 4 }),
});

const subdomain = (
  strength: string,
  label: string,
  mean: number,
  { used = false, lasts = [5, 12] }: { used?: boolean; lasts?: [number, number] } = {},
): Spec => ({
  type: 'subdomain_abuse',
  strength,
  lasts,
  where: 'sending',
  plant: (site, incident) => {
    const { domain, pool, random } = site;
    const from = `${label}.${domain.name}`;
    if (used) {
      const habit: Habit = { mean: Math.max(3, domain.volume * 0.05), k: 12, weekend: 0.5, growth: 0, active: always };
      domain.flows.push({
        ...ownServers({ pool, domain: domain.name, random }, habit),
        id: `own servers as ${from}`,
        header_from: from,
      });
    }
    forge(site, incident, { mean, sources: random.int(1, 6), from });
  },
});

/**
 * The nth service of the domain that has sent since before the first day; made when there is none that is
 * large enough.
 */
function steady(site: Site, how: 'service_dkim' | 'service_spf', least: number, nth = 1): Flow {
  const { domain, pool, random } = site;
  const there = domain.flows.filter((flow) => flow.what === how && flow.mean >= least && flow.breaks.length === 0)[nth - 1];
  if (there) return there;
  const mean = Math.max(least * 1.5, domain.volume * 0.15);
  const flow = service({ pool, domain: domain.name, random }, how, { mean, k: 15, weekend: 0.5, growth: 0, active: always });
  domain.flows.push(flow);
  return flow;
}

const broken = (type: 'dkim_broken' | 'spf_broken', strength: string, share: number): Spec => ({
  type,
  strength,
  lasts: [7, 14],
  where: 'sending',
  least: 150,
  plant: (site, incident) => {
    const flow = steady(site, type === 'dkim_broken' ? 'service_dkim' : 'service_spf', 30);
    flow.breaks.push({
      from: incident.begin,
      to: incident.end,
      share,
      mechanism: type === 'dkim_broken' ? 'dkim' : 'spf',
      incident: incident.id,
    });
  },
});

/** A service that begins to send one day and stays. */
function begins(site: Site, incident: Incident, how: 'service_dkim' | 'service_both' | 'service_unaligned', mean: number): void {
  const habit: Habit = { mean, k: 12, weekend: 0.5, growth: 0, active: between(incident.begin, site.days) };
  const flow = service({ ...site, domain: site.domain.name }, how, habit);
  flow.incident = { id: incident.id, from: incident.begin, to: incident.end };
  site.domain.flows.push(flow);
}

/**
 * Nothing that the domain signs verifies any more, at any of its services and behind any forwarder: one
 * cause, many sources.
 */
const zoneLost: Spec = {
  type: 'dkim_broken',
  strength: 'every key at once',
  lasts: [7, 14],
  where: 'sending',
  least: 300,
  plant: (site, incident) => {
    steady(site, 'service_dkim', 30);
    steady(site, 'service_dkim', 30, 2);
    for (const flow of site.domain.flows) {
      if (!flow.dkim.some((one) => one.domain === site.domain.name && one.result === 'pass')) continue;
      flow.breaks.push({ from: incident.begin, to: incident.end, share: 1, mechanism: 'dkim', incident: incident.id });
    }
  },
};

const newcomer = (
  type: 'misaligned_service' | 'new_service',
  strength: string,
  least: number,
  mean: (domain: Domain) => number,
): Spec => ({
  type,
  strength,
  lasts: null,
  where: 'sending',
  least,
  plant: (site, incident) =>
    begins(
      site,
      incident,
      type === 'misaligned_service' ? 'service_unaligned' : site.random.pick(['service_dkim', 'service_both']),
      mean(site.domain),
    ),
});

const stolen = (strength: string, mean: number, least: number): Spec => ({
  type: 'stolen_credential',
  strength,
  lasts: [4, 10],
  where: 'sending',
  least,
  plant: (site, incident) => {
    const { domain, pool, random } = site;
    // Through a network that the domain's SPF record allows as a whole, as those of large hosters often are.
    site.domain.flows.push({
      id: incident.id,
      what: 'incident',
      truth: null,
      addresses: pool.network(random.int(1, 3)),
      header_from: domain.name,
      envelope_from: domain.name,
      spf: { domain: domain.name, result: 'pass' },
      dkim: [],
      mean,
      k: 6,
      weekend: 1,
      ...within(incident),
    });
  },
});

const surge = (times: number): Spec => ({
  type: 'volume_surge',
  strength: `× ${times}`,
  lasts: [2, 5],
  where: 'sending',
  least: 300,
  plant: (site, incident) => {
    const flow = site.domain.flows.find((one) => one.what === 'own')!;
    const usual = flow.active;
    flow.active = (day) => usual(day) * (day >= incident.begin && day <= incident.end ? times : 1);
    flow.incident = { id: incident.id, from: incident.begin, to: incident.end };
  },
});

const ofReporter = (
  what: 'silent' | 'contradicts' | 'forged',
  type: string,
  strength: string,
  lasts: [number, number],
): Spec => ({
  type,
  strength,
  lasts,
  where: 'sending',
  least: what === 'forged' ? 50 : 500,
  plant: ({ domain, random }, incident) => {
    const reporter = what === 'forged' ? 'google.com' : random.pick(LARGE);
    incident.reporter = reporter;
    domain.events.push({
      what,
      reporter,
      from: incident.begin,
      to: incident.end,
      incident: incident.id,
      mismatched: strength === 'mismatched',
    });
  },
});

const weakened = (p: 'none' | 'quarantine', from: readonly Domain['policy']['p'][]): Spec => ({
  type: 'policy_weakened',
  strength: `p=${p}`,
  lasts: [8, 14],
  where: 'sending',
  policy: from,
  plant: ({ domain }, incident) => {
    domain.policyChanges.push({ from: incident.begin, to: incident.end, p, incident: incident.id });
  },
});

/** Nothing is done: the domain is such that its next step of policy is safe. */
const ready = (p: 'none' | 'quarantine'): Spec => ({
  type: 'policy_ready',
  strength: `p=${p}`,
  lasts: null,
  where: 'whole',
  policy: [p],
  least: 200,
  plant: () => undefined,
});

/** Every type of incident, at every strength. */
export const CATALOGUE: readonly Spec[] = [
  spoofing('15 once', [1, 1], 0, () => 16),
  spoofing('5 a day', [3, 5], 0, () => 5),
  spoofing('10 a day', [6, 12], 0, () => 10),
  spoofing('50 a day', [4, 10], 0, () => 50),
  spoofing('500 a day', [4, 10], 0, () => 500),
  spoofing('5 % of volume', [4, 10], 1500, (domain) => domain.volume * 0.05),
  parked('3 a day', 3),
  parked('20 a day', 20),
  botnet('50 a day', 50),
  botnet('1,000 a day', 1000),
  subdomain('20 once, no such name', 'invoice', 20, { lasts: [1, 1] }),
  subdomain('10 a day, no such name', 'billing-portal', 10),
  subdomain('100 a day, no such name', 'secure-login', 100),
  subdomain('50 a day, a name in use', 'news', 50, { used: true }),
  broken('dkim_broken', 'all', 1),
  broken('dkim_broken', 'half', 0.5),
  zoneLost,
  broken('spf_broken', 'all', 1),
  newcomer('misaligned_service', '20 a day', 100, () => 20),
  newcomer('misaligned_service', '10 % of volume', 400, (domain) => domain.volume * 0.1),
  newcomer('new_service', '20 a day', 100, () => 20),
  newcomer('new_service', '10 % of volume', 400, (domain) => domain.volume * 0.1),
  stolen('30 a day', 30, 100),
  stolen('300 a day', 300, 300),
  surge(3),
  surge(10),
  ofReporter('silent', 'reporter_silent', 'a large one', [12, 16]),
  ofReporter('contradicts', 'verdict_mismatch', 'all its records', [7, 14]),
  ofReporter('forged', 'forged_report', 'unauthenticated', [4, 7]),
  ofReporter('forged', 'forged_report', 'mismatched', [4, 7]),
  weakened('none', ['reject', 'quarantine']),
  weakened('quarantine', ['reject']),
  ready('none'),
  ready('quarantine'),
];

/**
 * A service that was never set up, there since the first day: not dealt out like the others, some domains
 * just have one.
 */
export const STANDING = { type: 'misaligned_service', strength: 'standing' };
