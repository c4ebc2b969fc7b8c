import { neverChanged, tunedFromUse, type UsedTarget } from '../../requests/tuned.ts';
import { PermanentError } from '../../shared/errors.ts';
import { jsonText } from '../../shared/escape.ts';
import { durationText } from '../../shared/format.ts';
import type { Access, Target } from '../../shared/settings/access.ts';
import type { Config } from '../../shared/settings/config.ts';
import { type GrantUse, grantUse } from '../../store/grants/review.ts';
import { SETTINGS } from '../../store/grants/targets.ts';
import { withDatabase } from '../open.ts';
import { limitOf, type Terminal } from '../terminal/options.ts';
import { table } from '../terminal/table.ts';
import { openReduce } from './access-standing.ts';

const DAY_MS = 86_400_000;
const DAYS = '90';

/**
 * `access review`: for each kind, target and group how long grants were really used, and what was never used;
 * proposes shorter maxima and narrower scopes and defaults, with --ask as requests.
 * @throws PermanentError `usage`, `no_rule`, `nobody_can_approve`
 */
export async function runAccessReview(
  config: Config,
  options: { days?: string; json?: boolean; ask?: boolean; why?: string; by?: string },
  { out, now = new Date() }: Terminal,
): Promise<number> {
  const days = limitOf(options.days ?? DAYS, '--days');
  return withDatabase(config, async (db) => {
    const all = await grantUse(db, new Date(now.getTime() - days * DAY_MS));
    const wishes = tunedFromUse(all.map((one) => targetOf(one, config.access)));
    if (options.ask) {
      if (wishes.length === 0) throw new PermanentError('usage', 'The use of grants proposes nothing, so nothing was requested.');
      for (const wish of wishes)
        await openReduce(db, config, { wish, why: options.why ?? 'tuned from use', by: options.by }, out);
      return;
    }
    if (options.json) {
      for (const one of all) out(jsonText({ ...one, never_changed: neverChanged(one) }));
      return;
    }
    if (all.length === 0) return out(`No right was granted in the last ${days} days.`);
    out(
      table(
        ['kind', 'target', 'what', 'for', 'grants', 'not seen in use', 'requested', 'used for'],
        all.map((one) => [
          one.kind,
          one.server,
          one.what,
          one.groups,
          String(one.grants),
          one.known === 0 ? 'not known' : String(one.unused),
          `${durationText(one.asked_median)}, at most ${durationText(one.asked_most)}`,
          one.used_median === null ? 'not known' : `${minutes(one.used_median)}, at most ${minutes(one.used_most!)}`,
        ]),
        { widths: [20, 20, 30, 24, 6, 15, 44, 44] },
      ),
    );
    for (const one of all) {
      const idle = neverChanged(one);
      if (one.known > 0 && one.names_used.length > 0 && idle.length > 0)
        out(`${one.what} at ${one.server}: asked for and never changed: ${idle.join(', ')}. Ask for less.`);
    }
    for (const { summary } of wishes) out(`Proposed: ${summary}`);
    if (wishes.length > 0) out('To ask for it: ruawatch access review --ask --by …');
  });
}

/** A duration by minutes: sessions are looked for every minute. */
const minutes = (seconds: number): string => durationText(Math.max(1, Math.ceil(seconds / 60)) * 60);

function targetOf(one: GrantUse, access: Access): UsedTarget {
  const targets: readonly Target[] = [
    ...access.databases,
    ...access.dns,
    ...access.mail,
    ...access.providers,
    ...(access.console === null ? [] : [access.console]),
  ];
  const found = targets.find(({ name }) => name === one.server);
  const lends = [...access.dns, ...access.providers].find(({ name }) => name === one.server)?.names ?? null;
  const [longest, usual] = [found?.longestSeconds ?? 0, found?.defaultSeconds ?? null];
  return { ...one, setting: SETTINGS[one.kind], longest, usual, lends };
}
