#!/usr/bin/env node
import '../shared/runtime/semi-spaces.ts';
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { codeOf, PermanentError, RuawatchError } from '../shared/errors.ts';
import { escapedLines } from '../shared/escape.ts';
import { loadConfig } from '../shared/settings/config.ts';
import { onUncaught, stackOf, unexpectedSentence } from '../shared/unexpected.ts';

// A reader that has seen enough (`| head -1`) ends the pipe, not the command.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

const out = (line: string) => process.stdout.write(`${escapedLines(line)}\n`);
/** For output that has colors and is escaped already. */
const colored = (line: string) => process.stdout.write(`${line}\n`);
const complain = (text: string) => process.stderr.write(escapedLines(text));
const config = () => loadConfig(process.env, process.cwd());
const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as { version: string };

/** One sentence about an error that nobody foresaw; its stack only on demand. */
const complainOf = (error: unknown) => {
  const stack = process.env.LOG_LEVEL === 'debug' ? stackOf(error) : null;
  complain(`${unexpectedSentence(error, version)}\n${stack === null ? '' : `${stack}\n`}`);
};
let complained = false;
// `start` has a handler of its own, which stops the services.
onUncaught((error) => {
  // Such as stderr that is closed.
  if (!complained) {
    complained = true;
    complainOf(error);
  }
  process.exit(1);
});

/** Runs a command. The number it returns is the exit code; an error becomes one sentence on stderr and exit code 1. */
const run =
  <A extends unknown[]>(command: (...args: A) => Promise<number>) =>
  async (...args: A): Promise<void> => {
    try {
      process.exitCode = await command(...args);
    } catch (error) {
      if (error instanceof RuawatchError) complain(`${error.message}\n`);
      else complainOf(error);
      process.exitCode = 1;
    }
  };

/** The result of `read`, or the error it threw: doctor reports both. */
const readable = <T>(read: () => T): T | Error => {
  try {
    return read();
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
};

/** The demo is part of the npm package and not of the container image. */
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

/** An option that may be given several times. (A variadic option would also take the arguments after it.) */
const oneMore = (value: string, before: string[] = []) => [...before, value];

const program = new Command('ruawatch')
  .description('Reads DMARC reports from a mailbox into Postgres and sends alerts about what needs action')
  .version(version)
  .configureOutput({ writeErr: complain });
program
  .command('start [service...]')
  .description(
    'run all services, or only the named ones: poller, parser, analyzer, enricher, watcher, approver, applier, alerter, console',
  )
  .action(run(async (services: string[]) => (await import('./commands/start.ts')).runStart(config(), services, version)));
program
  .command('demo')
  .description('run the whole pipeline on a local mailbox with six weeks of reports and one incident of each kind')
  .option('--exit', 'exit when everything is processed')
  .option('--act', 'then have two people approve changes at the console, publish them, and let days go by')
  .action(run(async (options: { exit?: boolean; act?: boolean }) => (await demoCommand()).runDemo(options, colored)));
program
  .command('import <path...>')
  .description('import files, folders, mbox files and Maildirs through the same pipeline')
  .option('--json', 'print the summary as JSON')
  .action(
    run(async (paths: string[], options: { json?: boolean }) =>
      (await import('./commands/import.ts')).runImport(config(), paths, options, out),
    ),
  );
program
  .command('parse <path...>')
  .description('read files without a database and print one line of JSON for each report')
  .action(run(async (paths: string[]) => (await import('./commands/parse.ts')).runParse(paths, process.stdout)));
program
  .command('verify')
  .description('verify again the mails of reports whose reporter was never verified')
  .option('--all', 'also those that were not proven, for after a change of trust.authserv_ids')
  .option('--json', 'print the counts as JSON')
  .action(
    run(async (options: { all?: boolean; json?: boolean }) =>
      (await import('./commands/verify.ts')).runVerify(config(), options, out),
    ),
  );
program
  .command('migrate')
  .description('update the database schema to this version')
  .option('--roles', 'also create a database role for each service, with only the rights it needs, and one for analysts')
  .action(
    run(async (options: { roles?: boolean }) => (await import('./commands/migrate.ts')).runMigrate(config(), options, out)),
  );
program
  .command('doctor')
  .description('check all settings and connections, one line each')
  .action(
    run(async () => {
      const { runDoctor } = await import('./commands/doctor.ts');
      return runDoctor(readable(config), out);
    }),
  );

const guard = program.command('guard').description('compare environments and records with what mail-guard.yaml declares');
guard
  .command('check <file>')
  .description('check published or planned records, the differences of environments, and how mail of the workloads would do')
  .option('--environment <name>', 'only this environment; may be repeated', oneMore)
  .option('--records <file>', 'check planned records: a zone file or YAML that overrides what is published')
  .option('--offline', 'query nothing: the planned records are all there is')
  .option('--json', 'print JSON')
  .option('--junit', 'print JUnit XML, for CI')
  .option('--sarif', 'print SARIF 2.1.0, for code scanners')
  .option('--resolver <server>', 'query this name server ("address" or "address:port") instead of those in the settings', oneMore)
  .option('--no-web', 'do not fetch MTA-STS policies and BIMI logos')
  .option('--private', 'also fetch policies and logos from private IP addresses')
  .option('--strict', 'exit with 1 if there are warnings')
  .action(
    run(async (file: string, options) =>
      (await import('./commands/guard.ts')).runGuardCheck(config(), file, options, {
        out: colored,
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
  .option('--expect <what>', 'end after this number of mails, or when these workloads ("shop,news", "all") have written')
  .option('--seconds <number>', 'how long to wait; 60 by default')
  .option('--environment <name>', 'only this environment of the file; may be repeated', oneMore)
  .option('--records <file>', 'use planned records: a zone file or YAML that overrides what is published')
  .option('--offline', 'query nothing: the planned records are all there is')
  .option('--resolver <server>', 'query this name server ("address" or "address:port") instead of those in the settings', oneMore)
  .option('--peer <address>', 'evaluate SPF as if all mail came from this address')
  .option('--report <file>', 'also write what was seen as an aggregate report (RFC 9990) of the environment')
  .option('--import', 'also keep what was seen in the database, apart from all reports')
  .option('--json', 'print JSON')
  .option('--junit', 'print JUnit XML, for CI')
  .option('--strict', 'exit with 1 if there are warnings')
  .action(
    run(async (file: string | undefined, options) =>
      (await import('./commands/guard-probe.ts')).runGuardProbe(config(), file, options, {
        out: colored,
        err: (line) => process.stderr.write(`${line}\n`),
        colors: process.stdout.isTTY === true,
      }),
    ),
  );

const milter = program.command('milter').description('judge mail as the service milter does when it arrives');
milter
  .command('try <file>')
  .description('show what the rules would do with a mail in a file; nothing is held, noted or sent')
  .requiredOption('--ip <address>', 'the address of the client that hands it in')
  .option('--helo <name>', 'the name that the client says in HELO or EHLO')
  .option('--from <address>', 'the sender in the envelope; a bounce has none')
  .option('--json', 'print JSON')
  .action(
    run(async (file: string, options) => (await import('./commands/milter.ts')).runMilterTry(config(), file, options, out)),
  );

const policy = program.command('policy').description("show each domain's progress toward enforcement");
policy
  .command('status [domain...]')
  .description('show the stage of each domain, its next step and what is blocking it; of all own domains by default')
  .option('--json', 'print JSON')
  .option('--resolver <server>', 'query this name server ("address" or "address:port") instead of those in the settings', oneMore)
  .action(
    run(async (domains: string[], options) =>
      (await import('./commands/policy.ts')).runPolicyStatus(config(), domains, options, out),
    ),
  );

const dns = program.command('dns').description('check and watch the DNS records of domains');
dns
  .command('check <domain...>')
  .description("check a domain's mail-related DNS records and suggest corrections")
  .option('--json', 'print JSON')
  .option('--junit', 'print JUnit XML, for CI')
  .option('--sarif', 'print SARIF 2.1.0, for code scanners')
  .option('--resolver <server>', 'query this name server ("address" or "address:port") instead of those in the settings', oneMore)
  .option('--no-web', 'do not fetch MTA-STS policies and BIMI logos')
  .option('--private', 'also fetch policies and logos from private IP addresses')
  .option('--records <file>', 'check planned records: a zone file or YAML that overrides what is published')
  .option('--selector <selector>', 'DKIM selectors to check, separated by commas; may be repeated', oneMore)
  .option('--reports', 'also check the selectors in reports of the last five weeks')
  .option('--strict', 'exit with 1 if there are warnings')
  .action(
    run(async (domains: string[], options) =>
      (await import('./commands/dns.ts')).runDnsCheck(config(), domains, options, {
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
      (await import('./commands/dns-watch.ts')).runDnsWatch(config(), domains, options, out),
    ),
  );

dns
  .command('history <domain>')
  .description('list the DNS records of a domain as the watcher saw them, with the time of each change')
  .option('--json', 'print JSON')
  .action(
    run(async (domain: string, options: { json?: boolean }) =>
      (await import('./commands/dns-history.ts')).runDnsHistory(config(), domain, options, out),
    ),
  );

const cluster = program.command('cluster').description('addresses by which mail leaves a cluster, and SPF that follows them');

cluster
  .command('status')
  .description('show the addresses, and what the SPF records wait for')
  .option('--json', 'print JSON')
  .action(
    run(async (options: { json?: boolean }) =>
      (await import('./commands/cluster.ts')).runClusterStatus(config(), options, { out }),
    ),
  );

cluster
  .command('confirm <egress>')
  .description('confirm that the addresses that are gone from ENVIRONMENT/EGRESS are gone, so that SPF may drop them')
  .requiredOption('--why <text>', 'reason, kept in the audit chain')
  .option('--by <name>', 'who confirms (default: the system user)')
  .action(
    run(async (egress: string, options: { why: string; by?: string }) =>
      (await import('./commands/cluster.ts')).runClusterConfirm(config(), egress, options, { out }),
    ),
  );

dns
  .command('rotate <domain>')
  .description('replace the DKIM key of a domain, in six steps that each wait for what makes them safe')
  .option('--why <text>', 'reason, shown to the people who decide')
  .option('--by <address>', 'mail address of the person who asks (default: the system user)')
  .option('--status', 'show how far it is, and change nothing')
  .option('--json', 'with --status: print JSON')
  .action(
    run(async (domain: string, options: { why?: string; by?: string; status?: boolean; json?: boolean }) =>
      (await import('./commands/dns-rotate.ts')).runDnsRotate(config(), domain, options, { out }),
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
  .option('--ignore <name>', 'watch this name no more')
  .option('--unignore <name>', 'watch it again')
  .option('--why <text>', 'reason, kept with the ignored name')
  .option('--by <name>', 'name recorded with it instead of the system user')
  .option('--resolver <server>', 'query this name server ("address" or "address:port") instead of those in the settings', oneMore)
  .action(
    run(async (domain: string | undefined, options) =>
      (await import('./commands/lookalikes.ts')).runLookalikes(config(), domain, options, { out }),
    ),
  );
const messages = program.command('messages').description('list, show and replay stored mails, including quarantined ones');
messages
  .command('list', { isDefault: true })
  .description('list messages, the newest first')
  .option('--state <state...>', 'only messages in these states: received, stored, ignored, quarantined, failed')
  .option('--code <code>', 'only messages with this code')
  .option('--mailbox <name>', 'only this mailbox')
  .option('--limit <n>', 'maximum number of rows', '50')
  .option('--json', 'print one line of JSON for each message')
  .action(run(async (options) => (await import('./commands/messages.ts')).runMessagesList(config(), options, out)));
messages
  .command('show <key>')
  .description('show a message, its state with the reason, and its reports')
  .action(run(async (key: string) => (await import('./commands/messages.ts')).runMessagesShow(config(), key, out)));
messages
  .command('replay [key...]')
  .description('parse messages again, selected by key, state or code')
  .option('--state <state...>', 'only messages in these states: quarantined, failed, ignored')
  .option('--code <code>', 'only messages with this code')
  .action(
    run(async (keys: string[], options) =>
      (await import('./commands/messages.ts')).runMessagesReplay(config(), keys, options, out),
    ),
  );

const findings = program.command('findings').description('list and show findings, acknowledge, snooze or resolve them');
findings
  .command('list', { isDefault: true })
  .description('list open findings, the most severe first')
  .option('--all', 'also resolved findings')
  .option('--domain <domain>', 'only this domain')
  .option('--limit <n>', 'maximum number of rows', '50')
  .option('--json', 'print one line of JSON for each finding')
  .action(run(async (options) => (await import('./commands/findings.ts')).runFindingsList(config(), options, out)));
findings
  .command('show <key>')
  .description('show a finding with its evidence and history')
  .option('--json', 'print JSON')
  .action(
    run(async (key: string, options) => (await import('./commands/findings.ts')).runFindingsShow(config(), key, options, out)),
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
      (await import('./commands/findings.ts')).runFindingsAct(config(), { act: name, key }, options, { out }),
    ),
  );
}

findings
  .command('review')
  .description('show how often each kind was right, as people saw it, and what that suggests')
  .option('--days <n>', 'how many days back to look for mailed findings', '90')
  .option('--json', 'print JSON')
  .action(run(async (options) => (await import('./commands/findings.ts')).runFindingsReview(config(), options, { out })));
const alerts = program.command('alerts').description('test the ways in which alerts are sent');
alerts
  .command('test')
  .description('send a test alert and a sample digest to all recipients by every channel, and show what the servers answer')
  .action(run(async () => (await import('./commands/alerts.ts')).runAlertsTest(config(), out)));

const logs = program.command('logs').description('mail logs of your own servers: import them, and manage who delivers them');
/** Options of commands that name a source. */
const ofSource = (command: Command): Command =>
  command
    .option('--cluster <name>', 'the cluster that its lines are of')
    .option('--environment <name>', 'the environment, as mail-guard.yaml names it')
    .option('--workload <name>', 'what sends where nothing says more')
    .option('--egress <network...>', 'networks that its mail leaves from');
ofSource(
  logs
    .command('import <file>')
    .description('read lines from a file, or "-" for standard input, and add up what was sent')
    .requiredOption('--source <name>', 'the source that the lines are of; a new one is made'),
)
  .option('--json', 'print the counts as JSON')
  .action(run(async (file: string, options) => (await import('./commands/logs.ts')).runLogImport(config(), file, options, out)));
logs
  .command('why <id>')
  .description('say why a mail failed, by its Message-ID or queue id: what log, key, SPF and reports show of it')
  .option('--json', 'print one line of JSON for each mail')
  .action(run(async (id: string, options) => (await import('./commands/logs-why.ts')).runLogsWhy(config(), id, options, out)));
const logSources = logs.command('sources').description('who may deliver lines to the collector');
ofSource(logSources.command('add <name>').description('add a source and print its token, once'))
  .option('--syslog-from <network...>', 'networks from which syslog connections are of this source')
  .action(
    run(async (name: string, options) => (await import('./commands/logs.ts')).runLogSourceAdd(config(), name, options, out)),
  );
logSources
  .command('list', { isDefault: true })
  .description('list the sources, and when each last delivered a line')
  .option('--json', 'print one line of JSON for each source')
  .action(run(async (options) => (await import('./commands/logs.ts')).runLogSourceList(config(), options, out)));
logSources
  .command('remove <name>')
  .description('end a source: its token is refused at once')
  .action(run(async (name: string) => (await import('./commands/logs.ts')).runLogSourceRemove(config(), name, out)));

const senders = program.command('senders').description('approve or deny sources as senders of your domains');
senders
  .command('list', { isDefault: true })
  .description('list approved and denied sources')
  .option('--all', 'also ended entries')
  .option('--domain <domain>', 'only entries that apply to this domain')
  .option('--limit <n>', 'maximum number of rows', '50')
  .option('--json', 'print one line of JSON for each entry')
  .action(run(async (options) => (await import('./commands/senders.ts')).runSendersList(config(), options, out)));
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
        (await import('./commands/senders.ts')).runSendersPut(config(), { verdict, domain, source }, options, { out }),
      ),
    );
}
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
      (await import('./commands/onboard.ts')).runSendersOnboard(config(), source, options, { out }),
    ),
  );
senders
  .command('onboarded')
  .description('list third parties and how far they are')
  .option('--domain <domain>', 'only of this domain')
  .option('--limit <n>', 'maximum number of rows', '50')
  .option('--json', 'print one line of JSON for each')
  .action(run(async (options) => (await import('./commands/onboard.ts')).runSendersOnboarded(config(), options, out)));
senders
  .command('expire <domain> <source>')
  .description('end an entry now')
  .requiredOption('--why <text>', 'reason, recorded with the entry')
  .option('--by <name>', 'name recorded with it (default: the system user)')
  .action(
    run(async (domain: string, source: string, options) =>
      (await import('./commands/senders.ts')).runSendersExpire(config(), { domain, source }, options, { out }),
    ),
  );

const people = program.command('people').description('say who may sign in to the console, and what they may see');
people
  .command('list', { isDefault: true })
  .description('list who may sign in')
  .option('--json', 'print one line of JSON for each person')
  .action(run(async (options) => (await import('./commands/people.ts')).runPeopleList(config(), options, out)));
people
  .command('add <name>')
  .description('add a person, and print a link with which they choose a password; or a service principal')
  .option('--role <role>', 'viewer, operator (acts on findings) or admin (also adds people)', 'viewer')
  .option('--domain <domain>', 'a domain that they may see, with its subdomains; may be repeated', oneMore)
  .option('--all-domains', 'they may see everything')
  .option('--email <address>', 'where they are reached')
  .option('--service', 'a program, such as a CI job: it holds tokens and grants, and decides nothing')
  .option('--owner <person>', 'with --service: who answers for it; it ends when that person is gone')
  .option('--for <time>', 'with --service: how long it holds, such as 30d or 26w; at most 366 days')
  .option('--until <date>', 'with --service: when it ends: YYYY-MM-DD (midnight UTC) or a full time')
  .action(
    run(async (name: string, options) => {
      const { runPeopleAdd, runServiceAdd } = await import('./commands/people.ts');
      return (options.service === true ? runServiceAdd : runPeopleAdd)(config(), name, options, { out });
    }),
  );
people
  .command('link <name>')
  .description('print another link with which a person chooses a password')
  .action(run(async (name: string) => (await import('./commands/people.ts')).runPeopleLink(config(), name, { out })));
people
  .command('change <name>')
  .description('give a person another role or other domains: sessions and tokens end at once')
  .requiredOption('--role <role>', 'viewer, operator (acts on findings) or admin (also adds people)')
  .option('--domain <domain>', 'a domain that they may see, with its subdomains; may be repeated', oneMore)
  .option('--all-domains', 'they may see everything')
  .action(
    run(async (name: string, options) =>
      (await import('./commands/people.ts')).runPeopleChange(config(), name, options, { out }),
    ),
  );
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
      (await import('./commands/people-tokens.ts')).runPeopleToken(config(), name, options, { out }),
    ),
  );
people
  .command('tokens')
  .description('list the tokens that hold')
  .option('--person <name>', 'only those of this person')
  .option('--json', 'print one line of JSON for each token')
  .action(run(async (options) => (await import('./commands/people-tokens.ts')).runPeopleTokens(config(), options, { out })));
people
  .command('revoke <key>')
  .description('end a token at once')
  .action(run(async (key: string) => (await import('./commands/people-tokens.ts')).runPeopleRevoke(config(), key, { out })));
people
  .command('remove <name>')
  .description('end the access of a person: sessions and tokens end at once')
  .action(run(async (name: string) => (await import('./commands/people.ts')).runPeopleRemove(config(), name, { out })));

const domains = program.command('domains').description('list, add or ignore watched domains');
domains
  .command('list', { isDefault: true })
  .description('list all known domains and why each is watched or not')
  .option('--state <state>', 'only domains in this state: own, observed or ignored')
  .option('--limit <n>', 'maximum number of rows', '50')
  .option('--json', 'print one line of JSON for each domain')
  .action(run(async (options) => (await import('./commands/domains.ts')).runDomainsList(config(), options, out)));
domains
  .command('add <domain...>')
  .description('mark domains and all their subdomains as yours: stored reports about them are analyzed')
  .option('--why <text>', 'reason, recorded with the domain')
  .option('--by <name>', 'name recorded with it (default: the system user)')
  .action(
    run(async (names: string[], options) =>
      (await import('./commands/domains.ts')).runDomainsAdd(config(), names, options, { out }),
    ),
  );
domains
  .command('ignore <domain>')
  .description('stop reporting findings for a domain and its subdomains; its reports stay stored')
  .option('--why <text>', 'reason, recorded with the domain')
  .option('--by <name>', 'name recorded with it (default: the system user)')
  .action(
    run(async (name: string, options) =>
      (await import('./commands/domains.ts')).runDomainsIgnore(config(), name, options, { out }),
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
      (await import('./commands/domains.ts')).runDomainsRemove(config(), name, options, { out }),
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
      (await import('./commands/domains.ts')).runDomainsTimeline(config(), domain, options, out),
    ),
  );

const requests = program.command('requests').description('changes that are asked for: list, show, open and withdraw them');
requests
  .command('list', { isDefault: true })
  .description('list open requests, the newest first')
  .option('--all', 'also those that are over')
  .option('--domain <domain>', 'only this domain')
  .option('--limit <n>', 'maximum number of rows', '50')
  .option('--json', 'print one line of JSON for each request')
  .action(run(async (options) => (await import('./commands/requests.ts')).runRequestsList(config(), options, out)));
requests
  .command('show <key>')
  .description('show what a request asks for, exactly as it is approved, and what was decided')
  .option('--json', 'print JSON')
  .action(
    run(async (key: string, options) => (await import('./commands/requests.ts')).runRequestsShow(config(), key, options, out)),
  );
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
    .option('--remove', 'dns.change: take the record away')
    .option('--to <policy>', 'policy.step: none, quarantine or reject')
    .option('--half', 'policy.step: with t=y, where enough receivers know it')
    .option(
      '--resolver <server>',
      'query this name server ("address" or "address:port") instead of those in the settings',
      oneMore,
    )
    .action(
      run(async (kind: string, domain: string, options) =>
        (await import('./commands/requests.ts')).runRequestsOpen(config(), { kind, domain, only: name === 'explain' }, options, {
          out,
        }),
      ),
    );
}
requests
  .command('withdraw <key>')
  .description('withdraw a request that is not applied yet')
  .requiredOption('--why <text>', 'reason, recorded with the request')
  .option('--by <address>', 'mail address of the person who withdraws it (default: the system user)')
  .action(
    run(async (key: string, options) =>
      (await import('./commands/requests.ts')).runRequestsWithdraw(config(), key, options, { out }),
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
      (await import('./commands/simulate.ts')).runRequestsSimulate(config(), file, options, { out }),
    ),
  );
const access = program.command('access').description('rights that are lent for a time: request, list and end them');
access
  .command('request')
  .description('ask for a right, and print the secret that works once it is lent')
  .argument('<kind>', 'access.database, access.dns, access.email, access.dns-provider or access.console')
  .requiredOption('--for <time>', 'how long it is needed, such as 90m, 2h or 1d; the time begins when it is applied')
  .requiredOption('--why <text>', 'why; it is recorded')
  .option('--by <name>', 'who asks (default: the system user)')
  .option('--service <name>', 'ask in the name of a service principal, which then holds it')
  .option('--server <name>', 'the target in the settings (default: the only one)')
  .option('--group <role>', 'of access.database: the role whose rights are lent')
  .option(
    '--name <name...>',
    'of access.dns and access.dns-provider: the names to be changed; with a dot before it, all names below',
  )
  .option('--type <type...>', 'of access.dns and access.dns-provider: the types of records (default: TXT)')
  .option('--only <operation>', 'of access.dns and access.dns-provider: add or delete alone')
  .option('--requests', 'of access.dns: no key; your requests in this scope need no more decision')
  .option('--done-when <record>', 'of access.dns: end it once all authoritative servers have it: "NAME TXT value"')
  .option('--from <address>', 'of access.email: the address to send from')
  .option('--role <role>', 'of access.console: viewer, operator or admin')
  .option('--domain <domain>', 'of access.console: a domain, with its subdomains; may be repeated', oneMore)
  .option('--all-domains', 'of access.console: everything')
  .option('--uses <n>', 'end it after n uses')
  .action(
    run(async (kind: string, options) =>
      (await import('./commands/access.ts')).runAccessRequest(config(), kind, options, { out }),
    ),
  );
access
  .command('list', { isDefault: true })
  .description('list what is lent and asked for, the newest first')
  .option('--all', 'also what has ended')
  .option('--domain <domain>', 'only of this domain')
  .option('--limit <n>', 'at most n')
  .option('--json', 'one JSON object a line')
  .action(run(async (options) => (await import('./commands/access.ts')).runAccessList(config(), options, out)));
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
      (await import('./commands/access.ts')).runAccessEnd(config(), key, options, { out }),
    ),
  );
access
  .command('standing')
  .description('list every right that somebody has for good, with its last use, and ask to take one away or to lend it')
  .option('--ask <right>', 'open a request about this one')
  .option('--why <text>', 'with --ask: why; it is recorded')
  .option('--by <name>', 'with --ask: who asks (default: the system user)')
  .option('--json', 'one JSON object a line')
  .action(run(async (options) => (await import('./commands/access-standing.ts')).runAccessStanding(config(), options, { out })));
access
  .command('review')
  .description('show how long grants were really used and what was never used, and propose shorter times and narrower scopes')
  .option('--days <n>', 'days to look back (default: 90)')
  .option('--ask', 'open the proposals as requests')
  .option('--why <text>', 'with --ask: why (default: tuned from use)')
  .option('--by <name>', 'with --ask: who asks (default: the system user)')
  .option('--json', 'one JSON object a line')
  .action(run(async (options) => (await import('./commands/access-review.ts')).runAccessReview(config(), options, { out })));
access
  .command('statements')
  .description('print what was run with a lent role of a database, from the log of its server')
  .argument('<key>', 'the grant')
  .action(run(async (key: string) => (await import('./commands/access.ts')).runAccessStatements(config(), key, { out })));
access
  .command('secret')
  .description('open what was lent with the key that was shown when it was asked for; the key comes on the standard input')
  .argument('<key>', 'the grant')
  .action(
    run(async (key: string) => {
      const { text } = await import('node:stream/consumers');
      return (await import('./commands/access.ts')).runAccessSecret(config(), key, await text(process.stdin), { out });
    }),
  );
access
  .command('setup')
  .description('print the SQL that makes a Postgres server able to lend roles, or mail accounts')
  .argument('<server>', 'its name in the settings (access.database, access.email)')
  .option('--login <role>', 'the login of the service (default: the user of its URL)')
  .option('--reader <role>', 'of access.email: the login of Dovecot and Postfix')
  .action(
    run(async (name: string, options) => (await import('./commands/access.ts')).runAccessSetup(config(), name, options, out)),
  );
const audit = program.command('audit').description('list, verify, export and report the audit chain of requests and decisions');
audit
  .command('list', { isDefault: true })
  .description('list the newest rows')
  .option('--limit <n>', 'maximum number of rows', '50')
  .action(run(async (options) => (await import('./commands/audit.ts')).runAuditList(config(), options, out)));
audit
  .command('verify')
  .description('compute every hash again, and say which rows were changed, removed or cut off')
  .option('--head <head>', 'a head from an earlier mail: it must be in the chain')
  .option('--json', 'print JSON')
  .action(run(async (options) => (await import('./commands/audit.ts')).runAuditVerify(config(), options, out)));
audit
  .command('export')
  .description('print the chain as JSON lines')
  .option('--from <date>', 'only rows from this day on')
  .option('--to <date>', 'only rows before this day')
  .action(run(async (options) => (await import('./commands/audit.ts')).runAuditExport(config(), options, out)));

audit
  .command('report')
  .description('who asked, who decided, why and what was done, with exceptions, by controls of ISO 27001 and SOC 2')
  .option('--from <date>', 'from this day on (default: 90 days)')
  .option('--to <date>', 'until before this day (default: now)')
  .option('--head <head>', 'a head from an earlier mail: it must be in the chain')
  .option('--json', 'print JSON')
  .option('--csv', 'print one line of CSV for each request')
  .action(run(async (options) => (await import('./commands/audit.ts')).runAuditReport(config(), options, { out })));

await program.parseAsync();
