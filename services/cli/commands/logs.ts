import { importLogs } from '../../collector/index.ts';
import { systemClock } from '../../shared/clock.ts';
import { PermanentError } from '../../shared/errors.ts';
import { escaped, jsonText } from '../../shared/escape.ts';
import { counted } from '../../shared/format.ts';
import { createLog } from '../../shared/runtime/log.ts';
import { isLogNetwork } from '../../shared/settings/collector.ts';
import type { Config } from '../../shared/settings/config.ts';
import { addLogSource, endLogSource, logSources, type NewLogSource } from '../../store/sending/sources.ts';
import { withDatabase } from '../open.ts';
import { moment, type Terminal } from '../terminal/options.ts';
import { table } from '../terminal/table.ts';

const NAME = /^[\w.-]{1,63}$/;

export interface LogSourceOptions {
  cluster?: string;
  environment?: string;
  workload?: string;
  egress?: string[];
  syslogFrom?: string[];
}

function sourceOf(name: string, options: LogSourceOptions): NewLogSource {
  if (!NAME.test(name))
    throw new PermanentError('usage', 'The name of a source has 1 to 63 letters, digits, dots, hyphens and underscores.');
  for (const option of ['cluster', 'environment', 'workload'] as const)
    if ((options[option] ?? '').length > 63) throw new PermanentError('usage', `--${option} has at most 63 characters.`);
  const networks = (option: string, given: readonly string[] = []) => {
    const wrong = given.find((one) => !isLogNetwork(one));
    if (wrong !== undefined)
      throw new PermanentError('usage', `${option}: "${wrong}" is no address and no network, such as 10.0.0.0/8.`);
    return [...given];
  };
  return {
    name,
    cluster: options.cluster ?? '',
    environment: options.environment ?? '',
    workload: options.workload ?? '',
    egress: networks('--egress', options.egress),
    syslog_from: networks('--syslog-from', options.syslogFrom),
  };
}

/**
 * `logs sources add`: prints the token of a new source, once. @throws PermanentError `usage`,
 * `log_source_exists`
 */
export async function runLogSourceAdd(
  config: Config,
  name: string,
  options: LogSourceOptions,
  out: Terminal['out'],
): Promise<number> {
  const source = sourceOf(name, options);
  return withDatabase(config, async (db) => {
    const { token } = await addLogSource(db, source);
    out(`Token of ${name}, which is not shown again:`);
    out(token);
  });
}

/** `logs sources list`. */
export async function runLogSourceList(config: Config, options: { json?: boolean }, out: Terminal['out']): Promise<number> {
  return withDatabase(config, async (db) => {
    const all = await logSources(db);
    if (options.json) {
      for (const { token_sha256, source_id: _, ...one } of all) out(jsonText({ ...one, has_token: token_sha256 !== null }));
    } else if (all.length === 0) out('No source yet: "ruawatch logs sources add NAME" makes one.');
    else
      out(
        table(
          ['name', 'cluster', 'environment', 'workload', 'token', 'syslog from', 'egress', 'last line'],
          all.map((one) => [
            one.name,
            one.cluster,
            one.environment,
            one.workload,
            one.token_sha256 === null ? 'no' : 'yes',
            one.syslog_from.join(', '),
            one.egress.join(', '),
            one.last_seen_at === null ? 'never' : moment(one.last_seen_at),
          ]),
          { widths: [40, 20, 20, 20, 5, 40, 40, 16] },
        ),
      );
  });
}

/** `logs sources remove`. @throws PermanentError `log_source_missing` */
export async function runLogSourceRemove(config: Config, name: string, out: Terminal['out']): Promise<number> {
  return withDatabase(config, async (db) => {
    if (!(await endLogSource(db, name)))
      throw new PermanentError('log_source_missing', `There is no source "${name}": "ruawatch logs sources list" names them.`);
    out(`${name} is removed. Its token is refused from now on; what it delivered stays until its time is over.`);
  });
}

/** `logs import`: reads a file of lines, or standard input. @throws PermanentError `usage`, `log_file` */
export async function runLogImport(
  config: Config,
  file: string,
  options: LogSourceOptions & { source: string; json?: boolean },
  out: Terminal['out'],
): Promise<number> {
  const source = sourceOf(options.source, options);
  return withDatabase(config, async (db) => {
    const context = { config, db, clock: systemClock, log: createLog(config.logLevel) };
    const { lines, counts, judged, twice } = await importLogs(context, { file, source, stdin: process.stdin });
    if (options.json) {
      out(jsonText({ lines, ...counts, judged, twice }));
      return;
    }
    out(`${counted(lines, 'line')}, ${counts.stored ?? 0} of them about messages; ${counted(judged, 'queue id')} judged.`);
    if ((counts.unparsed ?? 0) > 0)
      out(`Not known of programs that are read: ${counted(counts.unparsed!, 'line')}; docs/logs.md says where they are counted.`);
    if ((counts.foreign ?? 0) > 0) out(`Of other programs: ${counted(counts.foreign!, 'line')}.`);
    if ((counts.old ?? 0) > 0)
      out(`Older than what is kept of this source (collector.keep_messages_days): ${counted(counts.old!, 'line')}.`);
    for (const { name, messages, of } of twice)
      out(
        escaped(
          `${messages} of the newest ${of} messages of ${source.name} came under the source ${name} too, and count twice: import a log under one source.`,
        ),
      );
  });
}
