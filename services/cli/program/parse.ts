import type { Command } from 'commander';
import { run } from './run.ts';

/** The command that reads files without a database. */
export function addParseCommand(program: Command): void {
  program
    .command('parse <path...>')
    .description('read files without a database and print one line of JSON for each report')
    .action(run(async (paths: string[]) => (await import('../commands/parse.ts')).runParse(paths, process.stdout)));
}
