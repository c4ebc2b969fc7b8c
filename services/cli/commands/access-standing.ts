import { planReduce, type ReduceWish } from '../../requests/plans/reduce.ts';
import { STATE_WORDS } from '../../requests/words.ts';
import { PermanentError } from '../../shared/errors.ts';
import { escaped, jsonText } from '../../shared/escape.ts';
import type { Db } from '../../shared/runtime/db.ts';
import type { Config } from '../../shared/settings/config.ts';
import { openRequest } from '../../store/requests/open.ts';
import { loadRequest } from '../../store/requests/requests.ts';
import { withDatabase } from '../open.ts';
import { type Standing, standingRights } from '../rights/standing.ts';
import { moment, type Terminal, wordOf } from '../terminal/options.ts';
import { table } from '../terminal/table.ts';

export interface StandingOptions {
  json?: boolean;
  /** The right that a request is opened about. */
  ask?: string;
  why?: string;
  by?: string;
}

/**
 * `access standing`: every right that somebody has for good, as far as it can be seen, with its last use;
 * with --ask, a request to take one away or to lend it.
 * @throws PermanentError `usage`, `no_rule`, `nobody_can_approve`
 */
export async function runAccessStanding(
  config: Config,
  options: StandingOptions,
  { out }: Pick<Terminal, 'out'>,
): Promise<number> {
  return withDatabase(config, async (db) => {
    const all = await standingRights(db, config);
    if (options.ask !== undefined) return askFor({ db, config, out }, all, { ...options, ask: options.ask });
    if (options.json) {
      for (const { instead, used, ...row } of all)
        out(
          jsonText({
            ...row,
            used: used === 'unknown' ? null : used,
            used_known: used !== 'unknown',
            instead: instead?.after ?? null,
          }),
        );
      return;
    }
    out(
      table(
        ['right', 'who', 'what', 'last use', 'instead'],
        all.map(({ id, who, right, used, instead }) => [
          id,
          who,
          right,
          used === 'unknown' ? 'not known' : used === null ? 'never' : moment(used),
          instead?.after ?? 'needed',
        ]),
        { widths: [34, 30, 70, 16, 50] },
      ),
    );
    if (all.some(({ instead }) => instead !== null))
      out('To take one away, or to have it granted for a time: ruawatch access standing --ask RIGHT --why …');
  });
}

async function askFor(
  { db, config, out }: { db: Db; config: Config; out: Terminal['out'] },
  all: readonly Standing[],
  options: StandingOptions & { ask: string },
): Promise<void> {
  const found = all.find(({ id }) => id === options.ask);
  if (found === undefined)
    throw new PermanentError('usage', `There is no right "${options.ask}": "ruawatch access standing" lists them.`);
  if (found.instead === null)
    throw new PermanentError('usage', `${options.ask} is needed by our own services, or nothing lends it: nothing is asked for.`);
  await openReduce(db, config, { wish: found.instead, why: options.why, by: options.by }, out);
}

/**
 * Opens a request that people carry out by hand. @throws PermanentError `usage`, `no_rule`,
 * `nobody_can_approve`
 */
export async function openReduce(
  db: Db,
  config: Config,
  { wish, why, by }: { wish: ReduceWish; why: string | undefined; by: string | undefined },
  out: Terminal['out'],
): Promise<void> {
  if (why === undefined) throw new PermanentError('usage', 'Say --why; it is recorded.');
  const word = wordOf({ why, ...(by === undefined ? {} : { by }) });
  const plan = planReduce(wish);
  const requester = word.by.toLowerCase();
  const key = (await openRequest(db, config.approvals.rules, { plan, requester, requester_kind: 'person', why: word.why }))!;
  out(escaped(plan.summary));
  out(`Request ${key} is open: ${STATE_WORDS[(await loadRequest(db, key)).state]}.`);
}
