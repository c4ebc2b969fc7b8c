#!/usr/bin/env node
import '../shared/runtime/young-generation.ts';
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { codeOf, messageOf, PermanentError, RuawatchError } from '../shared/errors.ts';
import { escapedLines } from '../shared/escape.ts';
import { loadConfig } from '../shared/settings/config.ts';

const out = (line: string) => process.stdout.write(`${escapedLines(line)}\n`);
/** For what brings colours of its own, and escapes what it shows by itself. */
const painted = (line: string) => process.stdout.write(`${line}\n`);
const complain = (text: string) => process.stderr.write(escapedLines(text));
const config = () => loadConfig(process.env, process.cwd());
const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as { version: string };

/** Runs a subcommand: its number is the exit code; what it throws is one sentence on stderr and exit code 1. */
const run =
  <A extends unknown[]>(command: (...args: A) => Promise<number>) =>
  async (...args: A): Promise<void> => {
    try {
      process.exitCode = await command(...args);
    } catch (error) {
      const known = error instanceof RuawatchError;
      complain(`${known ? error.message : `ruawatch met something it does not know: ${messageOf(error)}`}\n`);
      if (!known && process.env.LOG_LEVEL === 'debug' && error instanceof Error) complain(`${error.stack}\n`);
      process.exitCode = 1;
    }
  };

/** What `read` returns, or the error it threw: doctor reports on both. */
const readable = <T>(read: () => T): T | Error => {
  try {
    return read();
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
};

/** The demo with its mailbox: the npm package has them, the container image has not. */
const demoCommand = async () => {
  try {
    return await import('./commands/demo.ts');
  } catch (error) {
    if (codeOf(error) !== 'ERR_MODULE_NOT_FOUND' && codeOf(error) !== 'MODULE_NOT_FOUND') throw error;
    throw new PermanentError(
      'demo_missing',
      'The demo is not part of the image: run it from the npm package or a clone (npm ci && npm run demo).',
      error,
    );
  }
};

/** An option that may stand several times. (A variadic one would take the arguments behind it as well.) */
const oneMore = (value: string, before: string[] = []) => [...before, value];

const program = new Command('ruawatch')
  .description('DMARC reports from a mailbox into Postgres, and the few mails that matter')
  .version(version)
  .configureOutput({ writeErr: complain });
program
  .command('start [service...]')
  .description('run all services, or the named ones (poller, parser, analyzer, enricher, alerter)')
  .action(run(async (services: string[]) => (await import('./commands/start.ts')).runStart(config(), services)));
program
  .command('demo')
  .description('a local mailbox with six weeks of reports and four incidents, through the whole pipeline')
  .option('--exit', 'end when all is processed')
  .action(run(async (options: { exit?: boolean }) => (await demoCommand()).runDemo(options, painted)));
program
  .command('import <path...>')
  .description('files, folders, mbox and Maildir through the same pipeline')
  .option('--json', 'print one JSON summary')
  .action(
    run(async (paths: string[], options: { json?: boolean }) =>
      (await import('./commands/import.ts')).runImport(config(), paths, options, out),
    ),
  );
program
  .command('parse <path...>')
  .description('read files without a database: one JSON line a report')
  .action(run(async (paths: string[]) => (await import('./commands/parse.ts')).runParse(paths, process.stdout)));
program
  .command('migrate')
  .description('bring the database schema up to this version')
  .option('--roles', 'also make a database role for each service, with only the rights it needs, and one for analysts')
  .action(
    run(async (options: { roles?: boolean }) => (await import('./commands/migrate.ts')).runMigrate(config(), options, out)),
  );
program
  .command('doctor')
  .description('check every setting and connection, one line each')
  .action(
    run(async () => {
      const { runDoctor } = await import('./commands/doctor.ts');
      return runDoctor(readable(config), out);
    }),
  );

const policy = program.command('policy').description('how far the domains have come, and the next step');
policy
  .command('status [domain...]')
  .description('stage, next step and what it waits for, of the named domains or of all own ones')
  .option('--json', 'print JSON')
  .option('--resolver <server>', 'ask this name server ("address" or "address:port") instead of those of the settings', oneMore)
  .action(
    run(async (domains: string[], options) =>
      (await import('./commands/policy.ts')).runPolicyStatus(config(), domains, options, out),
    ),
  );

const dns = program.command('dns').description('what DNS says about the mail of domains');
dns
  .command('check <domain...>')
  .description('the records that have to do with mail: what is wrong, where, and what to publish instead')
  .option('--json', 'print JSON')
  .option('--junit', 'print JUnit XML, for CI')
  .option('--sarif', 'print SARIF 2.1.0, for code scanners')
  .option('--resolver <server>', 'ask this name server ("address" or "address:port") instead of those of the settings', oneMore)
  .option('--no-web', 'do not fetch MTA-STS policies and BIMI logos')
  .option('--private', 'fetch them from private addresses as well')
  .option('--records <file>', 'check what is planned: a zone file, or YAML, laid over what is published')
  .option('--selector <selector>', 'a DKIM selector to look at; several with commas, or the option again', oneMore)
  .option('--reports', 'also the selectors that the reports of the last five weeks tell of')
  .option('--strict', 'exit with 1 when there are warnings')
  .action(
    run(async (domains: string[], options) =>
      (await import('./commands/dns.ts')).runDnsCheck(
        config(),
        domains,
        options,
        painted,
        process.stdout.isTTY === true,
        new Date(),
        version,
      ),
    ),
  );

dns
  .command('lookalikes <domain>')
  .description('names that may be taken for a domain: which of them are registered, and which have mail')
  .option('--full', 'ask about every candidate instead of the 1,000 likest')
  .option('--most <count>', 'ask about this many of the likest')
  .option('--json', 'print JSON')
  .option('--resolver <server>', 'ask this name server ("address" or "address:port") instead of those of the settings', oneMore)
  .action(
    run(async (domain: string, options) =>
      (await import('./commands/lookalikes.ts')).runLookalikes(config(), domain, options, out),
    ),
  );
const messages = program.command('messages').description('the archive and the quarantine');
messages
  .command('list', { isDefault: true })
  .option('--state <state...>', 'received, stored, ignored, quarantined, failed')
  .option('--code <code>', 'only messages with this code')
  .option('--mailbox <name>', 'only this mailbox')
  .option('--limit <n>', 'at most so many', '50')
  .option('--json', 'one JSON line a message')
  .action(run(async (options) => (await import('./commands/messages.ts')).runMessagesList(config(), options, out)));
messages
  .command('show <key>')
  .description('one message, why it is where it is, and its reports')
  .action(run(async (key: string) => (await import('./commands/messages.ts')).runMessagesShow(config(), key, out)));
messages
  .command('replay [key...]')
  .description('parse messages again, by key, state or code')
  .option('--state <state...>', 'quarantined, failed, ignored')
  .option('--code <code>', 'only messages with this code')
  .action(
    run(async (keys: string[], options) =>
      (await import('./commands/messages.ts')).runMessagesReplay(config(), keys, options, out),
    ),
  );

const findings = program.command('findings').description('what was found, and what is said about it');
findings
  .command('list', { isDefault: true })
  .description('open findings, the worst first')
  .option('--all', 'also those that are over')
  .option('--domain <domain>', 'only this domain')
  .option('--limit <n>', 'at most so many', '50')
  .option('--json', 'one JSON line a finding')
  .action(run(async (options) => (await import('./commands/findings.ts')).runFindingsList(config(), options, out)));
findings
  .command('show <key>')
  .description('one finding with its evidence and its whole history')
  .option('--json', 'print it as JSON')
  .action(
    run(async (key: string, options) => (await import('./commands/findings.ts')).runFindingsShow(config(), key, options, out)),
  );
for (const [name, what] of [
  ['ack', 'no more mails about it unless it gets materially worse'],
  ['unack', 'take an acknowledgement back'],
  ['snooze', 'silent until a time, then told again if it still stands'],
  ['unsnooze', 'end a snooze now'],
  ['resolve', 'say that it is over; newer evidence opens it again'],
] as const) {
  const command = findings
    .command(`${name} <key>`)
    .description(what)
    .requiredOption('--why <text>', 'kept in its history')
    .option('--by <name>', 'who says so; without it, the user of this system');
  if (name === 'snooze') {
    command
      .option('--until <date>', 'YYYY-MM-DD (its first moment, UTC) or a full time such as 2026-12-01T08:00:00Z')
      .option('--for <time>', 'such as 12h, 7d or 2w');
  }
  command.action(
    run(async (key: string, options) =>
      (await import('./commands/findings.ts')).runFindingsSay(config(), name, key, options, out),
    ),
  );
}

const senders = program.command('senders').description("the domains' own lists of senders: a person's word on a source");
senders
  .command('list', { isDefault: true })
  .option('--all', 'also entries that have ended')
  .option('--domain <domain>', 'only what stands for this domain')
  .option('--limit <n>', 'at most so many', '50')
  .option('--json', 'one JSON line an entry')
  .action(run(async (options) => (await import('./commands/senders.ts')).runSendersList(config(), options, out)));
for (const [name, verdict, what] of [
  ['approve', 'approved', 'a rightful sender: authorized while its mail is aligned, misaligned while it is not'],
  ['deny', 'denied', 'not a sender of yours: unauthorized, even when its mail passes'],
] as const) {
  senders
    .command(`${name} <domain> <source>`)
    .description(what)
    .requiredOption('--why <text>', 'kept with the entry')
    .option('--by <name>', 'who says so; without it, the user of this system')
    .option('--until <date>', 'ends by itself: YYYY-MM-DD (its first moment, UTC) or a full time')
    .option('--for <time>', 'ends by itself: such as 12h, 7d or 52w')
    .action(
      run(async (domain: string, source: string, options) =>
        (await import('./commands/senders.ts')).runSendersPut(config(), verdict, domain, source, options, out),
      ),
    );
}
senders
  .command('expire <domain> <source>')
  .description('end an entry now')
  .requiredOption('--why <text>', 'kept with the entry')
  .option('--by <name>', 'who says so; without it, the user of this system')
  .action(
    run(async (domain: string, source: string, options) =>
      (await import('./commands/senders.ts')).runSendersExpire(config(), domain, source, options, out),
    ),
  );

const domains = program.command('domains').description('whose domains are watched: yours, by your word or by proof in DNS');
domains
  .command('list', { isDefault: true })
  .description('every domain that was named or reported on, and why it is watched or not')
  .option('--state <state>', 'own, observed or ignored')
  .option('--limit <n>', 'at most so many', '50')
  .option('--json', 'one JSON line a domain')
  .action(run(async (options) => (await import('./commands/domains.ts')).runDomainsList(config(), options, out)));
domains
  .command('add <domain...>')
  .description('these are yours, with all names below them: what is stored of them is judged')
  .option('--why <text>', 'kept with it')
  .option('--by <name>', 'who says so; without it, the user of this system')
  .action(
    run(async (names: string[], options) => (await import('./commands/domains.ts')).runDomainsAdd(config(), names, options, out)),
  );
domains
  .command('ignore <domain>')
  .description('no findings and no alerts about it and the names below it; its reports stay stored')
  .option('--why <text>', 'kept with it')
  .option('--by <name>', 'who says so; without it, the user of this system')
  .action(
    run(async (name: string, options) => (await import('./commands/domains.ts')).runDomainsIgnore(config(), name, options, out)),
  );

await program.parseAsync();
