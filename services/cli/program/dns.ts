import type { Command } from 'commander';
import { addCheckOptions, colored, config, oneMore, out, RESOLVER, run, version } from './run.ts';

/** `dns rotate` and `dns lookalikes`. */
function addRotateAndLookalikes(dns: Command): void {
  dns
    .command('rotate <domain>')
    .description('replace the DKIM key of a domain, in six steps that each wait for what makes them safe')
    .option('--why <text>', 'reason, shown to the people who decide')
    .option('--by <address>', 'mail address of the person who asks (default: the system user)')
    .option('--status', 'show the progress and change nothing')
    .option('--json', 'with --status: print JSON')
    .action(
      run(async (domain: string, options: { why?: string; by?: string; status?: boolean; json?: boolean }) =>
        (await import('../commands/dns-rotate.ts')).runDnsRotate(config(), domain, options, { out }),
      ),
    );

  dns
    .command('lookalikes [domain]')
    .description('list registered names that may be mistaken for a domain, and whether they accept mail')
    .option('--stored', 'list what the watcher found instead of asking DNS now (as without a domain)')
    .option('--full', 'look up every candidate instead of the 1,000 most similar')
    .option('--most <count>', 'number of candidates to look up, most similar first')
    .option('--json', 'print JSON')
    .option(
      '--names <source>',
      'match names from certificates or registrations instead: a file, an http(s) address, or "-", one name a line',
    )
    .option('--word <words>', 'with --names: brand words beside the name of the domain, separated by commas', oneMore)
    .option('--ignore <name>', 'stop watching this name')
    .option('--unignore <name>', 'watch it again')
    .option('--why <text>', 'reason, kept with the ignored name')
    .option('--by <name>', 'name recorded with it instead of the system user')
    .option(...RESOLVER)
    .action(
      run(async (domain: string | undefined, options) =>
        (await import('../commands/lookalikes.ts')).runLookalikes(config(), domain, options, { out }),
      ),
    );
}

/** Commands about DNS records. */
export function addDnsCommands(program: Command): void {
  const dns = program.command('dns').description('check and watch the DNS records of domains');
  addCheckOptions(
    dns.command('check <domain...>').description("check a domain's mail-related DNS records and suggest corrections"),
  )
    .option('--selector <selector>', 'DKIM selectors to check, separated by commas; may be repeated', oneMore)
    .option('--reports', 'also check the selectors in reports of the last five weeks')
    .action(
      run(async (domains: string[], options) =>
        (await import('../commands/dns.ts')).runDnsCheck(config(), domains, options, {
          out: colored,
          colors: process.stdout.isTTY === true,
          version,
        }),
      ),
    );

  dns
    .command('watch [domains...]')
    .description('ask for the DNS records of own domains now, and print what changed since the watcher last asked')
    .option('--json', 'print JSON')
    .action(
      run(async (domains: string[], options: { json?: boolean }) =>
        (await import('../commands/dns-watch.ts')).runDnsWatch(config(), domains, options, out),
      ),
    );

  dns
    .command('history <domain>')
    .description('list the DNS records of a domain as the watcher saw them, with the time of each change')
    .option('--json', 'print JSON')
    .action(
      run(async (domain: string, options: { json?: boolean }) =>
        (await import('../commands/dns-history.ts')).runDnsHistory(config(), domain, options, out),
      ),
    );

  addRotateAndLookalikes(dns);
}
