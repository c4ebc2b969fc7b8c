import type { Dns } from '../dns/client/types.ts';
import { organizationalDomain } from '../report/orgdomain.ts';
import { systemClock } from '../shared/clock.ts';
import { DAY_MS } from '../shared/days.ts';
import { Failures } from '../shared/runtime/failures.ts';
import type { Log } from '../shared/runtime/log.ts';
import { openDns } from '../shared/runtime/resolver.ts';
import { type Context, firstStuck, repeat, type Service } from '../shared/runtime/service.ts';
import { endServices } from '../store/console/service-principals.ts';
import { hear } from '../store/hear.ts';
import { forgetBodies } from '../store/held/steps.ts';
import { cutAudit } from '../store/requests/audit.ts';
import { withdrawResolved } from '../store/requests/decide.ts';
import { syncGroups } from '../store/requests/groups.ts';
import { checkReachable, sweepRequests } from '../store/requests/sweep.ts';
import { keepOnboardings, type OnboardingMeans } from './onboardings.ts';
import { hasPlaybook, type PlaybookRun, PlaybookRunner } from './open-by-playbook.ts';
import { keepRotations, type RotationMeans } from './rotations.ts';

const NAME = 'approver';
const PER_SECOND = 50;
const MOST_SECONDS = 5;
const SECOND_MS = 1000;
const HOUR_MS = 3_600_000;

export interface ApproverOptions {
  /** Asks for records; what it is doing is cancelled when the service stops. */
  dns?: Dns & { cancel?(): void };
  /** Pause between turns. */
  everyMs?: number;
}

/** What playbooks, rotations and onboardings work with. */
type Asking = PlaybookRun & RotationMeans & OnboardingMeans;

/** Of that, what stays from turn to turn. */
const lastingMeans = ({ config: { dkimKeys, approvals }, db }: Context) => ({
  db,
  rules: approvals.rules,
  keys: dkimKeys,
  halfStepShare: approvals.half_step_share,
  registrable: organizationalDomain,
});

/** What is done with requests in Postgres alone: groups, ends, reminders, escalation, retention. */
function requestKeeper({ config, db, clock }: Context, log: Log, at: () => Date | null): () => Promise<void> {
  const { approvals, retention, milter } = config;
  let synced = false;
  let cut = Number.NEGATIVE_INFINITY;
  let forgot = Number.NEGATIVE_INFINITY;
  return async () => {
    if (!synced && (await syncGroups(db, approvals))) log.info('the groups of approvals have changed');
    synced = true;
    const ended = await endServices(db, at());
    if (ended.length > 0) log.info({ services: ended }, 'service principals have ended');
    await sweepRequests(db, at());
    await checkReachable(db, at());
    await withdrawResolved(db, at());
    const now = clock.now();
    if (retention.audit_days !== null && now.getTime() - cut >= DAY_MS) {
      cut = now.getTime();
      const rows = await cutAudit(db, new Date(cut - retention.audit_days * DAY_MS));
      if (rows > 0)
        log.info({ rows, days: retention.audit_days }, 'rows of the audit chain past their retention time were deleted');
    }
    if (now.getTime() - forgot >= HOUR_MS) {
      forgot = now.getTime();
      const mails = await forgetBodies(db, milter.hold.keep_days, now);
      if (mails > 0) log.info({ mails }, 'the octets of held mails past their time were deleted');
    }
  };
}

/**
 * The approver: keeps the groups of the settings in the database, opens the requests of the playbooks,
 * reminds, escalates, and ends what nobody decides. People decide in the console and on the command line;
 * nothing here does.
 */
export function startApprover(context: Context, given: ApproverOptions = {}): Service {
  const { config, db } = context;
  const { approvals } = config;
  const lasting = lastingMeans(context);
  const log = context.log.child({ service: NAME });
  const dns: NonNullable<ApproverOptions['dns']> = given.dns ?? openDns(config.dnsServers, { perSecond: PER_SECOND });
  const runner = new PlaybookRunner(approvals.rules, log);
  const opens = approvals.rules.length > 0 && approvals.playbooks === 'on';
  if (approvals.rules.length === 0) log.info('approvals has no rules: nothing is requested, and plans are texts to paste');
  const failures = new Failures('The approver cannot finish its work');
  /** The database's clock decides; tests give another. */
  const at = () => (context.clock === systemClock ? null : context.clock.now());
  const keepRequests = requestKeeper(context, log, at);
  /** Whether the groups are those of the settings. */
  let kept = false;
  const everyMs = given.everyMs ?? Math.min(config.sweep.every_seconds, MOST_SECONDS) * SECOND_MS;
  const repeated = (what: string, task: Parameters<typeof repeat>[1]) =>
    repeat(everyMs, (...turn) => failures.noting(what, () => task(...turn)), log, what);
  /**
   * What asks DNS may take long, and keeps nothing else from its time: neither the timers nor the request of
   * a finding.
   */
  const asking = (what: string, task: (means: Asking) => Promise<unknown>) =>
    repeated(what, async (signal, turned) => {
      if (!kept) return;
      await task({ ...lasting, log, dns, at: at(), now: context.clock.now(), asking: { signal }, turned });
    });
  const opening = asking('opening requests of playbooks', async (means) => opens && runner.run(means));
  const goingOn = asking('keeping rotations and onboardings', async (means) => {
    await keepRotations(means);
    await keepOnboardings(means);
  });
  const keeping = repeated('keeping requests', async () => {
    await keepRequests();
    if (kept) return;
    kept = true;
    opening.wake();
    goingOn.wake();
  });
  const deaf = hear(db, 'ruawatch_findings', (kind) => (kind === null || hasPlaybook(kind)) && opening.wake(), log);
  const loops = [keeping, opening, goingOn];
  return {
    name: NAME,
    waitingFor: () => failures.first(),
    stuck: () => firstStuck(loops),
    stop: async () => {
      const stopped = Promise.all([...loops.map((loop) => loop.stop()), deaf()]);
      dns.cancel?.();
      await stopped;
      await runner.settled();
    },
  };
}
