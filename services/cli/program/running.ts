import type { Command } from 'commander';
import { codeOf, PermanentError } from '../../shared/errors.ts';
import { colored, config, out, readable, run, version } from './run.ts';

/** The demo is part of the npm package and not of the container image. */
const demoCommand = async () => {
  try {
    return await import('../commands/demo.ts');
  } catch (error) {
    if (codeOf(error) !== 'ERR_MODULE_NOT_FOUND' && codeOf(error) !== 'MODULE_NOT_FOUND') throw error;
    throw new PermanentError(
      'demo_missing',
      'The demo is not part of the image: run it from the npm package or a clone (npm ci && npm run demo).',
      error,
    );
  }
};

/** Commands that run the pipeline, and read files through it. */
export function addRunningCommands(program: Command): void {
  program
    .command('start [service...]')
    .description(
      'run all services, or only the named ones: poller, parser, analyzer, enricher, watcher, approver, applier, alerter, console',
    )
    .action(run(async (services: string[]) => (await import('../commands/start.ts')).runStart(config(), services, version)));
  program
    .command('demo')
    .description('run the whole pipeline on a local mailbox with six weeks of reports and one incident of each kind')
    .option('--exit', 'exit when everything is processed')
    .option('--act', 'then have two people approve changes at the console, publish them, and let days go by')
    .action(run(async (options: { exit?: boolean; act?: boolean }) => (await demoCommand()).runDemo(options, colored)));
  program
    .command('import <path...>')
    .description('import files, folders, mbox files and Maildirs through the same pipeline')
    .option('--json', 'print the summary as JSON')
    .action(
      run(async (paths: string[], options: { json?: boolean }) =>
        (await import('../commands/import.ts')).runImport(config(), paths, options, out),
      ),
    );
  program
    .command('parse <path...>')
    .description('read files without a database and print one line of JSON for each report')
    .action(run(async (paths: string[]) => (await import('../commands/parse.ts')).runParse(paths, process.stdout)));
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
  program
    .command('migrate')
    .description('update the database schema to this version')
    .option('--roles', 'also create a database role for each service, with only the rights it needs, and one for analysts')
    .action(
      run(async (options: { roles?: boolean }) => (await import('../commands/migrate.ts')).runMigrate(config(), options, out)),
    );
  program
    .command('doctor')
    .description('check all settings and connections, one line each')
    .action(
      run(async () => {
        const { runDoctor } = await import('../commands/doctor.ts');
        return runDoctor(readable(config), out);
      }),
    );
}
