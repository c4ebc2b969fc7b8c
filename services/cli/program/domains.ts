import type { Command } from 'commander';
import { config, out, run } from './run.ts';

/** Commands about domains. */
export function addDomainsCommands(program: Command): void {
  const domains = program.command('domains').description('list, add or ignore watched domains');
  domains
    .command('list', { isDefault: true })
    .description('list all known domains and why each is watched or not')
    .option('--state <state>', 'only domains in this state: own, observed or ignored')
    .option('--limit <n>', 'maximum number of rows', '50')
    .option('--json', 'print one line of JSON for each domain')
    .action(run(async (options) => (await import('../commands/domains.ts')).runDomainsList(config(), options, out)));
  domains
    .command('add <domain...>')
    .description('mark domains and all their subdomains as yours: stored reports about them are analyzed')
    .option('--why <text>', 'reason, recorded with the domain')
    .option('--by <name>', 'name recorded with it (default: the system user)')
    .action(
      run(async (names: string[], options) =>
        (await import('../commands/domains.ts')).runDomainsAdd(config(), names, options, { out }),
      ),
    );
  domains
    .command('ignore <domain>')
    .description('stop reporting findings for a domain and its subdomains; its reports stay stored')
    .option('--why <text>', 'reason, recorded with the domain')
    .option('--by <name>', 'name recorded with it (default: the system user)')
    .action(
      run(async (name: string, options) =>
        (await import('../commands/domains.ts')).runDomainsIgnore(config(), name, options, { out }),
      ),
    );

  domains
    .command('remove <domain>')
    .description('delete all that is stored about a domain and its subdomains; without --yes, only print what that is')
    .option('--yes', 'delete it')
    .option('--why <text>', 'reason, recorded with the domain')
    .option('--by <name>', 'name recorded with it (default: the system user)')
    .option('--json', 'print JSON')
    .action(
      run(async (name: string, options) =>
        (await import('../commands/domains.ts')).runDomainsRemove(config(), name, options, { out }),
      ),
    );

  domains
    .command('timeline <domain>')
    .description('list what happened to a domain: findings, DNS, requests, decisions, changes, the newest first')
    .option('--from <date>', 'only from this day on')
    .option('--to <date>', 'only before this day')
    .option('--limit <n>', 'maximum number of rows', '50')
    .option('--json', 'print one line of JSON for each row')
    .action(
      run(async (domain: string, options) =>
        (await import('../commands/domains.ts')).runDomainsTimeline(config(), domain, options, out),
      ),
    );
}
