import { REPORTER_DAYS } from '../dns/posture/blockers.ts';
import { postureOf } from '../dns/posture/posture.ts';
import { readRecords, reportedRecords, type SeenRecords } from '../dns/posture/records.ts';
import { dayOf } from '../shared/days.ts';
import { parsePolicy } from '../shared/policy.ts';
import { type Tx, transaction } from '../shared/runtime/db.ts';
import type { Context } from '../shared/runtime/service.ts';
import { noteDomains } from '../store/analysis/note-work.ts';
import type { PolicyDay } from '../store/analysis/window-reads.ts';
import type { StoredCheck } from '../store/dns/checks.ts';
import { forgetPostures, savePosture, stalePostures } from '../store/dns/postures.ts';
import { loadLastMonth } from '../store/domains/report-month.ts';
import { HourlyLook } from './hourly.ts';
import { currentPolicy } from './policy.ts';
import type { Standpoint } from './rules/window.ts';

/** What is loaded of a domain anyway. */
interface Judged {
  domain: string;
  now: Date;
  policyDays: readonly PolicyDay[];
  check?: StoredCheck | null;
}

/** Domains whose posture is written anew in one hour, and how old one may become. */
const AT_ONCE = 500;
const OLD_MS = 24 * 3_600_000;

/**
 * Writes the posture of a domain, after its findings are written: it rests on them, and the findings about
 * the next policy rest on it.
 */
export async function writePosture(tx: Tx, { config }: Context, data: Judged): Promise<Standpoint> {
  const { domain, now, check } = data;
  const month = await loadLastMonth(tx, domain, dayOf(now), REPORTER_DAYS);
  const records = knownRecords(domain, readRecords(check?.records), currentPolicy(data.policyDays));
  const mailbox = config.mailboxes.flatMap(({ addresses }) => addresses)[0] ?? null;
  const posture = postureOf(records, month, mailbox);
  const { next } = posture;
  await savePosture(tx, domain, now, {
    spf: records.spf,
    dkim: records.dkim,
    dmarc: records.dmarc === 'valid' && records.policy !== null ? records.policy.policy : records.dmarc,
    bimi: posture.bimi_ready ? 'ready' : records.bimi,
    mta_sts: records.mta_sts,
    tls_rpt: records.tls_rpt,
    stage: posture.stage,
    next_step: next.action,
    advice: next.sentence,
    publish_name: next.publish?.name ?? null,
    publish_value: next.publish?.value ?? null,
    blocked_by: posture.blocked_by,
    checked_at: check?.records ? check.checked_at : null,
  });
  return { posture, records, month };
}

/**
 * What DNS said; where nobody could say what policy is published, what the reports found.
 * @param policy as reporters found it, in the spelling of ruawatch.policy_days
 */
export function knownRecords(domain: string, seen: SeenRecords | null, policy: string | null): SeenRecords {
  const reported = reportedRecords(domain, policy === null ? null : { ...parsePolicy(policy), text: policy });
  if (seen === null) return reported;
  return seen.dmarc === 'unknown' && seen.policy === null ? { ...seen, dmarc: reported.dmarc, policy: reported.policy } : seen;
}

/**
 * Has the domains analyzed by the clock whose posture is a day old: what no report says any more changes it
 * too.
 */
export const postureWatch = (context: Context): HourlyLook => new HourlyLook(context, noteStale);

async function noteStale({ db, clock }: Context): Promise<void> {
  await forgetPostures(db);
  const domains = await stalePostures(db, new Date(clock.now().getTime() - OLD_MS), AT_ONCE);
  await transaction(db, (tx) => noteDomains(tx, domains));
}
