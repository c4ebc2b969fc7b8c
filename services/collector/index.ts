import { messageOf, SettingsError } from '../shared/errors.ts';
import { GuardWatch } from '../shared/guard-watch.ts';
import { Failures } from '../shared/runtime/failures.ts';
import type { Log } from '../shared/runtime/log.ts';
import { type Context, firstStuck, type Loop, repeat, type Service, sweepMs } from '../shared/runtime/service.ts';
import { readSecretFile } from '../shared/settings/secret-file.ts';
import { openIds } from '../store/sending/joining.ts';
import { type LogSource, logSources, putConfiguredSource } from '../store/sending/sources.ts';
import { certificateOf } from './certificate.ts';
import { listenHttp } from './intake/http.ts';
import { listenSyslog } from './intake/syslog.ts';
import { type Counts, Writer } from './intake/writer.ts';
import { joinAll, type RoundMeans } from './joining/rounds.ts';
import { hashOfNames } from './names.ts';
import type { HashName } from './privacy.ts';
import { Wake } from './wake.ts';

export { checkCollector } from './check.ts';
export { importLogs, type LogImport } from './import.ts';

const NAME = 'collector';
/** A source that is added or removed counts after as long. */
const SOURCES_MS = 5_000;
/** A message is judged at most so long after its window: findings are to come within two minutes of it. */
const JUDGE_MS = 5_000;

export interface RunningCollector extends Service {
  /** Each null when it is off. */
  ports: { http: number | null; syslog: number | null; syslogTls: number | null };
}

/**
 * The collector: takes lines of mail logs, stores them, joins them per message once no more come, and adds
 * the messages up per workload, domain, selector and day.
 * @throws SettingsError when an address cannot be listened on, or a file not be read
 */
export async function startCollector(context: Context): Promise<RunningCollector> {
  const log = context.log.child({ service: NAME });
  const hash = await hashOfNames(context);
  await putSources(context);
  const { intakes, reading, writer, failures } = await startIntake(context, log, hash);
  const judging = startJudging(context, log, hash);
  return {
    name: NAME,
    ports: intakes.ports,
    waitingFor: () => failures.first() ?? (writer.failure === null ? null : `Lines cannot be stored: ${writer.failure}`),
    stuck: () => firstStuck([reading, judging]),
    async stop() {
      await intakes.close();
      await writer.idle();
      await Promise.all([reading.stop(), judging.stop()]);
    },
  };
}

/** Takes lines from the sources in the store. */
async function startIntake({ config, db, clock, metrics }: Context, log: Log, hash: HashName) {
  const settings = config.collector;
  let sources: LogSource[] = await logSources(db);
  const count = (source: string, counts: Counts) => {
    for (const [outcome, lines] of Object.entries(counts)) metrics.logLines.inc({ source, outcome }, lines);
  };
  const now = () => clock.now();
  const writer = new Writer({ db, log, hash, programs: new Set(settings.programs), now, count });
  const sourceOf = (hashed: string) => sources.find(({ token_sha256 }) => token_sha256 === hashed) ?? null;
  const intakes = await listenAll(settings, {
    writer,
    maxLineBytes: settings.max_line_bytes,
    now,
    log,
    sources: () => sources,
    sourceOf,
    newSourceOf: async (hashed) => {
      sources = await logSources(db);
      return sourceOf(hashed);
    },
    refused: () => metrics.logRequests.inc({ outcome: 'unauthorized' }),
    count: (outcome) => metrics.logRequests.inc({ outcome }),
  });
  log.info({ ...intakes.ports }, 'taking mail logs');
  const failures = new Failures('Lines are not taken while Postgres is away');
  const read = async () => {
    sources = await logSources(db);
  };
  const reading = repeat(
    Math.min(SOURCES_MS, sweepMs(config)),
    () => failures.noting('sources', read),
    log,
    'reading the sources of logs',
  );
  return { intakes, reading, writer, failures };
}

/** Joins the lines of each message once its window is over. */
function startJudging(context: Context, log: Log, hash: HashName): Loop {
  const { config, db, clock, metrics } = context;
  const settings = config.collector;
  const wake = new Wake(context);
  const now = () => clock.now();
  const round: RoundMeans = {
    db,
    log,
    hash,
    now,
    declared: new GuardWatch(config.guardFile, log),
    insideNetworks: settings.inside_networks,
    wake: (domains) => wake.domains(domains),
  };
  return repeat(
    Math.min(JUDGE_MS, sweepMs(config)),
    async (signal, turned) => {
      const before = new Date(now().getTime() - settings.window_seconds * 1000);
      metrics.logJudged.inc(await joinAll(round, { before }, { signal, turned }));
      metrics.logOpen.set((await openIds(db)).count);
    },
    log,
    'judging messages',
  );
}

/** Puts the sources of the settings into the store. */
async function putSources({ config, db }: Context): Promise<void> {
  for (const { token_file, ...source } of config.collector.sources) {
    let token: string;
    try {
      token = readSecretFile(token_file, '/');
    } catch (error) {
      throw new SettingsError(`collector.sources: token_file of "${source.name}" ${messageOf(error)}: correct it.`, error);
    }
    await putConfiguredSource(db, source, token);
  }
}

type AllMeans = Parameters<typeof listenHttp>[1] & Parameters<typeof listenSyslog>[1];

async function listenAll({ listen, syslogListen, syslogTlsListen, tls }: Context['config']['collector'], means: AllMeans) {
  const certificate = tls === null ? null : certificateOf(tls);
  const opened: { close(): Promise<void>; port: number }[] = [];
  const open = async (
    setting: string,
    address: { host: string; port: number } | null,
    start: () => Promise<{ close(): Promise<void>; port: number }>,
  ) => {
    if (address === null) return null;
    try {
      const one = await start();
      opened.push(one);
      return one.port;
    } catch (error) {
      await Promise.all(opened.map((one) => one.close()));
      throw new SettingsError(
        `The collector cannot listen on ${address.host}:${address.port}: ${messageOf(error)}. Correct ${setting}.`,
        error,
      );
    }
  };
  const http = await open('collector.listen', listen, () => listenHttp({ ...listen!, tls: certificate }, means));
  const syslog = await open('collector.syslog.listen', syslogListen, () => listenSyslog({ ...syslogListen!, tls: null }, means));
  const syslogTls = await open('collector.syslog.tls_listen', syslogTlsListen, () =>
    listenSyslog({ ...syslogTlsListen!, tls: certificate }, means),
  );
  return { ports: { http, syslog, syslogTls }, close: async () => void (await Promise.all(opened.map((one) => one.close()))) };
}
