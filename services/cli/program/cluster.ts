import type { Command } from 'commander';
import { config, out, run } from './run.ts';

/** Commands about SPF that follows a cluster. */
export function addClusterCommands(program: Command): void {
  const cluster = program.command('cluster').description('addresses by which mail leaves a cluster, and SPF that follows them');

  cluster
    .command('status')
    .description('show the addresses, and what the SPF records wait for')
    .option('--json', 'print JSON')
    .action(
      run(async (options: { json?: boolean }) =>
        (await import('../commands/cluster.ts')).runClusterStatus(config(), options, { out }),
      ),
    );

  cluster
    .command('confirm <egress>')
    .description('confirm that the addresses that are gone from ENVIRONMENT/EGRESS are gone, so that SPF may drop them')
    .requiredOption('--why <text>', 'reason, kept in the audit chain')
    .option('--by <name>', 'who confirms (default: the system user)')
    .action(
      run(async (egress: string, options: { why: string; by?: string }) =>
        (await import('../commands/cluster.ts')).runClusterConfirm(config(), egress, options, { out }),
      ),
    );
}
