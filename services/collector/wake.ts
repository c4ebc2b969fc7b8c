import type { Context } from '../shared/runtime/service.ts';
import { slices } from '../shared/slices.ts';

/** Domains named in one job. */
const DOMAINS_PER_JOB = 1_000;
/**
 * A domain is waken once in this time: its mail comes all the time, and the analyzer's sweep finds the rest.
 */
const BETWEEN_MS = 30_000;
/** Domains remembered. */
const REMEMBERED = 100_000;

/** Wakes the analyzer for domains whose logs were read, each now and then. */
export class Wake {
  private readonly context: Pick<Context, 'queues' | 'clock'>;
  private readonly woken = new Map<string, number>();

  constructor(context: Pick<Context, 'queues' | 'clock'>) {
    this.context = context;
  }

  /** @param domains own domains of which work is noted */
  async domains(domains: readonly string[]): Promise<void> {
    const now = this.context.clock.now().getTime();
    const due = domains.filter((domain) => now - (this.woken.get(domain) ?? Number.NEGATIVE_INFINITY) >= BETWEEN_MS);
    if (this.woken.size + due.length > REMEMBERED) this.woken.clear();
    for (const domain of due) this.woken.set(domain, now);
    for (const some of slices(due, DOMAINS_PER_JOB)) await this.context.queues.add('analyze', { domains: some });
  }
}
