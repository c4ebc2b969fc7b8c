import type { Command } from 'commander';
import { config, out, run } from './run.ts';

/** The command that verifies reporters again. */
export function addVerifyCommand(program: Command): void {
  program
    .command('verify')
    .description('verify again the mails of reports whose reporter was never verified')
    .option('--all', 'also those that were not proven, for after a change of trust.authserv_ids')
    .option('--json', 'print the counts as JSON')
    .action(
      run(async (options: { all?: boolean; json?: boolean }) =>
        (await import('../commands/verify.ts')).runVerify(config(), options, out),
      ),
    );
}
