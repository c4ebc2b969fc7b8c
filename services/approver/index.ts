import type { Dns } from '../dns/client/types.ts';
import { organizationalDomain } from '../report/orgdomain.ts';
import { systemClock } from '../shared/clock.ts';
import { DAY_MS } from '../shared/days.ts';
import { messageOf } from '../shared/errors.ts';
import { openDns } from '../shared/runtime/resolver.ts';
import { type Context, repeat, type Service } from '../shared/runtime/service.ts';
import { endServices } from '../store/console/service-principals.ts';
import { forgetBodies } from '../store/held/steps.ts';
import { cutAudit } from '../store/requests/audit.ts';
import { withdrawResolved } from '../store/requests/decide.ts';
import { syncGroups } from '../store/requests/groups.ts';
import { checkReachable, sweepRequests } from '../store/requests/sweep.ts';
import { keepOnboardings } from './onboardings.ts';
import { PlaybookRunner } from './open-by-playbook.ts';
import { keepRotations } from './rotations.ts';

const NAME = 'approver';
const PER_SECOND = 50;
const MOST_SECONDS = 5;
const SECOND_MS = 1000;
const HOUR_MS = 3_600_000;

export interface ApproverOptions {
  /** Asks for records; what it is doing is cancelled when the service stops. */
  dns?: Dns & { cancel?(): void };
}

/**
 * The approver: keeps the groups of the settings in the database, opens the requests of the playbooks, reminds, escalates,
 * and ends what nobody decides. People decide in the console and on the command line; nothing here does.
 */
export function startApprover(context: Context, given: ApproverOptions = {}): Service {
  const { config, db } = context;
  const { approvals } = config;
  const log = context.log.child({ service: NAME });
  const dns: NonNullable<ApproverOptions['dns']> = given.dns ?? openDns(config.dnsServers, { perSecond: PER_SECOND });
  const runner = new PlaybookRunner(approvals.rules, log);
  if (approvals.rules.length === 0) log.info('approvals has no rules: nothing is requested, and plans are texts to paste');
  let synced = false;
  let cut = 0;
  let forgot = 0;
  let failure: string | null = null;
  /** The database's clock decides; tests give another. */
  const at = () => (context.clock === systemClock ? null : context.clock.now());
  const turn = async (signal: AbortSignal, turned: () => void) => {
    try {
      if (!synced && (await syncGroups(db, approvals))) log.info('the groups of approvals have changed');
      synced = true;
      const ended = await endServices(db, at());
      if (ended.length > 0) log.info({ services: ended }, 'service principals have ended');
      await sweepRequests(db, at());
      await checkReachable(db, at());
      await withdrawResolved(db, at());
      const now = context.clock.now();
      if (config.retention.audit_days !== null && now.getTime() - cut >= DAY_MS) {
        cut = now.getTime();
        const rows = await cutAudit(db, new Date(cut - config.retention.audit_days * DAY_MS));
        if (rows > 0)
          log.info({ rows, days: config.retention.audit_days }, 'rows of the audit chain past their retention time were deleted');
      }
      if (now.getTime() - forgot >= HOUR_MS) {
        forgot = now.getTime();
        const mails = await forgetBodies(db, config.milter.hold.keep_days, now);
        if (mails > 0) log.info({ mails }, 'the octets of held mails past their time were deleted');
      }
      turned();
      if (approvals.rules.length > 0 && approvals.playbooks === 'on') {
        const means = {
          db,
          dns,
          now,
          registrable: organizationalDomain,
          asking: { signal },
          halfStepShare: approvals.half_step_share,
        };
        await runner.run(means, at());
      }
      await keepRotations({
        db,
        dns,
        log,
        rules: approvals.rules,
        keys: config.dkimKeys,
        registrable: organizationalDomain,
        at: at(),
        now: context.clock.now(),
        asking: { signal },
      });
      await keepOnboardings({ db, dns, log, rules: approvals.rules, at: at(), now: context.clock.now(), asking: { signal } });
      failure = null;
    } catch (error) {
      failure = `The approver cannot finish its work: ${messageOf(error)}`;
      throw error;
    }
  };
  const loop = repeat(Math.min(config.sweep.every_seconds, MOST_SECONDS) * SECOND_MS, turn, log, 'keeping requests');
  return {
    name: NAME,
    waitingFor: () => failure,
    stuck: () => loop.stuck(),
    stop: async () => {
      const stopped = loop.stop();
      dns.cancel?.();
      await stopped;
    },
  };
}
