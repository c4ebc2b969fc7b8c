import { dayOf } from '../shared/days.ts';
import { transaction } from '../shared/runtime/db.ts';
import type { Context } from '../shared/runtime/service.ts';
import { loadUnjudged, newestUnjudged } from '../store/analysis/unjudged-mails.ts';
import { loadFindings, type WrittenEvent } from '../store/findings/findings.ts';
import { tryLockDomain } from '../store/locks.ts';
import { reconcile } from './lifecycle.ts';
import { MAIL_NOT_JUDGED, mailNotJudged, unjudgedSince } from './rules/mail_not_judged.ts';
import { EVERYTHING } from './rules/unreadable_reports.ts';
import { saveChanges, wakeAlerter } from './save.ts';

/**
 * Looks for mail that the milter could not judge as soon as a note of it is there: such mail may be forged
 * and is delivered already, so neither the hour nor a backlog of reports is waited for.
 */
export class UnjudgedWatch {
  readonly #context: Context;
  #seen = 0;

  constructor(context: Context) {
    this.#context = context;
  }

  async look(): Promise<void> {
    const newest = await newestUnjudged(this.#context.db);
    if (newest !== this.#seen && (await findUnjudged(this.#context)) !== null) this.#seen = newest;
  }
}

/**
 * Opens or brings up to date the finding about such mail. @returns what changed; null while another analyzer
 * is at it
 */
async function findUnjudged(context: Context): Promise<WrittenEvent[] | null> {
  const now = context.clock.now();
  const today = dayOf(now);
  const events = await transaction(context.db, async (tx) => {
    if (!(await tryLockDomain(tx, EVERYTHING))) return null;
    const unjudged = await loadUnjudged(tx, unjudgedSince(now));
    const known = (await loadFindings(tx, EVERYTHING, [EVERYTHING], today)).filter(({ kind }) => kind === MAIL_NOT_JUDGED);
    // Whether it is over is said by the hourly look.
    const changes = reconcile(mailNotJudged.find({ today, unjudged, known }), known, () => null, {
      now,
      today,
      quietAfterDays: context.config.analyzer.quiet_after_days,
    });
    return saveChanges(tx, EVERYTHING, now, changes);
  });
  await wakeAlerter(context, events ?? []);
  return events;
}
