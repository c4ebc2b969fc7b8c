import { checkSmtp, checkWebhook } from '../../alerter/index.ts';
import { readAsnFile } from '../../enricher/index.ts';
import { WARN_SHARE } from '../../parser/index.ts';
import { checkMailbox } from '../../poller/index.ts';
import { ownDomains } from '../../report/hostname.ts';
import { sentenceOf } from '../../shared/errors.ts';
import { escaped, escapedLines } from '../../shared/escape.ts';
import type { Db } from '../../shared/runtime/db.ts';
import { serveHealth } from '../../shared/runtime/health.ts';
import { createLog } from '../../shared/runtime/log.ts';
import { createMetrics } from '../../shared/runtime/metrics.ts';
import { reverseResolver } from '../../shared/runtime/resolver.ts';
import type { Config } from '../../shared/settings/config.ts';
import { countOwn } from '../../store/domains/domains.ts';
import { archiveSize } from '../../store/messages/archive.ts';
import { countMessages, newestRaws } from '../../store/messages/messages.ts';
import { serverVersion } from '../../store/schema/server.ts';
import { checkNames, type Opened, openDatabase, openQueues } from '../open.ts';
import { undecidedDomains } from '../terminal/undecided.ts';

/** Mails that are checked for the header fields of our own servers. */
const NEWEST_MAILS = 20;

/** Something to know about that is not a failure. */
interface Note {
  note: string;
}

/** The lines that doctor prints, and whether one of them is a failure. */
class Checks {
  failed = false;
  private readonly out: (line: string) => void;

  constructor(out: (line: string) => void) {
    this.out = out;
  }

  /** Runs a check. A text that it returns is shown as a success, a note as one, an error as a failure. */
  async run(what: string, work: () => Promise<string | Note> | string): Promise<void> {
    try {
      const result = await work();
      if (typeof result === 'string') this.out(escaped(`ok    ${what}: ${result}`));
      else this.note(what, result.note);
    } catch (error) {
      this.failed = true;
      this.out(escapedLines(`FAIL  ${what}: ${sentenceOf(error)}`));
    }
  }

  note(what: string, text: string): void {
    this.out(escaped(`--    ${what}: ${text}`));
  }
}

/**
 * `doctor`: checks every setting and connection, one line each, and continues after a failure.
 * @param config the settings, or the error of loadConfig, which is reported in a line of its own
 * @returns 1 when any line says FAIL
 */
export async function runDoctor(config: Config | Error, out: (line: string) => void): Promise<number> {
  const checks = new Checks(out);
  await checks.run('node', () => process.version);
  await checks.run('settings', () => {
    if (config instanceof Error) throw config;
    checkNames(config);
    return `read; ${config.mailboxes.length} mailboxes, alerts ${config.smtpUrl === null && config.webhooks.length === 0 ? 'off' : 'on'}`;
  });
  if (config instanceof Error) return 1;

  const opened = await checkDatabase(config, checks);
  try {
    await checkQueue(config, opened?.url ?? null, checks);
    await checkMailboxes(config, checks);
    await checkAlerts(config, checks);
    await checkSourceNames(config, checks);
    if (opened !== null) await checkDomains(opened.db, config, checks);
    await checkHealthPort(config, checks);
  } finally {
    await opened?.close();
  }
  return checks.failed ? 1 : 0;
}

/** @returns the database, null when it cannot be used */
async function checkDatabase(config: Config, checks: Checks): Promise<Opened | null> {
  let opened: Opened | null = null;
  await checks.run('database', async () => {
    opened = await openDatabase(config, { migrate: config.databaseUrl === null, max: 2 });
    const counts = await countMessages(opened.db);
    const held = counts.quarantined + counts.failed;
    const server = `Postgres ${await serverVersion(opened.db)}`;
    const embedded = opened.embedded ? ` (embedded; psql ${opened.embedded.readerUrl})` : '';
    const hint = held > 0 ? `, ${held} quarantined or failed: ruawatch messages list --state quarantined failed` : '';
    return `${server}${embedded}; ${counts.stored} messages stored, ${counts.received} waiting${hint}`;
  });
  // Assigned in a function, which the compiler does not follow.
  const database = opened as Opened | null;
  if (database !== null) {
    const ids = config.trust.authserv_ids;
    if (ids.length > 0) await checks.run('authserv_ids', () => authserv(database, ids));
    await checks.run('archive', () => archive(database, config.retention));
  }
  return database;
}

/**
 * Whether the newest mails carry what trust.authserv_ids makes us rely on. A mail without it is not lost: its DKIM
 * signature is verified instead.
 */
async function authserv({ db }: Opened, ids: readonly string[]): Promise<string | Note> {
  const newest = await newestRaws(db, NEWEST_MAILS);
  if (newest.length === 0) return 'no mail is stored yet';
  const { ownServerDecides } = await import('../../parser/index.ts');
  const unclear = newest.filter((raw) => !ownServerDecides(raw, ids)).length;
  const names = ids.join(', ');
  if (unclear === 0) return `all of the last ${newest.length} mails carry a verdict of ${names}`;
  return {
    note: `${unclear} of the last ${newest.length} mails carry no Authentication-Results of ${names} that can be trusted: there is none, or a forger could have written it. Their DKIM signatures are verified instead, unless trust.check is authserv. Configure the server to add one field at the top of every mail; see "Settings" in docs/trust.md.`,
  };
}

async function archive({ db }: Opened, { raw_total_gb: gb }: Config['retention']): Promise<string | Note> {
  const bytes = await archiveSize(db);
  const size = `${(bytes / 1e9).toFixed(2)} GB of raw mail`;
  if (gb === null || bytes <= gb * 1e9 * WARN_SHARE) return `${size}${gb === null ? '' : `, of ${gb}`}`;
  return {
    note: `${size}, of ${gb} (retention.raw_total_gb): above that, ignored mails are deleted first, then quarantined ones. Raise the limit, or shorten retention.raw_days.`,
  };
}

async function checkQueue(config: Config, databaseUrl: string | null, checks: Checks): Promise<void> {
  await checks.run('queue', async () => {
    if (databaseUrl === null && config.redisUrl === null && config.queueDatabaseUrl === null)
      throw new Error('it is stored in the database, which does not answer.');
    const queues = await openQueues(config, databaseUrl ?? '', { log: createLog('silent'), metrics: createMetrics() });
    await queues.close();
    return queues.backend === 'redis' ? 'Redis answers' : 'on Postgres';
  });
}

async function checkMailboxes(config: Config, checks: Checks): Promise<void> {
  if (config.mailboxes.length === 0)
    await checks.run('mailbox', () => {
      throw new Error('none is set: set IMAP_URL (imaps://user:password@host/INBOX), or list mailboxes in ruawatch.yaml.');
    });
  for (const mailbox of config.mailboxes)
    await checks.run(`mailbox ${mailbox.name}`, () => checkMailbox(mailbox, createLog('silent')));
}

async function checkAlerts(config: Config, checks: Checks): Promise<void> {
  const { smtpUrl } = config;
  if (smtpUrl === null)
    checks.note('alerts', 'SMTP_URL is not set: findings are recorded in dmarc.findings, and no mail is sent.');
  else await checks.run('alerts', () => checkSmtp(smtpUrl));
  for (const hook of config.webhooks) await checks.run(`webhook ${hook.name}`, () => checkWebhook(hook));
}

/** What gives sources that are networks a name. Nothing waits for these names, so a silent name server is not a failure. */
async function checkSourceNames(config: Config, checks: Checks): Promise<void> {
  const file = config.asnFile;
  if (file !== null) await checks.run('asn_file', () => readAsnFile(file).title);
  if (config.enrich.dns === 'off') return;
  await checks.run('reverse names', async () => {
    const resolver = reverseResolver({ servers: config.dnsServers, timeoutMs: 2_000, tries: 1 });
    try {
      await resolver.pointers('1.0.0.127.in-addr.arpa');
      return 'the name server answers';
    } catch (error) {
      return { note: `${sentenceOf(error)} Sources that are networks get no names; set dns_servers, or enrich.dns: off.` };
    }
  });
}

async function checkDomains(db: Db, config: Config, checks: Checks): Promise<void> {
  await checks.run('domains', async () => {
    const own = await countOwn(db);
    const listed = ownDomains(config.domains).names.length;
    return `${own} yours${own === 0 && listed > 0 ? `, ${listed} listed, which become yours at the next start` : ''}`;
  });
  try {
    for (const line of await undecidedDomains(db, config)) checks.note('domains', line);
  } catch (error) {
    await checks.run('domains', () => {
      throw error;
    });
  }
}

async function checkHealthPort({ httpListen }: Config, checks: Checks): Promise<void> {
  if (httpListen === null) return;
  await checks.run('health port', async () => {
    const server = await serveHealth(httpListen, createMetrics(), { ready: async () => [] }, createLog('silent'));
    await server.close();
    return `${httpListen.host}:${httpListen.port} is free`;
  });
}
