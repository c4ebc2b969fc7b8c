import type { Command } from 'commander';
import { config, out, run } from './run.ts';

/** Commands about the audit chain. */
export function addAuditCommands(program: Command): void {
  const audit = program.command('audit').description('list, verify, export and report the audit chain of requests and decisions');
  audit
    .command('list', { isDefault: true })
    .description('list the newest rows')
    .option('--limit <n>', 'maximum number of rows', '50')
    .action(run(async (options) => (await import('../commands/audit.ts')).runAuditList(config(), options, out)));
  audit
    .command('verify')
    .description('compute every hash again, and say which rows were changed, removed or cut off')
    .option('--head <head>', 'a head from an earlier mail: it must be in the chain')
    .option('--json', 'print JSON')
    .action(run(async (options) => (await import('../commands/audit.ts')).runAuditVerify(config(), options, out)));
  audit
    .command('export')
    .description('print the chain as JSON lines')
    .option('--from <date>', 'only rows from this day on')
    .option('--to <date>', 'only rows before this day')
    .action(run(async (options) => (await import('../commands/audit.ts')).runAuditExport(config(), options, out)));

  audit
    .command('report')
    .description('who asked, who decided, why and what was done, with exceptions, by controls of ISO 27001 and SOC 2')
    .option('--from <date>', 'from this day on (default: 90 days)')
    .option('--to <date>', 'until before this day (default: now)')
    .option('--head <head>', 'a head from an earlier mail: it must be in the chain')
    .option('--json', 'print JSON')
    .option('--csv', 'print one line of CSV for each request')
    .action(run(async (options) => (await import('../commands/audit.ts')).runAuditReport(config(), options, { out })));
}
