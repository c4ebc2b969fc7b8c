import type { Command } from 'commander';
import { config, run, version } from './run.ts';

/** The command that runs the services. */
export function addStartCommand(program: Command): void {
  program
    .command('start [service...]')
    .description(
      'run all services, or only the named ones: poller, parser, analyzer, enricher, watcher, approver, applier, alerter, console',
    )
    .action(
      run(async (services: string[]) => {
        // Before the services are loaded: what is wrong is said at once.
        const settings = config();
        return (await import('../commands/start.ts')).runStart(settings, services, version);
      }),
    );
}
