import type { Command } from 'commander';
import { config, oneMore, out, run } from './run.ts';

/** What rights there are, how they are used, and what they need. */
function addAccessRights(access: Command): void {
  access
    .command('standing')
    .description(
      'list every right that somebody has for good, with its last use, and ask to take one away or to have it granted for a time',
    )
    .option('--ask <right>', 'open a request about this one')
    .option('--why <text>', 'with --ask: why; it is recorded')
    .option('--by <name>', 'with --ask: who asks (default: the system user)')
    .option('--json', 'one JSON object a line')
    .action(
      run(async (options) => (await import('../commands/access-standing.ts')).runAccessStanding(config(), options, { out })),
    );
  access
    .command('review')
    .description('show how long grants were really used and what was never used, and propose shorter times and narrower scopes')
    .option('--days <n>', 'days to look back (default: 90)')
    .option('--ask', 'open the proposals as requests')
    .option('--why <text>', 'with --ask: why (default: tuned from use)')
    .option('--by <name>', 'with --ask: who asks (default: the system user)')
    .option('--json', 'one JSON object a line')
    .action(run(async (options) => (await import('../commands/access-review.ts')).runAccessReview(config(), options, { out })));
  access
    .command('statements')
    .description('print what was run with a granted role of a database, from the log of its server')
    .argument('<key>', 'the grant')
    .action(run(async (key: string) => (await import('../commands/access.ts')).runAccessStatements(config(), key, { out })));
  access
    .command('secret')
    .description('open what was granted with the key that was shown at the request; the key comes on the standard input')
    .argument('<key>', 'the grant')
    .action(
      run(async (key: string) => {
        const { text } = await import('node:stream/consumers');
        return (await import('../commands/access.ts')).runAccessSecret(config(), key, await text(process.stdin), { out });
      }),
    );
  access
    .command('setup')
    .description('print the SQL that makes a Postgres server able to grant roles for a time, or mail accounts')
    .argument('<server>', 'its name in the settings (access.database, access.email)')
    .option('--login <role>', 'the login of the service (default: the user of its URL)')
    .option('--reader <role>', 'of access.email: the login of Dovecot and Postfix')
    .action(
      run(async (name: string, options) => (await import('../commands/access.ts')).runAccessSetup(config(), name, options, out)),
    );
}

/** Commands about rights that are lent. */
export function addAccessCommands(program: Command): void {
  const access = program.command('access').description('rights that are granted for a time: request, list and end them');
  access
    .command('request')
    .description('ask for a right, and print the secret that works once it is granted')
    .argument('<kind>', 'access.database, access.dns, access.email, access.dns-provider or access.console')
    .option(
      '--for <time>',
      'how long it is needed, such as 90m, 2h or 1d; the time begins when it is applied (default_hours of the settings)',
    )
    .requiredOption('--why <text>', 'why; it is recorded')
    .option('--by <name>', 'who asks (default: the system user)')
    .option('--service <name>', 'ask in the name of a service principal, which then holds it')
    .option('--server <name>', 'the target in the settings (default: the only one)')
    .option('--group <role>', 'of access.database: the role whose rights are granted')
    .option(
      '--name <name...>',
      'of access.dns and access.dns-provider: the names to be changed; with a dot before it, all names below',
    )
    .option('--type <type...>', 'of access.dns and access.dns-provider: the types of records (default: TXT)')
    .option('--only <operation>', 'of access.dns and access.dns-provider: add or delete alone')
    .option('--requests', 'of access.dns: no key; your requests in this scope need no further decision')
    .option('--done-when <record>', 'of access.dns: end it once all authoritative servers have it: "NAME TXT value"')
    .option('--from <address>', 'of access.email: the address to send from')
    .option('--role <role>', 'of access.console: viewer, operator or admin')
    .option('--domain <domain>', 'of access.console: a domain, with its subdomains; may be repeated', oneMore)
    .option('--all-domains', 'of access.console: everything')
    .option('--uses <n>', 'end it after n uses')
    .action(
      run(async (kind: string, options) =>
        (await import('../commands/access.ts')).runAccessRequest(config(), kind, options, { out }),
      ),
    );
  access
    .command('list', { isDefault: true })
    .description('list rights that are granted or requested, the newest first')
    .option('--all', 'also what has ended')
    .option('--domain <domain>', 'only of this domain')
    .option('--limit <n>', 'at most n')
    .option('--json', 'one JSON object a line')
    .action(run(async (options) => (await import('../commands/access.ts')).runAccessList(config(), options, out)));
  access
    .command('end')
    .description('end a grant, or all of them, at once')
    .argument('[key]', 'the grant')
    .option('--all', 'all grants')
    .option('--domain <domain>', 'with --all: only of this domain')
    .requiredOption('--why <text>', 'why; it is recorded')
    .option('--by <name>', 'who ends it (default: the system user)')
    .action(
      run(async (key: string | undefined, options) =>
        (await import('../commands/access.ts')).runAccessEnd(config(), key, options, { out }),
      ),
    );
  addAccessRights(access);
}
