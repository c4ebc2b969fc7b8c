import type { Command } from 'commander';
import { config, out, run } from './run.ts';

/** Commands about alerts. */
export function addAlertsCommands(program: Command): void {
  const alerts = program.command('alerts').description('test the ways in which alerts are sent');
  alerts
    .command('test')
    .description('send a test alert and a sample digest to all recipients by every channel, and show what the servers answer')
    .action(run(async () => (await import('../commands/alerts.ts')).runAlertsTest(config(), out)));
}
