import type { Dns } from '../dns/client/types.ts';
import { ownDomains } from '../report/hostname.ts';
import { organizationalDomain } from '../report/orgdomain.ts';
import { type Context, firstStuck, type Loop, repeat, sweepMs } from '../shared/runtime/service.ts';
import {
  type Check,
  type DueDomain,
  findDomains,
  forgetDomains,
  mailboxAddresses,
  saveCheck,
  takeForeign,
  takeOwn,
} from '../store/domains/checks.ts';
import { putOwn } from '../store/domains/domains.ts';
import { addressOf, type Proof, proveDomain } from './proof.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** Own and foreign domains in a batch, and the number that is checked at once. */
const OWN_BATCH = 50;
const FOREIGN_BATCH = 20;
const AT_ONCE = 10;
/** The longest time for one domain, however slow its name servers are. */
const CHECK_MS = 20_000;
/** Limits for foreign domains without a result: a few thousand queries an hour at most. */
const FOREIGN = { limit: FOREIGN_BATCH, perHour: 600, perReporter: 60 };
/** How long a batch may take: after that, another enricher takes the domains that are left. */
const LEASE_MS = 15 * MINUTE_MS;
/** A mailbox that was not read for this long is no longer considered ours. */
const READ_DAYS = 30;
/** Consecutive definite denials after which a proven domain counts as lost. */
export const LOST_CHECKS = 3;
const FORGET_DAYS = 90;
const FORGET_BATCH = 5_000;

/**
 * Finds the domains in stored reports and asks DNS whose they are, once and then from time to time. Nothing
 * waits for it. Own and foreign domains are checked in parallel, so that neither slow name servers nor
 * invented names delay the own ones.
 */
export function watchDomains(context: Context, dns: Dns | null): Loop {
  const checks = new DomainChecks(context, dns);
  const everyMs = sweepMs(context.config);
  const { log } = checks;
  const finding = repeat(
    everyMs,
    (signal, turned) => checks.find(signal, turned),
    log,
    'checking whose the reported domains are',
  );
  const keeping = repeat(
    everyMs,
    (signal) => checks.keep(signal),
    log,
    'checking whether own domains still send their reports here',
  );
  return {
    stuck: () => firstStuck([finding, keeping]),
    async stop() {
      await Promise.all([finding.stop(), keeping.stop()]);
    },
  };
}

class DomainChecks {
  readonly log: Context['log'];
  private readonly context: Context;
  private readonly dns: Dns | null;
  private listed = false;

  constructor(context: Context, dns: Dns | null) {
    this.context = context;
    this.dns = dns;
    this.log = context.log.child({ service: 'enricher' });
  }

  /**
   * Finds the domains of stored reports, forgets those that are no longer reported, and checks foreign ones.
   */
  async find(signal: AbortSignal, turned: () => void): Promise<void> {
    const { config, db, clock } = this.context;
    if (!this.listed) await putOwn(db, ownDomains(config.domains).names, 'listed', { now: clock.now(), ignored: true });
    this.listed = true;
    while (!signal.aborted && (await findDomains(db, clock.now(), organizationalDomain))) turned();
    await forgetDomains(db, this.after(-FORGET_DAYS * DAY_MS), FORGET_BATCH);
    await this.checkAll(signal, () => takeForeign(db, clock.now(), this.after(LEASE_MS), FOREIGN));
  }

  /** Checks the own domains that are due. */
  async keep(signal: AbortSignal): Promise<void> {
    const { db, clock } = this.context;
    await this.checkAll(signal, () => takeOwn(db, clock.now(), this.after(LEASE_MS), OWN_BATCH));
  }

  private async checkAll(signal: AbortSignal, take: () => Promise<DueDomain[]>): Promise<void> {
    const { dns } = this;
    const ours = await this.addresses();
    if (dns === null || ours.size === 0 || signal.aborted) return;
    const waiting = [...(await take())];
    const worker = async () => {
      for (let one = waiting.shift(); one && !signal.aborted; one = waiting.shift()) await this.check(one, ours, dns, signal);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
  }

  private async check(one: DueDomain, ours: ReadonlySet<string>, dns: Dns, signal: AbortSignal): Promise<void> {
    const proof = await proveDomain(one.domain, ours, dns, AbortSignal.any([signal, AbortSignal.timeout(CHECK_MS)]));
    // An interrupted check is due again when its lease ends.
    if (signal.aborted) return;
    const now = this.context.clock.now();
    const found = checkOf(one, proof, now);
    await saveCheck(this.context.db, now, found);
    if (proof.state === 'proven' && !one.confirmed)
      this.log.info({ domain: proof.at, why: proof.reason }, 'DNS proves that a domain is ours');
    if (found.lost && !one.lost)
      this.log.warn({ domain: one.domain, why: proof.reason }, 'DNS no longer proves that a domain is ours');
  }

  /** The addresses that our mailboxes receive reports at, as read and as set. */
  private async addresses(): Promise<ReadonlySet<string>> {
    const read = await mailboxAddresses(this.context.db, this.after(-READ_DAYS * DAY_MS));
    const set = this.context.config.mailboxes.flatMap((mailbox) => mailbox.addresses);
    return new Set([...read, ...set].flatMap((text) => addressOf(text) ?? []));
  }

  private after(ms: number): Date {
    return new Date(this.context.clock.now().getTime() + ms);
  }
}

/** The consequence of a check: whether a domain is lost, and when it is checked again. */
export function checkOf(one: DueDomain, proof: Proof, now: Date): Check {
  const lost = one.lost || (one.confirmed && proof.state === 'denied' && one.denied + 1 >= LOST_CHECKS);
  const due = new Date(now.getTime() + waitOf(one, proof));
  return {
    domain: one.domain,
    state: proof.state,
    reason: proof.reason,
    at: proof.state === 'proven' ? proof.at : null,
    lost: lost && proof.state !== 'proven',
    due,
  };
}

function waitOf(one: DueDomain, proof: Proof): number {
  if (proof.state === 'proven') return DAY_MS;
  if (proof.state === 'unknown') return Math.min(6 * HOUR_MS, 10 * MINUTE_MS * 2 ** one.attempts);
  // Someone may be fixing it.
  if (one.confirmed) return one.lost ? 6 * HOUR_MS : HOUR_MS;
  const longest = one.vouched ? DAY_MS : 7 * DAY_MS;
  return Math.min(longest, HOUR_MS * 4 ** one.attempts);
}
