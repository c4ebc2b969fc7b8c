import type { Command } from 'commander';
import { config, oneMore, out, run } from './run.ts';

/** Tokens, and the end of a person's access. */
function addTokens(people: Command): void {
  people
    .command('token <name>')
    .description("make a token with which a person's programs, or a service principal, use the API, and print it once")
    .option('--scope <scope>', 'read, act, request or decide; may be repeated (default: read)', oneMore)
    .option('--domains <domain>', 'only this domain, with its subdomains; may be repeated (default: all of the person)', oneMore)
    .option('--for <time>', 'how long it holds, such as 12h, 30d or 52w; with decide at most 24h')
    .option('--until <date>', 'when it ends: YYYY-MM-DD (midnight UTC) or a full time')
    .option('--note <text>', 'what it is for')
    .option('--code <code>', "with decide: the code that the person's code generator shows")
    .action(
      run(async (name: string, options) =>
        (await import('../commands/people-tokens.ts')).runPeopleToken(config(), name, options, { out }),
      ),
    );
  people
    .command('tokens')
    .description('list the tokens that hold')
    .option('--person <name>', 'only those of this person')
    .option('--json', 'print one line of JSON for each token')
    .action(run(async (options) => (await import('../commands/people-tokens.ts')).runPeopleTokens(config(), options, { out })));
  people
    .command('revoke <key>')
    .description('end a token at once')
    .action(run(async (key: string) => (await import('../commands/people-tokens.ts')).runPeopleRevoke(config(), key, { out })));
  people
    .command('remove <name>')
    .description('end the access of a person: sessions and tokens end at once')
    .action(run(async (name: string) => (await import('../commands/people.ts')).runPeopleRemove(config(), name, { out })));
}

/** Commands about people and their tokens. */
export function addPeopleCommands(program: Command): void {
  const people = program.command('people').description('manage who may sign in to the console and what they may see');
  people
    .command('list', { isDefault: true })
    .description('list who may sign in')
    .option('--json', 'print one line of JSON for each person')
    .action(run(async (options) => (await import('../commands/people.ts')).runPeopleList(config(), options, out)));
  people
    .command('add <name>')
    .description('add a person, and print a link with which they choose a password; or a service principal')
    .option('--role <role>', 'viewer, operator (acts on findings) or admin (also adds people)', 'viewer')
    .option('--domain <domain>', 'a domain that they may see, with its subdomains; may be repeated', oneMore)
    .option('--all-domains', 'they may see everything')
    .option('--email <address>', 'mail address of the person')
    .option('--service', 'a program, such as a CI job: it holds tokens and grants, and decides nothing')
    .option('--owner <person>', 'with --service: who answers for it; it ends when that person is gone')
    .option('--for <time>', 'with --service: how long it holds, such as 30d or 26w; at most 366 days')
    .option('--until <date>', 'with --service: when it ends: YYYY-MM-DD (midnight UTC) or a full time')
    .action(
      run(async (name: string, options) => {
        const { runPeopleAdd, runServiceAdd } = await import('../commands/people.ts');
        return (options.service === true ? runServiceAdd : runPeopleAdd)(config(), name, options, { out });
      }),
    );
  people
    .command('link <name>')
    .description('print another link with which a person chooses a password')
    .action(run(async (name: string) => (await import('../commands/people.ts')).runPeopleLink(config(), name, { out })));
  people
    .command('change <name>')
    .description('give a person another role or other domains: sessions and tokens end at once')
    .requiredOption('--role <role>', 'viewer, operator (acts on findings) or admin (also adds people)')
    .option('--domain <domain>', 'a domain that they may see, with its subdomains; may be repeated', oneMore)
    .option('--all-domains', 'they may see everything')
    .action(
      run(async (name: string, options) =>
        (await import('../commands/people.ts')).runPeopleChange(config(), name, options, { out }),
      ),
    );
  addTokens(people);
}
