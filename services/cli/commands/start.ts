import { SettingsError, sentenceOf } from '../../shared/errors.ts';
import { type HealthServer, serveHealth } from '../../shared/runtime/health.ts';
import { createLog } from '../../shared/runtime/log.ts';
import { pinSemiSpaces } from '../../shared/runtime/semi-spaces.ts';
import type { Context, Service } from '../../shared/runtime/service.ts';
import type { Config } from '../../shared/settings/config.ts';
import { ping } from '../../store/schema/server.ts';
import { openContext } from '../open.ts';
import { undecidedDomains } from '../terminal/undecided.ts';

/** Each service is imported when it is started: a parser alone loads neither IMAP nor SMTP. */
const SERVICES = {
  poller: async (context: Context) => (await import('../../poller/index.ts')).startPoller(context),
  parser: async (context: Context) => (await import('../../parser/index.ts')).startParser(context),
  analyzer: async (context: Context) => (await import('../../analyzer/index.ts')).startAnalyzer(context),
  enricher: async (context: Context) => (await import('../../enricher/index.ts')).startEnricher(context),
  alerter: async (context: Context) => (await import('../../alerter/index.ts')).startAlerter(context),
} satisfies Record<string, (context: Context) => Promise<Service>>;

const LEAVE_MS = 2_000;

export type ServiceName = keyof typeof SERVICES;
export const SERVICE_NAMES = Object.keys(SERVICES) as ServiceName[];

/**
 * Runs the named services, or all, until a signal. SIGTERM and SIGINT let running jobs finish, take no new ones, and exit
 * with 0; a second signal exits at once with 1.
 * @throws SettingsError, RuawatchError when a setting is wrong or a server that it names does not answer
 */
export async function runStart(config: Config, named: string[]): Promise<number> {
  const log = createLog(config.logLevel);
  const names = chooseServices(config, named);
  await preflight(config, names);
  const context = await openContext(config, { log, say: (line) => log.warn(line) });
  if (named.length === 0 && !names.includes('alerter')) {
    log.warn('Neither SMTP_URL nor a webhook is set: findings are recorded in dmarc.findings, and no alerts are sent');
  }
  if (names.includes('enricher')) {
    for (const line of await undecidedDomains(context.db, config)) log.warn(`domains: ${line}`);
  }
  const stopped = untilSignal();
  pinSemiSpaces(false);
  const running: Service[] = [];
  let health: HealthServer | null = null;
  try {
    if (config.httpListen) {
      health = await serveHealth(config.httpListen, context.metrics, () => readiness(context, running, names.length), log);
      log.info({ port: health.port, host: config.httpListen.host }, 'serving health checks and metrics');
    }
    for (const name of names) running.push(await SERVICES[name](context));
    log.info(
      { services: names, queue: context.queues.backend, database: context.embedded?.readerUrl ?? 'DATABASE_URL' },
      'ruawatch is running',
    );
    const signal = await stopped;
    log.info({ signal }, 'finishing running jobs; a second signal exits at once');
  } finally {
    await Promise.all(running.map((s) => s.stop()));
    await health?.close();
    await context.close();
  }
  log.info('stopped');
  // Everything is closed and committed. Only timers of BullMQ, which wait for a Redis that is down, may keep the process alive.
  setTimeout(() => process.exit(), LEAVE_MS).unref();
  return 0;
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
  return noChannel ? names.filter((n) => n !== 'alerter') : names;
}

/** Checks the servers before anything runs: a failure is then a sentence in the terminal, not a line in a log. */
async function preflight(config: Config, names: ServiceName[]): Promise<void> {
  const quiet = createLog('silent');
  // Imported before any check begins: the failure of a check during an import would be unhandled.
  const mailbox = names.includes('poller') ? await import('../../poller/index.ts') : null;
  const smtp = names.includes('alerter') && config.smtpUrl !== null ? await import('../../alerter/index.ts') : null;
  const checks: Promise<unknown>[] = [
    ...(mailbox ? config.mailboxes.map((m) => mailbox.checkMailbox(m, quiet)) : []),
    ...(smtp ? [smtp.checkSmtp(config.smtpUrl!)] : []),
  ];
  const failed = (await Promise.allSettled(checks)).filter((r) => r.status === 'rejected');
  if (failed.length > 0) throw new SettingsError(failed.map((f) => sentenceOf(f.reason)).join('\n'), failed[0]!.reason);
}

async function readiness(context: Context, running: Service[], wanted: number): Promise<string[]> {
  const waits: string[] = running.length < wanted ? ['the services are starting'] : [];
  const check = async (what: string, ask: Promise<unknown>) => {
    try {
      await ask;
    } catch (error) {
      waits.push(`${what}: ${sentenceOf(error)}`);
    }
  };
  await check('database', ping(context.db));
  await check('queue', context.queues.check());
  for (const service of running) {
    const wait = service.waitingFor();
    if (wait !== null) waits.push(`${service.name}: ${wait}`);
  }
  return waits;
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
