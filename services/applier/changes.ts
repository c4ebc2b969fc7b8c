import { messageOf } from '../shared/errors.ts';
import type { Config } from '../shared/settings/config.ts';
import { isNewCopy } from '../store/grants/due.ts';
import { whileAlone } from '../store/requests/alone.ts';
import { toApply } from '../store/requests/applying.ts';
import { type Applying, applyRequest } from './apply.ts';
import { closeManual } from './manual.ts';
import { rotateKeys } from './rotate.ts';
import { closePublished, watchChanges } from './watch.ts';

type Given = Pick<Applying, 'db' | 'log' | 'at' | 'now' | 'around'> & { config: Config };

/** Makes the changes that are approved, and watches those that were made. */
export class Changes {
  /** Why the last turn could not be finished; null when it was. */
  failure: string | null = null;
  /** What of it waits for a server. */
  waiting: string | null = null;
  private readonly given: Given;

  constructor(given: Given) {
    this.given = given;
  }

  /** @param turned called after each request: the turn goes on */
  async make(signal: AbortSignal, turned: () => void): Promise<void> {
    const { config, ...given } = this.given;
    const means: Applying = {
      ...given,
      targets: config.dnsTargets,
      ...(config.approvals.rules.length > 0 && { rules: config.approvals.rules }),
      signal,
    };
    try {
      await whileAlone(given.db, async (lost) => {
        // The next turn of the keeper of grants ends what was approved in a copy.
        if (await isNewCopy(given.db)) return;
        const { ended, late, broken } = await this.apply(means, lost, turned);
        if (!ended) return;
        this.waiting = late.length === 0 ? null : `Changes wait for their server: requests ${late.join(', ')}.`;
        await watchChanges(means);
        await closePublished(means);
        await closeManual(means, config);
        await rotateKeys({ db: given.db, log: given.log, keys: config.dkimKeys, now: means.now });
        if (broken !== null) throw broken;
      });
      this.failure = null;
    } catch (error) {
      this.failure = `The applier cannot finish its work: ${messageOf(error)}`;
      throw error;
    }
  }

  /**
   * @returns the requests that wait for their server, and what the first that failed threw; `ended`: none is
   *   left
   */
  private async apply(
    means: Applying,
    lost: AbortSignal,
    turned: () => void,
  ): Promise<{ ended: boolean; late: number[]; broken: unknown }> {
    const late: number[] = [];
    let broken: unknown = null;
    for (const request of await toApply(means.db)) {
      if (means.signal.aborted || lost.aborted) return { ended: false, late, broken };
      try {
        if (!(await applyRequest(request, means))) late.push(request.request_key);
      } catch (error) {
        // One that cannot be carried out keeps no other from it.
        means.log.error({ request: request.request_key, err: messageOf(error) }, 'a request could not be applied');
        broken ??= error;
      }
      turned();
    }
    return { ended: true, late, broken };
  }
}
