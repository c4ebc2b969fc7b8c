import type { Command } from 'commander';
import { config, out, readable, run } from './run.ts';

/** The command that checks settings and connections. */
export function addDoctorCommand(program: Command): void {
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
