import type { Command } from 'commander';
import { config, out, run } from './run.ts';

/** The command that updates the schema. */
export function addMigrateCommand(program: Command): void {
  program
    .command('migrate')
    .description('update the database schema to this version')
    .option('--roles', 'also create a database role for each service, with only the rights it needs, and one for analysts')
    .action(
      run(async (options: { roles?: boolean }) => (await import('../commands/migrate.ts')).runMigrate(config(), options, out)),
    );
}
