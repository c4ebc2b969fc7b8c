import { type Applying, applyRequest } from '../../services/applier/apply.ts';
import { watchChanges } from '../../services/applier/watch.ts';
import type { Plan } from '../../services/requests/plan.ts';
import { txtOf } from '../../services/requests/plans/members.ts';
import { approvalsSchema } from '../../services/requests/rules.ts';
import type { Context } from '../../services/shared/runtime/service.ts';
import { toApply } from '../../services/store/requests/applying.ts';
import { openRequest } from '../../services/store/requests/open.ts';
import type { PolicyStep } from '../model.ts';

const { rules: RULES } = approvalsSchema.parse({
  groups: { mail: ['ada@example.com'] },
  rules: [{ name: 'steps', decide: 'automatic', ceiling: { per_day: 1_000 } }],
});
/** Hours for which a policy step is watched (requests/plans/dns.ts). */
const WATCH_HOURS = 72;

/**
 * Publishes the steps of a tick, and looks at those that are watched, as the service `applier` does; its
 * target always succeeds.
 */
export async function carryOut({ db, log, clock }: Context, steps: readonly PolicyStep[], tick: number): Promise<void> {
  const domains = steps.map(({ domain }) => domain);
  const means: Applying = {
    db,
    log,
    targets: [{ kind: 'command', name: 'simulation', zones: domains, command: ['true'] }],
    rules: RULES,
    at: () => clock.now(),
    now: () => clock.now(),
    signal: new AbortController().signal,
  };
  for (const step of steps.filter((one) => one.tick === tick)) {
    const given = { plan: planOf(step), requester: 'ada@example.com', requester_kind: 'person' as const, why: 'simulation' };
    await openRequest(db, RULES, given, clock.now());
  }
  for (const request of await toApply(db)) await applyRequest(request, means);
  await watchChanges(means);
}

const planOf = ({ domain, from, to }: PolicyStep): Plan => ({
  version: 1,
  kind: 'policy.step',
  domain,
  summary: `Raise the policy of ${domain} to p=${to}.`,
  warnings: [],
  why: ['It is a simulation.'],
  risk: 'medium',
  risk_because: ['Mail that fails is not delivered.'],
  changes: [
    {
      target: 'dns',
      name: `_dmarc.${domain}`,
      type: 'TXT',
      ttl: { before: 3600, after: 300 },
      before: [txtOf(`v=DMARC1; p=${from}`)],
      after: [txtOf(`v=DMARC1; p=${to}`)],
    },
  ],
  back: { watch_hours: WATCH_HOURS, text: 'The state before is put back.' },
  finding: null,
  reviews: null,
});
