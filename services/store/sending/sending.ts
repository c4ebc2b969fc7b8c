import { addDays, DAY_MS, dayOf } from '../../shared/days.ts';
import type { Tx } from '../../shared/runtime/db.ts';
import { loadEgressDays } from './egress.ts';
import type { Sending } from './judged.ts';
import { sentNames } from './names.ts';
import { loadReceivers } from './receivers.ts';
import { loadRefusals } from './refusals.ts';
import { loadSentDays } from './sent-days.ts';
import { loadVerified } from './verified.ts';

/** Days of mail that habits are made of, that verdicts are judged by, and that reports are compared with. */
const DAYS = 30;
const VERDICT_DAYS = 2;
const RECEIVER_DAYS = 14;
const EGRESS_DAYS = 5;

/**
 * Loads what the logs show of a domain and the names below it.
 * @param reporters those of whom each may decide alone
 */
export async function loadSending(tx: Tx, domain: string, now: Date, reporters: readonly string[]): Promise<Sending> {
  const today = dayOf(now);
  const names = await sentNames(tx, domain, addDays(today, -DAYS));
  const days = await loadSentDays(tx, names, addDays(today, -DAYS));
  const verdictsFrom = addDays(today, 1 - VERDICT_DAYS);
  return {
    days,
    verified: await loadVerified(tx, domain, new Date(now.getTime() - VERDICT_DAYS * DAY_MS)),
    refusals: await loadRefusals(tx, days, verdictsFrom),
    receivers: days.length === 0 ? [] : await loadReceivers(tx, domain, names, addDays(today, -RECEIVER_DAYS)),
    egress: await loadEgressDays(tx, domain, {
      names,
      reporters,
      from: addDays(today, -2 - EGRESS_DAYS),
      to: addDays(today, -2),
    }),
  };
}

/** Whether any logs come in. */
export async function logsCome(tx: Tx): Promise<boolean> {
  const { rows } = await tx.query<{ come: boolean }>('select exists (select from ruawatch.log_sources) as come');
  return rows[0]!.come;
}

/**
 * Has DNS asked at once for keys that sign and of which nothing is known yet, at most once in five minutes.
 */
export async function askAboutKeys(tx: Tx, domain: string, now: Date): Promise<void> {
  await tx.query(
    `update ruawatch.dns_watch set due_at = $2
      where domain = $1 and due_at > $2 and coalesce(asked_at, '-infinity') < $2::timestamptz - interval '5 minutes'`,
    [domain, now],
  );
}
