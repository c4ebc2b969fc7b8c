import type { Command } from 'commander';
import { config, out, run } from './run.ts';

/** Commands about findings. */
export function addFindingsCommands(program: Command): void {
  const findings = program.command('findings').description('list and show findings, acknowledge, snooze or resolve them');
  findings
    .command('list', { isDefault: true })
    .description('list open findings, the most severe first')
    .option('--all', 'also resolved findings')
    .option('--domain <domain>', 'only this domain')
    .option('--limit <n>', 'maximum number of rows', '50')
    .option('--json', 'print one line of JSON for each finding')
    .action(run(async (options) => (await import('../commands/findings.ts')).runFindingsList(config(), options, out)));
  findings
    .command('show <key>')
    .description('show a finding with its evidence and history')
    .option('--json', 'print JSON')
    .action(
      run(async (key: string, options) => (await import('../commands/findings.ts')).runFindingsShow(config(), key, options, out)),
    );
  for (const [name, what] of [
    ['ack', 'acknowledge a finding: no more mails unless it gets materially worse'],
    ['unack', 'withdraw an acknowledgement'],
    ['snooze', 'send no mails until a time, then alert again if the finding is still open'],
    ['unsnooze', 'end a snooze now'],
    ['resolve', 'close a finding; newer evidence opens it again'],
  ] as const) {
    const command = findings
      .command(`${name} <key>`)
      .description(what)
      .requiredOption('--why <text>', 'reason, recorded in the history')
      .option('--by <name>', 'name recorded with it (default: the system user)');
    if (name === 'resolve')
      command.option('--as <verdict>', 'false, right or expected: kept with the finding, and read by "findings review"');
    if (name === 'snooze' || name === 'ack' || name === 'resolve') {
      command
        .option('--until <date>', 'YYYY-MM-DD (midnight UTC) or a full time such as 2026-12-01T08:00:00Z')
        .option('--for <time>', 'duration, such as 12h, 7d or 2w');
    }
    command.action(
      run(async (key: string, options) =>
        (await import('../commands/findings.ts')).runFindingsAct(config(), { act: name, key }, options, { out }),
      ),
    );
  }

  findings
    .command('review')
    .description('show how often each kind was right, as people saw it, and what that suggests')
    .option('--days <n>', 'how many days back to look for mailed findings', '90')
    .option('--json', 'print JSON')
    .action(run(async (options) => (await import('../commands/findings.ts')).runFindingsReview(config(), options, { out })));
}
