import { networkOf } from '../report/address.ts';
import { DAY_MS } from '../shared/days.ts';
import { isTransient, messageOf } from '../shared/errors.ts';
import type { Pace } from '../shared/pace.ts';
import type { Log } from '../shared/runtime/log.ts';
import type { ReverseResolver } from '../shared/runtime/resolver.ts';
import type { Context } from '../shared/runtime/service.ts';
import {
  findAddresses,
  forgetAddresses,
  type Lookup,
  makeUnlookedDue,
  putBack,
  saveLookups,
  takeDue,
} from '../store/sources/addresses.ts';
import { lookUp } from './look.ts';
import type { NetworkOwners } from './owners.ts';

/** Addresses looked up between two writes. */
const BATCH = 100;
/** How long a batch may take: after that, another enricher takes the addresses that are left. */
const LEASE_MS = 1_200_000;
/** Source addresses last seen earlier than this are not looked up: no rule looks back that far. */
const RECENT_DAYS = 90;
/** Addresses not seen for this long are deleted. */
const FORGET_DAYS = 400;
const FORGET_EVERY_MS = 6 * 3_600_000;
const FORGET_BATCH = 5_000;
/** The first wait after a failed look-up; each further one is three times as long, up to a day. */
const RETRY_MS = 300_000;

interface Parts {
  context: Context;
  log: Log;
  /** Null when enrich.dns is off. */
  resolver: ReverseResolver | null;
  pace: Pace;
  /** Null when asn_file is not set. */
  owners: Pick<NetworkOwners, 'ownerOf' | 'refresh'> | null;
}

/** Finds the source addresses in stored reports and looks up each one's host name and network owner. */
export class AddressLookups {
  private readonly parts: Parts;
  private started = false;
  private forgetAt = Number.NEGATIVE_INFINITY;

  constructor(parts: Parts) {
    this.parts = parts;
  }

  /** Works until no address is due. */
  async run(signal: AbortSignal, turned: () => void = () => undefined): Promise<void> {
    const { context, resolver, owners } = this.parts;
    const { db, clock } = context;
    // Addresses that were found while enrich.dns was off.
    if (!this.started && resolver !== null) await makeUnlookedDue(db, clock.now(), new Date(clock.now().getTime() + DAY_MS));
    this.started = true;
    await owners?.refresh(db, signal);
    await this.forget(signal);
    while (!signal.aborted) {
      turned();
      const found = await findAddresses(db, this.day(RECENT_DAYS), clock.now());
      const worked = await this.lookUpBatch(signal);
      if (!found && !worked) return;
    }
  }

  /** @returns whether any address was due */
  private async lookUpBatch(signal: AbortSignal): Promise<boolean> {
    const { db, clock, config } = this.parts.context;
    const now = clock.now();
    const due = await takeDue(db, now, { until: new Date(now.getTime() + LEASE_MS), since: this.day(RECENT_DAYS), limit: BATCH });
    const looks: Lookup[] = [];
    const waiting = [...due];
    const work = async () => {
      for (let one = waiting.shift(); one !== undefined && !signal.aborted; one = waiting.shift()) {
        const look = await this.lookUpOne(one, signal);
        if (look !== null) looks.push(look);
      }
    };
    await Promise.all(Array.from({ length: config.enrich.concurrency }, work));
    const sources = await saveLookups(db, clock.now(), looks, networkOf);
    const done = new Set(looks.map((one) => one.address));
    const undone = due.map((one) => one.address).filter((address) => !done.has(address));
    await putBack(db, undone, now);
    if (due.length > 0) {
      const failed = looks.filter((one) => one.error !== null);
      const counts = { addresses: looks.length, failed: failed.length, sources, err: failed[0]?.error };
      this.parts.log.debug(counts, 'addresses were looked up');
    }
    return due.length > 0;
  }

  /** @returns null when the service is being stopped */
  private async lookUpOne(
    { address, attempts }: { address: string; attempts: number },
    signal: AbortSignal,
  ): Promise<Lookup | null> {
    const { context, resolver, pace, owners } = this.parts;
    const { enrich } = context.config;
    const owner = owners?.ownerOf(address) ?? null;
    const now = context.clock.now().getTime();
    if (resolver === null) {
      return { address, names: null, error: null, owner, next_at: new Date(now + enrich.keep_days * DAY_MS) };
    }
    const count = (outcome: string) => context.metrics.addresses.inc({ outcome });
    try {
      const names = await lookUp(address, resolver, pace, signal);
      count(names.confirmed ? 'confirmed' : names.name === null ? 'none' : 'unconfirmed');
      const days = names.confirmed ? enrich.keep_days : Math.min(enrich.keep_days, enrich.keep_nothing_days);
      return { address, names, error: null, owner, next_at: new Date(now + days * DAY_MS) };
    } catch (error) {
      if (!isTransient(error)) throw error;
      if (signal.aborted) return null;
      count('failed');
      const next_at = new Date(now + Math.min(DAY_MS, RETRY_MS * 3 ** attempts));
      return { address, names: null, error: messageOf(error), owner, next_at };
    }
  }

  private async forget(signal: AbortSignal): Promise<void> {
    if (performance.now() < this.forgetAt) return;
    const { db } = this.parts.context;
    let deleted = FORGET_BATCH;
    while (deleted === FORGET_BATCH && !signal.aborted) deleted = await forgetAddresses(db, this.day(FORGET_DAYS), FORGET_BATCH);
    this.forgetAt = performance.now() + FORGET_EVERY_MS;
  }

  private day(daysAgo: number): string {
    return new Date(this.parts.context.clock.now().getTime() - daysAgo * DAY_MS).toISOString().slice(0, 10);
  }
}
