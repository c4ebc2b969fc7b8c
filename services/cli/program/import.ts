import type { Command } from 'commander';
import { config, out, run } from './run.ts';

/** The command that reads files through the pipeline. */
export function addImportCommand(program: Command): void {
  program
    .command('import <path...>')
    .description('import files, folders, mbox files and Maildirs through the same pipeline')
    .option('--json', 'print the summary as JSON')
    .action(
      run(async (paths: string[], options: { json?: boolean }) =>
        (await import('../commands/import.ts')).runImport(config(), paths, options, out),
      ),
    );
}
