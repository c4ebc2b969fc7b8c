import type { AskOptions, Dns } from '../dns/client/types.ts';
import { readPlan } from '../requests/plan.ts';
import { planOffboard } from '../requests/plans/onboard.ts';
import type { Rule } from '../requests/rules.ts';
import { dayOf } from '../shared/days.ts';
import { messageOf, PermanentError } from '../shared/errors.ts';
import type { Db, Tx } from '../shared/runtime/db.ts';
import type { Log } from '../shared/runtime/log.ts';
import {
  adoptOnboarding,
  noteOffboarding,
  onboardedMail,
  type StandingOnboarding,
  standingOnboardings,
} from '../store/requests/onboardings.ts';
import { openRequest } from '../store/requests/open.ts';
import { loadRequest } from '../store/requests/requests.ts';
import { standingEntry } from '../store/requests/seen.ts';

/** Its name in requests and in the audit chain. */
const REQUESTER = 'onboarding';

export interface OnboardingMeans {
  db: Db;
  dns: Dns;
  log: Log;
  rules: readonly Rule[];
  at: Date | null;
  now: Date;
  asking: AskOptions;
  /** Called with each one that was looked at. */
  turned: () => void;
}

/**
 * Looks at third parties: adopts those whose mail arrives and passes, and asks to withdraw those whose
 * contract has ended.
 */
export async function keepOnboardings(means: OnboardingMeans): Promise<void> {
  for (const one of await standingOnboardings(means.db)) {
    try {
      await keep(one, means);
    } catch (error) {
      // One that has to wait, for DNS or for a rule, keeps no other from it.
      means.log.warn(
        { request: one.request_key, err: messageOf(error) },
        'an onboarding could not be checked; it is tried again',
      );
    }
    means.turned();
  }
}

async function keep(one: StandingOnboarding, means: OnboardingMeans): Promise<void> {
  const { db, now } = means;
  if (one.adopted_at === null && one.applied_at !== null && (await onboardedMail(db, one, one.applied_at)).passed > 0)
    await adoptOnboarding(db, one.request_key, now);
  if (dayOf(now) > one.contract_ends) await askToWithdraw(one, means);
}

async function askToWithdraw(one: StandingOnboarding, { db, dns, rules, at, now, asking }: OnboardingMeans): Promise<void> {
  const request = await loadRequest(db, one.request_key);
  const plan = await planOffboard(
    {
      plan: readPlan({ text: request.plan, digest: request.digest }),
      name: one.source,
      standing: (await standingEntry(db, one, now))?.verdict ?? null,
      why: `The contract ended on ${one.contract_ends}; ${one.owner} answers for it.`,
    },
    dns,
    asking,
  );
  if (plan === null) return;
  const why = `The contract with ${one.source} ended on ${one.contract_ends}.`;
  const also = async (tx: Tx, key: number) => {
    if (!(await noteOffboarding(tx, one.request_key, key)))
      throw new PermanentError('already', `The end of request ${one.request_key} is asked for already.`);
  };
  await openRequest(db, rules, { plan, requester: REQUESTER, requester_kind: 'service', why, also }, at);
}
