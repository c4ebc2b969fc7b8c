import { checkSmtp, checkWebhook } from '../../alerter/index.ts';
import { readAsnFile } from '../../enricher/index.ts';
import { WARN_SHARE } from '../../parser/index.ts';
import { checkMailbox } from '../../poller/index.ts';
import { ownDomains } from '../../report/hostname.ts';
import { sentenceOf } from '../../shared/errors.ts';
import { escaped, escapedLines } from '../../shared/escape.ts';
import { openPool } from '../../shared/runtime/db.ts';
import { serveHealth } from '../../shared/runtime/health.ts';
import { createLog } from '../../shared/runtime/log.ts';
import { createMetrics } from '../../shared/runtime/metrics.ts';
import { reverseResolver } from '../../shared/runtime/resolver.ts';
import type { Config } from '../../shared/settings/config.ts';
import { countOwn } from '../../store/domains/domains.ts';
import { archiveSize } from '../../store/messages/archive.ts';
import { countMessages, newestRaws } from '../../store/messages/messages.ts';
import { serverVersion } from '../../store/schema/server.ts';
import { checkNames, openDatabase, openQueues } from '../open.ts';
import { waitingForWord } from '../terminal/waiting.ts';

/**
 * `doctor`: every setting and connection, one line each; whatever it finds, it goes on to the next.
 * Settings that cannot even be read are one more line: loadConfig hands its error in.
 * @returns 1 when any line says FAIL
 */
export async function runDoctor(config: Config | Error, out: (line: string) => void): Promise<number> {
  let failed = false;
  const check = async (what: string, work: () => Promise<string> | string) => {
    try {
      out(escaped(`ok    ${what}: ${await work()}`));
    } catch (error) {
      failed = true;
      out(escapedLines(`FAIL  ${what}: ${sentenceOf(error)}`));
    }
  };

  await check('node', () => process.version);
  await check('settings', () => {
    if (config instanceof Error) throw config;
    checkNames(config);
    return `read; ${config.mailboxes.length} mailboxes, alerts ${config.smtpUrl === null && config.webhooks.length === 0 ? 'off' : 'on'}`;
  });
  if (config instanceof Error) return 1;

  let databaseUrl: string | null = null;
  /** Bytes of raw mail; null until the database was asked. */
  let archived = null as number | null;
  let closeDatabase = () => Promise.resolve();
  let newest: Buffer[] = [];
  await check('database', async () => {
    const opened = await openDatabase(config, { migrate: config.databaseUrl === null, max: 2 });
    databaseUrl = opened.url;
    closeDatabase = opened.close;
    const version = await serverVersion(opened.db);
    const counts = await countMessages(opened.db);
    archived = await archiveSize(opened.db);
    if (config.trust.authserv_ids.length > 0) newest = await newestRaws(opened.db, NEWEST_MAILS);
    const held = counts.quarantined + counts.failed;
    return `Postgres ${version}${opened.embedded ? ` (embedded, for people: ${opened.embedded.readerUrl})` : ''}; ${counts.stored} messages stored, ${counts.received} waiting${held > 0 ? `, ${held} quarantined or failed: ruawatch messages list --state quarantined failed` : ''}`;
  });
  if (newest.length > 0) out(await tellAuthserv(newest, config.trust.authserv_ids));
  if (archived !== null) {
    const { raw_total_gb: gb } = config.retention;
    const size = `${(archived / 1e9).toFixed(2)} GB of raw mail`;
    if (gb !== null && archived > gb * 1e9 * WARN_SHARE)
      out(
        `--    archive: ${size}, of ${gb} (retention.raw_total_gb): beyond it ignored mails are deleted, then quarantined ones. Raise it, or shorten retention.raw_days.`,
      );
    else out(`ok    archive: ${size}${gb === null ? '' : `, of ${gb}`}`);
  }
  await check('queue', async () => {
    if (databaseUrl === null && config.redisUrl === null && config.queueDatabaseUrl === null)
      throw new Error('it is kept in the database, which does not answer.');
    const queues = await openQueues(config, databaseUrl ?? '', createLog('silent'), createMetrics());
    await queues.close();
    return queues.backend === 'redis' ? 'Redis answers' : 'on Postgres';
  });
  if (config.mailboxes.length === 0) {
    await check('mailbox', () => {
      throw new Error('none is set: set IMAP_URL (imaps://user:password@host/INBOX), or list mailboxes in ruawatch.yaml.');
    });
  }
  for (const mailbox of config.mailboxes)
    await check(`mailbox ${mailbox.name}`, () => checkMailbox(mailbox, createLog('silent')));
  if (config.smtpUrl === null)
    out('--    alerts: SMTP_URL is not set: findings are recorded in dmarc.findings, and nobody is mailed.');
  else await check('alerts', () => checkSmtp(config.smtpUrl!));
  for (const hook of config.webhooks) await check(`webhook ${hook.name}`, () => checkWebhook(hook));
  if (config.asnFile !== null) {
    const file = config.asnFile;
    await check('asn_file', () => readAsnFile(file).title);
  }
  if (config.enrich.dns === 'on') {
    // Nothing waits for these names, so a silent name server is told and fails nothing.
    const resolver = reverseResolver({ servers: config.dnsServers, timeoutMs: 2_000, tries: 1 });
    try {
      await resolver.pointers('1.0.0.127.in-addr.arpa');
      out('ok    reverse names: the name service answers');
    } catch (error) {
      out(
        `--    reverse names: ${sentenceOf(error)} Sources that are networks get no names; set dns_servers, or enrich.dns: off.`,
      );
    }
  }
  if (databaseUrl !== null) {
    const opened = openPool(databaseUrl, { max: 1 });
    await check('domains', async () => {
      const own = await countOwn(opened);
      const listed = ownDomains(config.domains).names.length;
      return `${own} yours${own === 0 && listed > 0 ? `, ${listed} listed: they are from the next start on` : ''}`;
    });
    try {
      for (const line of await waitingForWord(opened, config)) out(`--    domains: ${line}`);
    } catch (error) {
      failed = true;
      out(`FAIL  domains: ${sentenceOf(error)}`);
    }
    await opened.end();
  }
  if (config.httpListen) {
    const listen = config.httpListen;
    await check('health port', async () => {
      const server = await serveHealth(listen, createMetrics(), async () => [], createLog('silent'));
      await server.close();
      return `${listen.host}:${listen.port} is free`;
    });
  }
  await closeDatabase();
  return failed ? 1 : 0;
}

/** Mails looked at for what one's own servers wrote into them. */
const NEWEST_MAILS = 20;

/** Whether the mails say what `trust.authserv_ids` has us believe. What they leave open is not lost: the DKIM signature decides. */
async function tellAuthserv(newest: readonly Buffer[], ids: readonly string[]): Promise<string> {
  const { ownServerDecides } = await import('../../parser/index.ts');
  const unclear = newest.filter((raw) => !ownServerDecides(raw, ids)).length;
  if (unclear === 0) return `ok    authserv_ids: the last ${newest.length} mails say clearly what ${ids.join(', ')} found`;
  return `--    authserv_ids: of the last ${newest.length} mails, ${unclear} carry no Authentication-Results of ${ids.join(', ')} that can be believed: none, or where a forger could have written it. Their DKIM signatures decide, with trust.check: authserv nothing does. Let the server write one field into every mail, on top; see "Settings" in docs/trust.md.`;
}
