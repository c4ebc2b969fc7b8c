import type { Probes } from '../../console/index.ts';
import { codeOf, messageOf, SettingsError } from '../../shared/errors.ts';
import { type HealthServer, serveHealth } from '../../shared/runtime/health.ts';
import { createLog, type Log } from '../../shared/runtime/log.ts';
import { addProcessMetrics, createMetrics } from '../../shared/runtime/metrics.ts';
import { logPrints } from '../../shared/runtime/prints.ts';
import { pinSemiSpaces } from '../../shared/runtime/semi-spaces.ts';
import type { Context, Service } from '../../shared/runtime/service.ts';
import { listensForLogs } from '../../shared/settings/collector.ts';
import type { Config } from '../../shared/settings/config.ts';
import { readKeyFile } from '../../shared/settings/gateway.ts';
import { readHoldKey } from '../../shared/settings/held-mail.ts';
import { onUncaught, stackOf, unexpectedSentence } from '../../shared/unexpected.ts';
import { checkTargets } from '../../store/grants/targets.ts';
import { endsWithin, measureState, readiness, type State, stuck } from '../health.ts';
import { checkNames, type Opened, openContext } from '../open.ts';
import { undecidedDomains } from '../terminal/undecided.ts';
import { openPatiently } from '../wait-for-servers.ts';

/** Each service is imported when it is started: a parser alone loads neither IMAP nor SMTP. */
const SERVICES = {
  poller: async (context: Context) => (await import('../../poller/index.ts')).startPoller(context),
  parser: async (context: Context) => (await import('../../parser/index.ts')).startParser(context),
  analyzer: async (context: Context) => (await import('../../analyzer/index.ts')).startAnalyzer(context),
  enricher: async (context: Context) => (await import('../../enricher/index.ts')).startEnricher(context),
  watcher: async (context: Context) => (await import('../../watcher/index.ts')).startWatcher(context),
  approver: async (context: Context) => (await import('../../approver/index.ts')).startApprover(context),
  applier: async (context: Context) => (await import('../../applier/index.ts')).startApplier(context),
  gateway: async (context: Context) => (await import('../../gateway/index.ts')).startGateway(context),
  milter: async (context: Context) => (await import('../../milter/index.ts')).startMilter(context),
  collector: async (context: Context) => (await import('../../collector/index.ts')).startCollector(context),
  cluster: async (context: Context) => (await import('../../cluster/index.ts')).startCluster(context),
  alerter: async (context: Context) => (await import('../../alerter/index.ts')).startAlerter(context),
  console: async (context: Context) =>
    (await import('../../console/index.ts')).startConsole(context, forPeople(context.log), probesOf(context)),
} satisfies Record<string, (context: Context) => Promise<Service>>;

/**
 * Shows a line to whoever started the program: as it is on a terminal; where a program reads the log, as a
 * line of it.
 */
const forPeople = (log: Log) => (line: string) =>
  void (process.stderr.isTTY ? process.stderr.write(`${line}\n`) : log.warn(line));

/** What the console's page that sets ruawatch up may try, as doctor does. */
function probesOf({ config, log }: Context): Probes {
  return {
    async mailbox(name) {
      const { checkMailbox } = await import('../../poller/index.ts');
      return checkMailbox(config.mailboxes.find((one) => one.name === name)!, log);
    },
    async smtp() {
      const { checkSmtp } = await import('../../alerter/index.ts');
      return checkSmtp(config.smtpUrl!, config);
    },
  };
}

const LEAVE_MS = 2_000;
/** How long running jobs may take after a signal. */
const DRAIN_MS = 60_000;

export type ServiceName = keyof typeof SERVICES;
export const SERVICE_NAMES = Object.keys(SERVICES) as ServiceName[];

/**
 * Runs the named services, or all, until a signal. What may be a matter of time (a server that does not
 * answer yet, a folder, a certificate) is logged once and tried again by the service that needs it; the
 * others work meanwhile. SIGTERM and SIGINT let running jobs finish, take no new ones, and exit with 0; a
 * second signal exits at once with 1. An error that nothing caught ends it in the same way, with 1.
 * @throws SettingsError, RuawatchError when a setting is wrong in a way that no time can change
 */
export async function runStart(config: Config, named: string[], version = ''): Promise<number> {
  const log = createLog(config.logLevel);
  logPrints(log);
  const names = chooseServices(config, named);
  checkNames(config);
  if (names.includes('alerter') && config.smtpUrl !== null) (await import('../../alerter/index.ts')).checkSmtpUrl(config.smtpUrl);
  const failed = untilUncaught(log, version);
  const stopped = Promise.race([untilSignal(), failed]);
  const stopping = new AbortController();
  void stopped.then(() => stopping.abort());
  const state: State = { context: null, running: [], wanted: names.length, waiting: null };
  const metrics = createMetrics();
  addProcessMetrics(metrics, version);
  let health: HealthServer | null = null;
  try {
    if (config.httpListen) {
      const ask = { ready: () => readiness(state), stuck: () => stuck(state), measure: () => measureState(state) };
      health = await serveHealth(config.httpListen, metrics, ask, log);
      log.info({ port: health.port, host: config.httpListen.host }, 'serving health checks and metrics');
    }
    state.context = await openPatiently(
      () => openContext(config, { log, metrics, unchecked: true, say: (line) => log.warn(line) }),
      { log, stopping: stopping.signal, waiting: (sentence) => (state.waiting = sentence) },
    );
    if (state.context !== null && names.includes('applier')) await checkTargets(state.context.db, config.access);
    if (state.context !== null) await runServices(state.context, { names, named, state, stopping: stopping.signal });
    const why = await stopped;
    log.info(why === null ? {} : { signal: why }, 'finishing running jobs; a second signal exits at once');
  } finally {
    await drain(state, log);
    await health?.close();
  }
  log.info('stopped');
  // Everything is closed and committed. Only timers of BullMQ, which wait for a Redis that is down, may keep
  // the process alive.
  setTimeout(() => process.exit(), LEAVE_MS).unref();
  return (await stopped) === null ? 1 : 0;
}

/**
 * Resolves to null at the first error that nothing caught; all of them go to the log, their stacks at debug
 * level.
 */
function untilUncaught(log: Log, version: string): Promise<null> {
  return new Promise((resolve) => {
    onUncaught((error) => {
      log.fatal({ code: codeOf(error) ?? undefined }, unexpectedSentence(error, version));
      const stack = stackOf(error);
      if (stack !== null) log.debug({ stack }, 'where the unexpected error arose');
      resolve(null);
    });
  });
}

/** Starts the services; resolves at once when they are to stop. */
async function runServices(
  context: Context & Opened,
  { names, named, state, stopping }: { names: ServiceName[]; named: string[]; state: State; stopping: AbortSignal },
): Promise<void> {
  const { config, log } = context;
  if (named.length === 0 && !names.includes('alerter')) {
    log.warn('Neither SMTP_URL nor a webhook is set: findings are recorded in dmarc.findings, and no alerts are sent');
  }
  pinSemiSpaces(false);
  for (const name of names) {
    if (stopping.aborted) return;
    state.running.push(await SERVICES[name](context));
  }
  log.info(
    { services: names, queue: context.queues.backend, database: context.embedded?.readerUrl ?? 'DATABASE_URL' },
    'ruawatch is running',
  );
  if (names.includes('enricher')) {
    // Advice at the start: an outage at this moment is nothing to end for.
    const undecided = await undecidedDomains(context.db, config).catch((error: unknown) => {
      log.debug({ err: messageOf(error) }, 'domains without a decision could not be listed');
      return [];
    });
    for (const line of undecided) log.warn(`domains: ${line}`);
  }
}

/**
 * Stops everything. What a server that does not answer holds up ends after a time: its work is not committed,
 * and done again.
 */
async function drain({ context, running }: State, log: Log): Promise<void> {
  context?.watch.hurry();
  const ended = Promise.all(running.map((service) => service.stop())).then(() => context?.close());
  if (await endsWithin(ended, DRAIN_MS)) return;
  log.warn({ seconds: DRAIN_MS / 1000 }, 'running jobs did not finish; their connections are cut, and they are done again');
  context?.watch.cut();
  await endsWithin(ended, LEAVE_MS);
}

function chooseServices(config: Config, named: string[]): ServiceName[] {
  const unknown = named.filter((n) => !(n in SERVICES));
  if (unknown.length > 0)
    throw new SettingsError(`There is no service "${unknown[0]}": the services are ${SERVICE_NAMES.join(', ')}.`);
  const names = (named.length === 0 ? SERVICE_NAMES : [...new Set(named)]) as ServiceName[];
  if (names.includes('poller') && config.mailboxes.length === 0) {
    throw new SettingsError(
      'No mailbox is set: set IMAP_URL (imaps://user:password@host/INBOX), or list mailboxes in ruawatch.yaml.',
    );
  }
  const noChannel = config.smtpUrl === null && config.webhooks.length === 0;
  if (named.includes('alerter') && noChannel) {
    throw new SettingsError('The alerter needs SMTP_URL, ALERT_FROM and ALERT_TO, or a webhook: set them.');
  }
  if (named.includes('console') && config.console.listen === null)
    throw new SettingsError('The console needs an address: CONSOLE_LISTEN is "off".');
  if (named.includes('gateway') && config.gateway.listen === null)
    throw new SettingsError('The gateway needs an address and a key file: set gateway.listen and gateway.key_file.');
  if (named.includes('cluster') && config.cluster.source === null)
    throw new SettingsError(
      'The cluster service needs a cluster: set cluster.in_cluster, cluster.kubeconfig or cluster.addresses_file.',
    );
  if (names.includes('gateway') && config.gateway.listen !== null) readKeyFile(config.gateway.keyFile);
  if (named.includes('milter') && config.milter.listen === null)
    throw new SettingsError('The milter needs an address and a name: set milter.listen and milter.authserv_id.');
  if (names.includes('milter') && config.milter.listen !== null) readHoldKey(config.milter.hold);
  if (named.includes('collector') && !listensForLogs(config.collector))
    throw new SettingsError(
      'The collector needs an address: set collector.listen, collector.syslog.listen or collector.syslog.tls_listen.',
    );
  const off: Partial<Record<ServiceName, boolean>> = {
    alerter: noChannel,
    console: config.console.listen === null,
    gateway: config.gateway.listen === null,
    milter: config.milter.listen === null,
    collector: !listensForLogs(config.collector),
    cluster: config.cluster.source === null,
  };
  return names.filter((n) => off[n] !== true);
}

/** Resolves at the first SIGTERM or SIGINT; the second ends the process. */
export function untilSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let first = true;
    const on = (signal: NodeJS.Signals) => {
      if (!first) process.exit(1);
      first = false;
      resolve(signal);
    };
    process.on('SIGTERM', on);
    process.on('SIGINT', on);
  });
}
