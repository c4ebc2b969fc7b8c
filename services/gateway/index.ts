import { organizationalDomain } from '../report/orgdomain.ts';
import { Failures } from '../shared/runtime/failures.ts';
import { openDns } from '../shared/runtime/resolver.ts';
import { type Context, repeat, type Service } from '../shared/runtime/service.ts';
import { readKeyFile } from '../shared/settings/gateway.ts';
import { domainsOfNames } from '../store/grants/lent-updates.ts';
import { seenMail } from '../store/requests/seen.ts';
import { answerMessage, type GatewayMeans } from './gateway.ts';
import { type Listening, listen } from './listen.ts';
import { settleOpen } from './recover.ts';
import { storedLedger } from './stored.ts';

const NAME = 'gateway';
const RECOVER_MS = 30_000;

export interface RunningGateway extends Service {
  /** The port that it listens on. */
  port: number;
}

/**
 * The gateway: takes updates (RFC 2136) signed with keys that are lent for a time, and passes on those that
 * their grants allow and that leave the domains' mail as it is. It decides nothing, and does nothing for a
 * key that has ended but answer again what it answered.
 * @throws SettingsError when the address cannot be listened on
 */
export async function startGateway(context: Context): Promise<RunningGateway> {
  const { config, db, clock, metrics } = context;
  const log = context.log.child({ service: NAME });
  const { listen: address, keyFile } = config.gateway;
  const failures = new Failures('The gateway refuses all updates, as it cannot read which keys are lent');
  const means: GatewayMeans = {
    ledger: storedLedger(db, () => readKeyFile(keyFile), log),
    targets: config.dnsTargets,
    dns: openDns(config.dnsServers),
    mail: {
      domainsOf: (names) => domainsOfNames(db, names),
      seen: (domain) => seenMail(db, domain, clock.now()),
    },
    registrable: organizationalDomain,
    log,
    now: () => clock.now().getTime(),
    count: (outcome) => metrics.lentUpdates.inc({ outcome }),
  };
  const listening: Listening = await listen(address!, (bytes, from) => answerMessage(bytes, from, means), log);
  log.info({ host: address!.host, port: listening.port }, 'taking updates signed with lent keys');
  const recover = (signal: AbortSignal) =>
    failures.noting('updates', async () => {
      // The list of keys is read as well: whether the store answers is whether anything can be taken.
      await means.ledger.keys('');
      await settleOpen(db, config.dnsTargets, signal);
    });
  const loop = repeat(RECOVER_MS, recover, log, 'settling updates');
  return {
    name: NAME,
    port: listening.port,
    waitingFor: () => failures.first(),
    stuck: () => loop.stuck(),
    async stop() {
      // What is being answered is finished: an update that was sent is not left without its end.
      await listening.close();
      await loop.stop();
    },
  };
}
