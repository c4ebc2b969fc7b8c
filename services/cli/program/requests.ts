import type { Command } from 'commander';
import { config, out, RESOLVER, run } from './run.ts';

/** `requests open` and `requests explain`. */
function addPlanning(requests: Command): void {
  for (const [name, what] of [
    ['open', 'plan a change, show it, and ask for it'],
    ['explain', 'plan a change and show who would decide about it, without asking'],
  ] as const) {
    requests
      .command(`${name} <kind> <domain>`)
      .description(`${what}; kinds: sender.approve, sender.deny, dns.change, policy.step`)
      .requiredOption('--why <text>', 'reason, shown to the people who decide')
      .option('--by <address>', 'mail address of the person who asks (default: the system user)')
      .option('--source <source>', 'sender.*: the sender, as "ruawatch senders" takes it')
      .option('--until <date>', 'sender.*: end of the entry: YYYY-MM-DD (midnight UTC) or a full time')
      .option('--for <time>', 'sender.*: duration of the entry, such as 12h, 7d or 52w')
      .option('--name <name>', 'dns.change: name of the record (default: the domain)')
      .option('--type <type>', 'dns.change: TXT or CNAME (default: TXT)')
      .option('--value <text>', 'dns.change: text of the TXT record to publish')
      .option('--remove', 'dns.change: remove the record')
      .option('--to <policy>', 'policy.step: none, quarantine or reject')
      .option('--half', 'policy.step: with t=y, where enough receivers know it')
      .option(...RESOLVER)
      .action(
        run(async (kind: string, domain: string, options) =>
          (await import('../commands/requests.ts')).runRequestsOpen(
            config(),
            { kind, domain, only: name === 'explain' },
            options,
            {
              out,
            },
          ),
        ),
      );
  }
}

/** Commands about requests. */
export function addRequestsCommands(program: Command): void {
  const requests = program.command('requests').description('requests for changes: list, show, open and withdraw them');
  requests
    .command('list', { isDefault: true })
    .description('list open requests, the newest first')
    .option('--all', 'also those that have ended')
    .option('--domain <domain>', 'only this domain')
    .option('--limit <n>', 'maximum number of rows', '50')
    .option('--json', 'print one line of JSON for each request')
    .action(run(async (options) => (await import('../commands/requests.ts')).runRequestsList(config(), options, out)));
  requests
    .command('show <key>')
    .description('show the exact change of a request, and the decisions about it')
    .option('--json', 'print JSON')
    .action(
      run(async (key: string, options) => (await import('../commands/requests.ts')).runRequestsShow(config(), key, options, out)),
    );
  addPlanning(requests);
  requests
    .command('withdraw <key>')
    .description('withdraw a request that is not applied yet')
    .requiredOption('--why <text>', 'reason, recorded with the request')
    .option('--by <address>', 'mail address of the person who withdraws it (default: the system user)')
    .action(
      run(async (key: string, options) =>
        (await import('../commands/requests.ts')).runRequestsWithdraw(config(), key, options, { out }),
      ),
    );

  requests
    .command('simulate <rules.yaml>')
    .description('say what other rules would have decided about the stored requests, and where people decided otherwise')
    .option('--from <date>', 'only requests from this day on')
    .option('--to <date>', 'only requests before this day')
    .option('--limit <n>', 'maximum number of cases that are listed', '50')
    .option('--json', 'print JSON')
    .action(
      run(async (file: string, options) =>
        (await import('../commands/simulate.ts')).runRequestsSimulate(config(), file, options, { out }),
      ),
    );
}
