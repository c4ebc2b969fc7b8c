import type { Command } from 'commander';
import { config, out, RESOLVER, run } from './run.ts';

/** Commands about the way to enforcement. */
export function addPolicyCommands(program: Command): void {
  const policy = program.command('policy').description("show each domain's progress toward enforcement");
  policy
    .command('status [domain...]')
    .description('show the stage of each domain, its next step and what is blocking it; of all own domains by default')
    .option('--json', 'print JSON')
    .option(...RESOLVER)
    .action(
      run(async (domains: string[], options) =>
        (await import('../commands/policy.ts')).runPolicyStatus(config(), domains, options, out),
      ),
    );
}
