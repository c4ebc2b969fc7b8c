import type { Plan } from '../../requests/plan.ts';
import { type DnsWish, planDns } from '../../requests/plans/dns.ts';
import { addDays, DAY_MS, dayOf } from '../../shared/days.ts';
import { keysInUse, seenSenders } from '../../store/requests/seen.ts';
import type { PlaybookMeans } from './playbook.ts';

const DAYS = 7;

/** A plan for one record, held against what the reports of the last week say. @throws PlanError */
export async function planRecord(wish: DnsWish, { db, dns, now, registrable, asking }: PlaybookMeans): Promise<Plan> {
  const seen = await seenSenders(db, wish.domain, new Date(now.getTime() - DAYS * DAY_MS));
  const keys = await keysInUse(db, wish.domain, addDays(dayOf(now), -DAYS));
  return planDns(wish, dns, { ...asking, registrable, seen, keys });
}
