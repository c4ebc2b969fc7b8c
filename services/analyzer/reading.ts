import { knownKeys } from '../report/reporters/reporters.ts';
import { addDays, dayOf } from '../shared/days.ts';
import { transaction } from '../shared/runtime/db.ts';
import type { Context } from '../shared/runtime/service.ts';
import { loadBehindRecords } from '../store/analysis/egress-behind.ts';
import { loadOverdueGrants } from '../store/analysis/overdue-grants.ts';
import { loadAside, loadDiffering, loadMailDays, loadReporterArrivals } from '../store/analysis/reading.ts';
import { loadStuckRequests } from '../store/analysis/stuck-requests.ts';
import { loadUnjudged } from '../store/analysis/unjudged-mails.ts';
import { loadFindings, type WrittenEvent } from '../store/findings/findings.ts';
import { tryLockDomain } from '../store/locks.ts';
import { HourlyLook } from './hourly.ts';
import { reconcile } from './lifecycle.ts';
import type { MailWindow } from './mail-window.ts';
import { ruleOf, rulesOf } from './rules/index.ts';
import { unjudgedSince } from './rules/mail_not_judged.ts';
import { EVERYTHING, HABIT_DAYS, OVER_DAYS } from './rules/unreadable_reports.ts';
import { saveChanges, wakeAlerter } from './save.ts';

/**
 * Looks by the clock at how many of the mails that arrive can be read and proven: mails that cannot be read
 * change no rollup that would wake the analysis. So it does at requests that nobody is left to decide.
 */
export const readingWatch = (context: Context): HourlyLook => new HourlyLook(context, findUnreadable);

/**
 * Applies the rules about the whole installation, whose findings have the domain `*`. @returns what changed
 */
export async function findUnreadable(context: Context): Promise<WrittenEvent[]> {
  const now = context.clock.now();
  const today = dayOf(now);
  const events = await transaction(context.db, async (tx) => {
    // Another analyzer is at it.
    if (!(await tryLockDomain(tx, EVERYTHING))) return [];
    const habit = addDays(today, -HABIT_DAYS - OVER_DAYS);
    const window: MailWindow = {
      today,
      days: await loadMailDays(tx, habit),
      aside: await loadAside(tx, addDays(today, 1 - OVER_DAYS)),
      arrivals: await loadReporterArrivals(tx, knownKeys(), habit),
      differing: await loadDiffering(tx, addDays(today, 1 - OVER_DAYS)),
      stuck: await loadStuckRequests(tx),
      overdue: await loadOverdueGrants(tx),
      behind: await loadBehindRecords(tx, now),
      unjudged: await loadUnjudged(tx, unjudgedSince(now)),
      known: await loadFindings(tx, EVERYTHING, [EVERYTHING], today),
    };
    const found = rulesOf('installation').flatMap((rule) => rule.find(window));
    const changes = reconcile(
      found,
      window.known,
      (finding) => {
        const rule = ruleOf(finding, EVERYTHING);
        return rule?.scope === 'installation' ? rule.over(finding, window) : null;
      },
      { now, today, quietAfterDays: context.config.analyzer.quiet_after_days },
    );
    return saveChanges(tx, EVERYTHING, now, changes);
  });
  await wakeAlerter(context, events);
  return events;
}
