import type { Random } from '../../demo/random.ts';
import type { PublishedPolicy } from '../../demo/report.ts';
import { logNormal } from '../draws.ts';
import { Internet } from '../internet/internet.ts';
import type { Approval, Domain, Incident, Reporter, Strangers, Trap, World } from '../model.ts';
import { makeReporters } from '../reporters.ts';
import { DomainSite } from './domain-site.ts';

const NAMES = ['heron', 'birch', 'cobalt', 'juniper', 'marlow', 'quarry', 'saffron', 'tundra', 'violet', 'wicker'];

export interface DomainOptions {
  /** Messages on an ordinary weekday that all reporters see; drawn from 40 to 20,000 where absent. */
  volume?: number;
  p?: PublishedPolicy['p'];
  sp?: PublishedPolicy['sp'];
  aspf?: 'r' | 's';
  adkim?: 'r' | 's';
  /** Sends nothing. */
  parked?: boolean;
  /**
   * Own servers, services, a forwarder or two, and the trickle of forged mail. False: nothing but what the
   * family adds. Default true.
   */
  usual?: boolean;
  /** False: no trickle of forged mail either, for worlds of very many domains. */
  noise?: boolean;
}

/** A world under construction: what a family gets to plant its behaviour in. */
export class Site {
  readonly random: Random;
  /** Report days are numbered from 0 to `days` - 1. */
  readonly days: number;
  readonly internet: Internet;
  readonly reporters: readonly Reporter[];
  readonly world: World;

  constructor(random: Random, days: number, nameless = false) {
    this.random = random;
    this.days = days;
    this.internet = new Internet(random.fork('internet'), nameless);
    const { reporters, traps } = makeReporters(random.fork('reporters'), days);
    this.reporters = reporters;
    this.world = { seed: 0, days, domains: [], incidents: [], traps, truth: new Map(), internet: this.internet };
  }

  /** A domain of ours, with what an ordinary one sends. */
  domain(options: DomainOptions = {}): DomainSite {
    const { random } = this;
    const n = this.world.domains.length;
    const name = `${NAMES[n % NAMES.length]}${n >= NAMES.length ? Math.floor(n / NAMES.length) : ''}.example`;
    const own = random.fork(name);
    const parked = options.parked ?? false;
    const volume = parked ? 0 : (options.volume ?? Math.min(20_000, Math.max(40, logNormal(own, 700, 1.5))));
    const domain: Domain = {
      name,
      parked,
      policy: {
        p: options.p ?? own.pick(parked ? ['reject', 'reject', 'none'] : ['none', 'none', 'quarantine', 'reject']),
        sp:
          options.sp === undefined ? (own.chance(0.2) ? own.pick(['none', 'quarantine', 'reject'] as const) : null) : options.sp,
        adkim: options.adkim ?? 'r',
        aspf: options.aspf ?? 'r',
      },
      policyChanges: [],
      volume,
      flows: [],
      mix: mixOf(this.reporters, volume, own.fork('mix')),
      events: [],
    };
    this.world.domains.push(domain);
    this.world.truth.set(name, new Map());
    const site = new DomainSite(this, domain, own);
    if (!parked && options.usual !== false) site.usual();
    if (options.noise !== false) site.noise();
    return site;
  }

  /** A report day with at least `habit` days before it and `after` behind it. */
  day(after: number, habit = 35): number {
    return this.random.int(Math.min(habit, this.days - after - 1), this.days - 1 - after);
  }

  /** A number with a log-uniform prior: each order of magnitude is as likely. */
  between(least: number, most: number): number {
    return least * (most / least) ** this.random.next();
  }

  /** The first tick at which the program runs: all mail from before waits in the mailbox then. */
  startAt(tick: number): void {
    this.world.firstTick = tick;
  }

  /** Notes for the reader of a false alarm what happened there. */
  trap(what: string, domain: string, begin: number, end: number): void {
    const trap: Trap = { what, domain, begin, end };
    this.world.traps.push(trap);
  }

  approval(one: Approval): void {
    this.world.approvals = [...(this.world.approvals ?? []), one];
  }

  /** Somebody beside the reporters mails reports. */
  strangers(one: Strangers): void {
    this.world.strangers = [...(this.world.strangers ?? []), one];
  }

  /** A reporter says nothing to anybody on these report days. */
  outage(reporter: string, from: number, to: number): void {
    this.reporter(reporter).outages.push({ from, to });
    this.trap(`${reporter} is out`, '*', from, to);
  }

  /** What a reporter says of these report days comes three days late. */
  late(reporter: string, from: number, to: number): void {
    this.reporter(reporter).lateBurst = { from, to };
    this.trap(`${reporter} is late`, '*', from, to);
  }

  /** By its `org_name`. */
  reporter(name: string): Reporter {
    const found = this.reporters.find(({ dialect }) => dialect.org_name === name);
    if (!found) throw new Error(`The model has no reporter ${name}: ${this.reporters.map(({ dialect }) => dialect.org_name)}.`);
    return found;
  }

  incident(one: Incident): void {
    this.world.incidents.push(one);
  }
}

/** Who reports on the domain: small ones see few, and a small domain none of them. */
function mixOf(reporters: readonly Reporter[], volume: number, random: Random): Domain['mix'] {
  const weighed = reporters.map((reporter) => ({ reporter, share: logNormal(random, reporter.share, 0.5) }));
  const kept = weighed.filter(
    ({ reporter }) => reporter.share >= 0.1 || (volume > 100 && random.chance(0.5)) || random.chance(0.1),
  );
  const sum = kept.reduce((total, { share }) => total + share, 0);
  return kept.map(({ reporter, share }) => ({ reporter, share: share / sum }));
}
