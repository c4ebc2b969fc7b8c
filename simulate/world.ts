import { Random } from '../demo/random.ts';
import { CATALOGUE, type Site, type Spec, STANDING } from './catalogue.ts';
import { logNormal } from './draws.ts';
import type { Domain, Incident, Reporter, Trap, World } from './model.ts';
import { makeReporters } from './reporters.ts';
import { always, between, forwarder, type Habit, mailingList, noise, ownServers, Pool, service } from './senders.ts';

/** Report days without planted incidents at the begin: what is there then is a domain's habit. */
const HABIT_DAYS = 28;
/** From so many days of habit on, evidence that the next policy is safe can be asked for. */
const READY_DAYS = 30;
const NAMES = [
  'heron',
  'birch',
  'cobalt',
  'juniper',
  'marlow',
  'quarry',
  'saffron',
  'tundra',
  'violet',
  'wicker',
  'amber',
  'dune',
];

interface Slot {
  from: number;
  days: number;
}

/**
 * Builds a world: domains, what sends as them, who reports, and what goes wrong. The same options give the
 * same world.
 */
export function buildWorld(options: { seed: number; domains: number; days: number }): World {
  const { seed, domains: count, days } = options;
  const random = new Random(`simulate/${seed}`);
  const { reporters, traps } = makeReporters(random.fork('reporters'), days);
  const world: World = { seed, days, domains: [], incidents: [], traps, truth: new Map() };
  const dealt = deal(random.fork('deal'), count, slotsOf(days).length);
  for (const [i, specs] of dealt.entries()) {
    const name = `${NAMES[i % NAMES.length]}-${String(i + 1).padStart(2, '0')}.example`;
    buildDomain(world, { name, specs }, reporters, random.fork(name));
  }
  return world;
}

/** The stretches after the habit that get an incident each. Between two lies one that gets a trap. */
function slotsOf(days: number): Slot[] {
  const begin = Math.min(HABIT_DAYS, Math.floor(days / 2));
  const left = days - begin - 2;
  if (left < 45) return [{ from: begin, days: left }];
  const third = Math.floor(left / 3);
  return [
    { from: begin, days: third },
    { from: begin + 2 * third, days: third },
  ];
}

/**
 * Which incidents each domain gets: all of the catalogue in turn, one in ten domains parked, one in ten ready
 * for its next policy.
 */
function deal(random: Random, domains: number, slots: number): Spec[][] {
  const endless = (where: Spec['where']) => {
    let queue: Spec[] = [];
    return (not: readonly Spec[]): Spec => {
      for (;;) {
        const at = queue.findIndex((spec) => !not.some((other) => other.type === spec.type));
        if (at >= 0) return queue.splice(at, 1)[0]!;
        queue = [...queue, ...random.shuffle(CATALOGUE.filter((spec) => spec.where === where))];
      }
    };
  };
  const next = { sending: endless('sending'), parked: endless('parked'), whole: endless('whole') };
  return Array.from({ length: domains }, (_, i) => {
    if (i % 10 === 9) return [next.whole([])];
    const where = i % 10 === 4 ? 'parked' : 'sending';
    const specs: Spec[] = [];
    for (let slot = 0; slot < slots; slot++) specs.push(next[where](where === 'parked' ? [] : specs));
    return specs;
  });
}

function buildDomain(
  world: World,
  { name, specs }: { name: string; specs: readonly Spec[] },
  reporters: readonly Reporter[],
  random: Random,
): void {
  const parked = specs[0]?.where === 'parked';
  const least = Math.max(25, ...specs.map((spec) => spec.least ?? 0));
  const volume = parked ? 0 : Math.min(300_000, Math.max(least * (1 + random.next()), logNormal(random, 800, 2)));
  const wanted = specs.flatMap((spec) => (spec.policy ? [spec.policy] : []));
  const policies = (['none', 'quarantine', 'reject'] as const).filter((p) => wanted.every((list) => list.includes(p)));
  const p = parked ? 'reject' : random.pick(policies);
  // A service that SPF alone aligns has its return path below the domain, so there cannot be one under
  // aspf=s.
  const strict = random.chance(0.1) && !specs.some((spec) => spec.type === 'spf_broken');
  const domain: Domain = {
    name,
    parked,
    policy: {
      p: parked && random.chance(0.3) ? 'none' : p,
      sp: random.chance(0.25) ? random.pick(['none', 'quarantine', 'reject'] as const) : null,
      adkim: 'r',
      aspf: strict ? 's' : 'r',
    },
    policyChanges: [],
    volume,
    flows: [],
    mix: mixOf(reporters, volume, random.fork('mix')),
    events: [],
  };
  const pool = new Pool(random);
  const site: Site = { domain, pool, random: random.fork('incidents'), days: world.days };
  if (!parked) addSenders(site, random.fork('senders'));
  domain.flows.push(noise(name, random.fork('noise'), parked));

  const slots = slotsOf(world.days);
  for (const [i, spec] of specs.entries()) {
    const slot = slots[i]!;
    const latest = spec.lasts ? Math.max(0, Math.min(4, slot.days - spec.lasts[1] - 1)) : 4;
    const begin = spec.where === 'whole' ? Math.min(READY_DAYS, slot.from) : slot.from + site.random.int(0, latest);
    const length = spec.lasts ? Math.min(site.random.int(...spec.lasts), Math.max(1, slot.days - 1)) : world.days;
    plant(world, site, spec, { begin, end: Math.min(world.days - 1, begin + length - 1) });
  }
  const whole = specs.some((spec) => spec.where === 'whole');
  if (!parked && !whole && volume >= 150 && random.chance(0.2)) addStanding(world, site);
  for (const flow of domain.flows) {
    if (flow.reporters.size === 0 && (flow.truth === 'authorized' || flow.truth === 'misaligned')) {
      flow.reporters = audience(domain, random.fork(`audience/${flow.id}`));
    }
  }
  if (!parked) addTrap(world, site, random.fork('trap'));
  world.domains.push(domain);
  world.truth.set(name, new Map());
}

function incidentOf(site: Site, spec: { type: string; strength: string }, begin: number, end: number): Incident {
  const id = `${site.domain.name}/${spec.type}/${begin}`;
  const empty = { messages: 0, delivered: 0, addresses: new Set<string>(), seen: null, of: 0 };
  return { id, domain: site.domain.name, type: spec.type, strength: spec.strength, begin, end, reporter: null, ...empty };
}

function plant(world: World, site: Site, spec: Spec, days: { begin: number; end: number }): void {
  const incident = incidentOf(site, spec, days.begin, days.end);
  spec.plant(site, incident);
  world.incidents.push(incident);
}

/** A rightful service that was never set up: wrong since the first day, and worth an alarm. */
function addStanding(world: World, site: Site): void {
  const incident = incidentOf(site, STANDING, 0, world.days - 1);
  const share = 0.03 + 0.07 * site.random.next();
  const habit: Habit = { mean: Math.max(8, site.domain.volume * share), k: 12, weekend: 0.5, growth: 0, active: always };
  const flow = service({ ...site, domain: site.domain.name }, 'service_unaligned', habit);
  flow.incident = { id: incident.id, from: 0, to: world.days - 1 };
  site.domain.flows.push(flow);
  world.incidents.push(incident);
}

/**
 * What a domain sends by itself: its own servers, services in several shapes, campaigns, and what forwarders
 * and lists make of it.
 */
function addSenders(site: Site, random: Random): void {
  const { domain, pool } = site;
  const { name, volume } = domain;
  const place = { pool, domain: name, random };
  const weekend = random.chance(0.6) ? 0.15 + 0.2 * random.next() : 0.7 + 0.3 * random.next();
  const growth = random.chance(0.25) ? 0.003 + 0.007 * random.next() : 0;
  const habit = (mean: number, k: number): Habit => ({ mean, k, weekend, growth, active: always });

  const own = 0.35 + 0.3 * random.next();
  domain.flows.push(ownServers(place, habit(volume * own, 25)));
  const shapes = domain.policy.aspf === 's' ? ['service_dkim'] : ['service_dkim', 'service_dkim', 'service_spf', 'service_both'];
  const services = volume < 60 ? 1 : random.int(1, 4);
  for (let i = 0; i < services; i++) {
    const how = random.pick(shapes) as 'service_dkim' | 'service_spf' | 'service_both';
    domain.flows.push(service(place, how, habit((volume * (1 - own)) / services, 12)));
  }
  if (volume >= 100 && random.chance(0.5)) {
    const period = random.int(7, 14);
    const first = random.int(1, 6);
    const length = random.int(1, 2);
    const mean = volume * (0.3 + 1.2 * random.next());
    const active = (day: number) => (day >= first && (day - first) % period < length ? 1 : 0);
    domain.flows.push(service(place, 'campaign', { mean, k: 10, weekend: 1, growth: 0, active }));
  }
  const forwarders = volume < 200 ? random.int(0, 1) : random.int(1, 4);
  for (let n = 1; n <= forwarders; n++) {
    const mean = Math.max(0.5, Math.min(volume * 0.02, logNormal(random, volume * 0.004, 0.8)));
    const target = random.pick(domain.mix).reporter.dialect.org_name;
    domain.flows.push(forwarder(place, { ...habit(mean, 4), growth: 0 }, target, n));
  }
  if (volume >= 200 && random.chance(0.5)) {
    const mean = Math.max(1, volume * 0.01 * random.next());
    domain.flows.push(mailingList(place, { ...habit(mean, 3), growth: 0 }));
  }
}

/** Who reports on the domain: small ones see few, and a small domain none of them. */
function mixOf(reporters: readonly Reporter[], volume: number, random: Random): Domain['mix'] {
  const weighed = reporters.map((reporter) => ({ reporter, share: logNormal(random, reporter.share, 0.5) }));
  const kept = weighed.filter(({ reporter }) => reporter.share >= 0.1 || volume > 100 || random.chance(0.3));
  const sum = kept.reduce((total, { share }) => total + share, 0);
  return kept.map(({ reporter, share }) => ({ reporter, share: share / sum }));
}

/** A sender's own readers: a newsletter goes to other receivers than invoices do. */
function audience(domain: Domain, random: Random): ReadonlyMap<string, number> {
  return new Map(domain.mix.map(({ reporter }) => [reporter.dialect.org_name, logNormal(random, 1, 0.5)]));
}

/** One thing of a domain that must not alarm, between its incidents. */
function addTrap(world: World, site: Site, random: Random): void {
  const { domain, pool } = site;
  const slots = slotsOf(world.days);
  const begin = slots.length > 1 ? slots[0]!.from + slots[0]!.days + 2 : Math.max(8, slots[0]!.from - 8);
  const kinds = ['a reporter doubles', 'new forwarder', ...(domain.volume >= 5000 ? ['2 % wobble', '2 % wobble'] : [])];
  const trap: Trap = { what: random.pick(kinds), domain: domain.name, begin, end: Math.min(world.days - 1, begin + 5) };
  if (trap.what === 'a reporter doubles') {
    const reporter = random.pick(domain.mix.filter(({ share }) => share > 0.05)).reporter.dialect.org_name;
    domain.events.push({ what: 'doubled', reporter, from: trap.begin, to: trap.end, incident: null });
  } else if (trap.what === 'new forwarder') {
    const mean = Math.max(3, Math.min(40, domain.volume * 0.008));
    const target = random.pick(domain.mix).reporter.dialect.org_name;
    const habit: Habit = { mean, k: 4, weekend: 0.5, growth: 0, active: between(begin, world.days) };
    domain.flows.push(forwarder({ pool, domain: domain.name, random }, habit, target, 9));
    trap.end = world.days - 1;
  } else {
    const own = domain.flows.find((flow) => flow.what === 'own')!;
    own.breaks.push({ from: trap.begin, to: trap.end, share: 0.02, mechanism: 'both', incident: null });
  }
  world.traps.push(trap);
}
