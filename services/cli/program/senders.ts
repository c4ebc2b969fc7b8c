import type { Command } from 'commander';
import { config, out, run } from './run.ts';

/** Third parties, and the end of an entry. */
function addOnboarding(senders: Command): void {
  senders
    .command('onboard <source>')
    .description('ask for a third party to send as a domain: its records, its approval, and when both end')
    .requiredOption('--domain <domain>', 'the domain that it is to send as')
    .requiredOption('--owner <name>', 'who answers for it: a person or a team')
    .requiredOption('--until <date>', 'when the contract ends: YYYY-MM-DD')
    .requiredOption('--why <text>', 'reason, shown to the people who decide')
    .option('--by <address>', 'mail address of the person who asks (default: the system user)')
    .option('--volume <messages>', 'messages a day that are expected')
    .option(
      '--records <file>',
      "the records of the vendor's instructions, as lines of a zone file (default: those of the catalogue)",
    )
    .option('--window <time>', 'publish nothing: ask for a DNS window of that length for the records instead, such as 2h')
    .action(
      run(async (source: string, options) =>
        (await import('../commands/onboard.ts')).runSendersOnboard(config(), source, options, { out }),
      ),
    );
  senders
    .command('onboarded')
    .description('list third parties and their state')
    .option('--domain <domain>', 'only of this domain')
    .option('--limit <n>', 'maximum number of rows', '50')
    .option('--json', 'print one line of JSON for each')
    .action(run(async (options) => (await import('../commands/onboard.ts')).runSendersOnboarded(config(), options, out)));
  senders
    .command('expire <domain> <source>')
    .description('end an entry now')
    .requiredOption('--why <text>', 'reason, recorded with the entry')
    .option('--by <name>', 'name recorded with it (default: the system user)')
    .action(
      run(async (domain: string, source: string, options) =>
        (await import('../commands/senders.ts')).runSendersExpire(config(), { domain, source }, options, { out }),
      ),
    );
}

/** Commands about senders. */
export function addSendersCommands(program: Command): void {
  const senders = program.command('senders').description('approve or deny sources as senders of your domains');
  senders
    .command('list', { isDefault: true })
    .description('list approved and denied sources')
    .option('--all', 'also ended entries')
    .option('--domain <domain>', 'only entries that apply to this domain')
    .option('--limit <n>', 'maximum number of rows', '50')
    .option('--json', 'print one line of JSON for each entry')
    .action(run(async (options) => (await import('../commands/senders.ts')).runSendersList(config(), options, out)));
  for (const [name, verdict, what] of [
    ['approve', 'approved', 'mark a source as legitimate: authorized if its mail is aligned, misaligned if not'],
    ['deny', 'denied', 'mark a source as unauthorized, even if its mail passes'],
  ] as const) {
    senders
      .command(`${name} <domain> <source>`)
      .description(what)
      .requiredOption('--why <text>', 'reason, recorded with the entry')
      .option('--by <name>', 'name recorded with it (default: the system user)')
      .option('--until <date>', 'end of the entry: YYYY-MM-DD (midnight UTC) or a full time')
      .option('--for <time>', 'duration of the entry, such as 12h, 7d or 52w')
      .option('--new', 'the domain is new: no report has mentioned it yet')
      .action(
        run(async (domain: string, source: string, options) =>
          (await import('../commands/senders.ts')).runSendersPut(config(), { verdict, domain, source }, options, { out }),
        ),
      );
  }
  addOnboarding(senders);
}
