import type { Command } from 'commander';
import { codeOf, PermanentError } from '../../shared/errors.ts';
import { colored, run } from './run.ts';

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

/** The command that shows everything on a local mailbox. */
export function addDemoCommand(program: Command): void {
  program
    .command('demo')
    .description('run the whole pipeline on a local mailbox with six weeks of reports and one incident of each kind')
    .option('--exit', 'exit when everything is processed')
    .option('--act', 'then have two people approve changes at the console, publish them, and let days go by')
    .action(run(async (options: { exit?: boolean; act?: boolean }) => (await demoCommand()).runDemo(options, colored)));
}
