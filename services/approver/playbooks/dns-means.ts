import type { Plan } from '../../requests/plan.ts';
import { type DnsWish, planDns } from '../../requests/plans/dns.ts';
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
