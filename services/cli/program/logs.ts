import type { Command } from 'commander';
import { config, out, run } from './run.ts';

/** Commands about mail logs. */
export function addLogsCommands(program: Command): void {
  const logs = program.command('logs').description('mail logs of your own servers: import them, and manage who delivers them');
  /** Options of commands that name a source. */
  const ofSource = (command: Command): Command =>
    command
      .option('--cluster <name>', 'the cluster that its lines are of')
      .option('--environment <name>', 'the environment, as mail-guard.yaml names it')
      .option('--workload <name>', 'the workload, where the lines name none')
      .option('--egress <network...>', 'networks that its mail leaves from');
  ofSource(
    logs
      .command('import <file>')
      .description('read lines from a file, or "-" for standard input, and add up what was sent')
      .requiredOption('--source <name>', 'the source that the lines are of; a new one is made'),
  )
    .option('--json', 'print the counts as JSON')
    .action(
      run(async (file: string, options) => (await import('../commands/logs.ts')).runLogImport(config(), file, options, out)),
    );
  logs
    .command('why <id>')
    .description('say why a mail failed, by its Message-ID or queue id: what log, key, SPF and reports show of it')
    .option('--json', 'print one line of JSON for each mail')
    .action(run(async (id: string, options) => (await import('../commands/logs-why.ts')).runLogsWhy(config(), id, options, out)));
  const logSources = logs.command('sources').description('who may deliver lines to the collector');
  ofSource(logSources.command('add <name>').description('add a source and print its token, once'))
    .option('--syslog-from <network...>', 'networks from which syslog connections are of this source')
    .action(
      run(async (name: string, options) => (await import('../commands/logs.ts')).runLogSourceAdd(config(), name, options, out)),
    );
  logSources
    .command('list', { isDefault: true })
    .description('list the sources, and when each last delivered a line')
    .option('--json', 'print one line of JSON for each source')
    .action(run(async (options) => (await import('../commands/logs.ts')).runLogSourceList(config(), options, out)));
  logSources
    .command('remove <name>')
    .description('end a source: its token is refused at once')
    .action(run(async (name: string) => (await import('../commands/logs.ts')).runLogSourceRemove(config(), name, out)));
}
