import type { Command } from 'commander';
import { config, run, version } from './run.ts';

/** The command that runs the services. */
export function addStartCommand(program: Command): void {
  program
    .command('start [service...]')
    .description(
      'run all services, or only the named ones: poller, parser, analyzer, enricher, watcher, approver, applier, alerter, console',
    )
    .action(run(async (services: string[]) => (await import('../commands/start.ts')).runStart(config(), services, version)));
}
