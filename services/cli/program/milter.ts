import type { Command } from 'commander';
import { config, out, run } from './run.ts';

/** Commands that try the rules for arriving mail. */
export function addMilterCommands(program: Command): void {
  const milter = program.command('milter').description('judge mail as the service milter does when it arrives');
  milter
    .command('try <file>')
    .description('show what the rules would do with a mail in a file; nothing is held, noted or sent')
    .requiredOption('--ip <address>', 'the address of the client that hands it in')
    .option('--helo <name>', 'the name that the client says in HELO or EHLO')
    .option('--from <address>', 'the sender in the envelope; a bounce has none')
    .option('--json', 'print JSON')
    .action(
      run(async (file: string, options) => (await import('../commands/milter.ts')).runMilterTry(config(), file, options, out)),
    );
}
