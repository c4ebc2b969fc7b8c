import type { Command } from 'commander';
import { addCheckOptions, colored, config, oneMore, RESOLVER, run, version } from './run.ts';

/** Commands that check environments. */
export function addGuardCommands(program: Command): void {
  const guard = program.command('guard').description('compare environments and records with what mail-guard.yaml declares');
  addCheckOptions(
    guard
      .command('check <file>')
      .description(
        'check published or planned records, the differences of environments, and how mail of the workloads would fare',
      ),
  )
    .option('--environment <name>', 'only this environment; may be repeated', oneMore)
    .option('--offline', 'query nothing: the planned records are all there is')
    .action(
      run(async (file: string, options) =>
        (await import('../commands/guard.ts')).runGuardCheck(config(), file, options, {
          out: colored,
          err: (line) => process.stderr.write(`${line}\n`),
          colors: process.stdout.isTTY === true,
          version,
        }),
      ),
    );
  guard
    .command('probe [file]')
    .description('take the mail that workloads send to this SMTP server or a mailbox, and show what a receiver would make of it')
    .option('--listen <address:port>', 'listen here; 127.0.0.1:2525 by default, unless a mailbox is given')
    .option('--mailbox <name>', 'watch this mailbox of the settings, or this IMAP URL, for new mail')
    .option('--expect <what>', 'end after this number of mails, or when these workloads ("shop,news", "all") have sent one')
    .option('--seconds <number>', 'how long to wait; 60 by default')
    .option('--environment <name>', 'only this environment of the file; may be repeated', oneMore)
    .option('--records <file>', 'use planned records: a zone file or YAML that overrides what is published')
    .option('--offline', 'query nothing: the planned records are all there is')
    .option(...RESOLVER)
    .option('--peer <address>', 'evaluate SPF as if all mail came from this address')
    .option('--report <file>', 'also write what was seen as an aggregate report (RFC 9990) of the environment')
    .option('--import', 'also keep what was seen in the database, apart from all reports')
    .option('--json', 'print JSON')
    .option('--junit', 'print JUnit XML, for CI')
    .option('--strict', 'exit with 1 if there are warnings')
    .action(
      run(async (file: string | undefined, options) =>
        (await import('../commands/guard-probe.ts')).runGuardProbe(config(), file, options, {
          out: colored,
          err: (line) => process.stderr.write(`${line}\n`),
          colors: process.stdout.isTTY === true,
        }),
      ),
    );
}
