import type { Plan } from '../../requests/plan.ts';
import { type DnsWish, planDns } from '../../requests/plans/dns.ts';
import { DAY_MS } from '../../shared/days.ts';
import { changedByUs } from '../../store/requests/playbook-findings.ts';
import { seenMail } from '../../store/requests/seen.ts';
import { aboutOf, type PlaybookFinding, type PlaybookMeans } from './playbook.ts';

/**
 * A plan for records of the domain of a finding, held against what the reports say.
 * @throws PlanError
 */
export async function planRecord(
  finding: PlaybookFinding,
  { why = [], ...wish }: Pick<DnsWish, 'kind' | 'records' | 'summary'> & { why?: string[] },
  { db, dns, now, registrable, asking }: PlaybookMeans,
): Promise<Plan> {
  const { domain, summary } = finding;
  const mail = await seenMail(db, domain, now);
  const whole = { ...wish, domain, why: [summary, ...why], finding: aboutOf(finding) };
  return planDns(whole, dns, { ...asking, registrable, ...mail });
}

/** So long what a finding is about may be what a request did. */
const OURS_DAYS = 30;

/**
 * A plan that publishes a record as it was or should be, where nobody asked here for it to change.
 * @returns null when nobody knows what it was, or a request has changed it
 * @throws PlanError
 */
export async function planBack(
  finding: PlaybookFinding,
  { name, value, summary }: { name: string; value: string | null; summary: string },
  means: PlaybookMeans,
): Promise<Plan | null> {
  const since = new Date(means.now.getTime() - OURS_DAYS * DAY_MS);
  if (value === null || (await changedByUs(means.db, name, since))) return null;
  const why = ['No request of ruawatch has changed it.'];
  return planRecord(finding, { kind: 'dns.change', records: [{ name, value }], summary, why }, means);
}
