import { type CheckOptions, checkDomain, type DomainCheck } from '../check/check.ts';
import type { Dns } from '../client/types.ts';
import type { GuardFinding } from './codes.ts';
import { compareDomain, wantedSelectors } from './compare.ts';
import { type Aspects, aspectsOf, compareAspects, type Pair, pairFindings, selectorsOf } from './environments.ts';
import type { Guard, GuardedDomain } from './file.ts';

/** What was found of a domain of one environment. */
export interface GuardedCheck {
  guarded: GuardedDomain;
  check: DomainCheck;
  /** Where it differs from what is declared, and from its counterpart. */
  findings: GuardFinding[];
  /** Null: it is compared with no other environment. */
  pair: Pair | null;
}

/** Checks the domains of a guard file one after the other, each asked about once. */
export class GuardChecker {
  private readonly guard: Guard;
  private readonly dns: Dns;
  private readonly options: CheckOptions;
  private readonly checks = new Map<string, Promise<DomainCheck>>();

  constructor(guard: Guard, dns: Dns, options: CheckOptions = {}) {
    this.guard = guard;
    this.dns = dns;
    this.options = options;
  }

  /** What `dns check` finds of a domain, with the selectors that the file names. */
  check(domain: string): Promise<DomainCheck> {
    let check = this.checks.get(domain);
    if (check === undefined) {
      const selectors = [...new Set([...(this.options.selectors ?? []), ...wantedSelectors(this.guard, domain)])];
      check = checkDomain(domain, this.dns, { ...this.options, selectors });
      this.checks.set(domain, check);
    }
    return check;
  }

  async of(guarded: GuardedDomain): Promise<GuardedCheck> {
    const check = await this.check(guarded.domain);
    const differences = await compareDomain(guarded, check, this.dns, this.asking());
    const pair = await this.pair(guarded);
    return { guarded, check, findings: [...differences, ...(pair === null ? [] : pairFindings(pair))], pair };
  }

  /** Compares a domain with its counterpart in the reference environment. */
  private async pair(of: GuardedDomain): Promise<Pair | null> {
    const { reference, environments } = this.guard;
    if (of.like === null) return null;
    const counterpart = environments.find(({ name }) => name === reference)?.domains.find(({ domain }) => domain === of.like);
    const selectors = selectorsOf(of, counterpart);
    const aspects = async (domain: string): Promise<Aspects> =>
      aspectsOf(domain, await this.check(domain), selectors, { dns: this.dns, options: this.asking() });
    const comparisons = compareAspects(of, await aspects(of.domain), await aspects(of.like));
    return { of, like: { environment: reference, domain: of.like }, comparisons };
  }

  private asking() {
    return { signal: this.options.signal, ...(this.options.budget === undefined ? {} : { budget: this.options.budget }) };
  }
}
