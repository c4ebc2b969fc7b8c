import { checkSmtp, checkWebhook, refusedSentence } from '../../alerter/index.ts';
import { checkCluster } from '../../cluster/index.ts';
import { checkCollector } from '../../collector/index.ts';
import { checkListen } from '../../console/index.ts';
import { proveDomain, readAsnFile } from '../../enricher/index.ts';
import { WARN_SHARE } from '../../parser/index.ts';
import { checkMailbox } from '../../poller/index.ts';
import { ownDomains } from '../../report/hostname.ts';
import { DAY_MS } from '../../shared/days.ts';
import { PermanentError, sentenceOf } from '../../shared/errors.ts';
import { counted } from '../../shared/format.ts';
import type { Db } from '../../shared/runtime/db.ts';
import { serveHealth } from '../../shared/runtime/health.ts';
import { createLog } from '../../shared/runtime/log.ts';
import { createMetrics } from '../../shared/runtime/metrics.ts';
import { openDns, reverseResolver } from '../../shared/runtime/resolver.ts';
import { listensForLogs } from '../../shared/settings/collector.ts';
import type { Config } from '../../shared/settings/config.ts';
import { unverifiedSentence } from '../../shared/unverified.ts';
import { refusedAlerts } from '../../store/alerts/refusals.ts';
import { countOwn, listDomains } from '../../store/domains/domains.ts';
import { archiveSize } from '../../store/messages/archive.ts';
import { newestRaws } from '../../store/messages/messages.ts';
import { VERIFIED_DAYS, type VerifiedShare, verifiedShare } from '../../store/reports/verified-share.ts';
import { Checks, type Note } from '../doctor-checks.ts';
import { type Looked, lookAtDatabase, lookAtQueue } from '../doctor-database.ts';
import { checkHold, milterNotes } from '../doctor-milter.ts';
import { readGuardFile } from '../guard-file.ts';
import { checkNames } from '../open.ts';
import { checkRights } from '../rights/doctor.ts';
import { undecidedDomains } from '../terminal/undecided.ts';

/** How long the records of one domain are asked for. */
const DNS_MS = 8_000;
/** Mails that are checked for the header fields of our own servers. */
const NEWEST_MAILS = 20;

/**
 * `doctor`: checks every setting and connection, one line each, and continues after a failure. It changes
 * nothing, and may run beside a ruawatch that runs.
 * @param config the settings, or the error of loadConfig, which is reported in a line of its own
 * @returns 1 when any line says FAIL
 */
export async function runDoctor(config: Config | Error, out: (line: string) => void): Promise<number> {
  const checks = new Checks(out);
  await checks.run('node', () => process.version);
  await checks.run('settings', () => {
    if (config instanceof Error) throw config;
    checkNames(config);
    return `read; ${counted(config.mailboxes.length, 'mailbox', 'mailboxes')}, alerts ${config.smtpUrl === null && config.webhooks.length === 0 ? 'off' : 'on'}`;
  });
  if (config instanceof Error) return 1;

  // The first group begins before the others ask for it.
  let opened: Promise<Looked | null> = Promise.resolve(null);
  const ready = async () => {
    const looked = await opened;
    return looked?.current ? looked.db : null;
  };
  try {
    await checks.beside(
      async (part) => {
        opened = lookAtDatabase(config, part);
        const db = await ready();
        if (db !== null) await checkArchive(db, config, part);
      },
      async (part) => lookAtQueue(config, config.redisUrl === null ? await opened : null, part),
      (part) => checkMailboxes(config, part),
      (part) => checkAlerts(config, ready(), part),
      (part) => checkSourceNames(config, part),
      (part) => checkGuard(config, part),
      async (part) => {
        const db = await ready();
        if (db !== null) await checkDomains(db, config, part);
        if (db !== null) await checkTrust(db, config, part);
        await checkRights(db, config, part);
      },
      (part) => checkListeners(config, part),
      async (part) => checkOthers(await ready(), config, part),
    );
  } finally {
    await (await opened)?.close();
  }
  return checks.failed ? 1 : 0;
}

/** Where this ruawatch listens, and mail is held. */
async function checkListeners(config: Config, checks: Checks): Promise<void> {
  await checkHealthPort(config, checks);
  if (config.console.listen !== null) await checks.run('console', async () => (await checkListen(config)) ?? 'off');
  if (config.milter.listen !== null) await checks.run('held mail', () => checkHold(config.milter.hold));
}

/** What is told to ruawatch by others than mailboxes: clusters and mail logs. */
async function checkOthers(db: Db | null, config: Config, checks: Checks): Promise<void> {
  const told = ({ text, warn }: { text: string; warn: boolean }) => (warn ? { note: text } : text);
  if (config.cluster.source !== null) await checks.run('cluster', async () => told(await checkCluster(db, config, new Date())));
  if (db !== null && listensForLogs(config.collector))
    await checks.run('collector', async () => told(await checkCollector(db, config, new Date())));
}

async function checkGuard({ guardFile, watcher }: Config, checks: Checks): Promise<void> {
  if (guardFile !== null) await checks.run('guard', () => guardLine(guardFile, watcher.dns));
}

/** What mail-guard.yaml declares. @throws PermanentError `guard_file` that lists every mistake */
function guardLine(file: string, dns: Config['watcher']['dns']): string | Note {
  const { environments } = readGuardFile(file);
  const domains = environments.reduce((n, one) => n + one.domains.length, 0);
  const declared = `${file} declares ${counted(domains, 'domain')} in ${counted(environments.length, 'environment')}`;
  return dns === 'on' ? declared : { note: `${declared}, and watcher.dns is off: nothing is compared with it.` };
}

async function checkArchive(db: Db, config: Config, checks: Checks): Promise<void> {
  const ids = config.trust.authserv_ids;
  if (ids.length > 0) await checks.run('authserv_ids', () => authserv(db, ids));
  await checks.run('archive', () => archive(db, config.retention));
  if (config.milter.listen !== null) await checks.run('milter', () => milterNotes(db));
}

/**
 * Whether the newest mails carry what trust.authserv_ids makes us rely on. A mail without it is not lost: its
 * DKIM signature is verified instead.
 */
async function authserv(db: Db, ids: readonly string[]): Promise<string | Note> {
  const newest = await newestRaws(db, NEWEST_MAILS);
  if (newest.length === 0) return 'no mail of a mailbox is stored yet';
  const { ownServerDecides } = await import('../../parser/index.ts');
  const unclear = newest.filter((raw) => !ownServerDecides(raw, ids)).length;
  const names = ids.join(', ');
  if (unclear === 0) return `all of the last ${newest.length} mails carry a verdict of ${names}`;
  return {
    note: `${unclear} of the last ${newest.length} mails carry no Authentication-Results of ${names} that can be trusted: there is none, or a forger could have written it. Their DKIM signatures are verified instead, unless trust.check is authserv. Configure the server to add one field at the top of every mail; see "Settings" in docs/trust.md.`,
  };
}

async function archive(db: Db, { raw_total_gb: gb }: Config['retention']): Promise<string | Note> {
  const bytes = await archiveSize(db);
  if (bytes === null) return 'its size has not been measured yet: the parser does so at its next upkeep';
  const size = `${(bytes / 1e9).toFixed(2)} GB of raw mail`;
  if (gb === null || bytes <= gb * 1e9 * WARN_SHARE) return `${size}${gb === null ? '' : `, of ${gb}`}`;
  return {
    note: `${size}, of ${gb} (retention.raw_total_gb): above that, ignored mails are deleted first, then quarantined ones. Raise the limit, or shorten retention.raw_days.`,
  };
}

async function checkMailboxes(config: Config, checks: Checks): Promise<void> {
  if (config.mailboxes.length === 0)
    await checks.run('mailbox', () => {
      throw new Error('none is set: set IMAP_URL (imaps://user:password@host/INBOX), or list mailboxes in ruawatch.yaml.');
    });
  await checks.beside(
    ...config.mailboxes.map(
      (mailbox) => (part: Checks) => part.run(`mailbox ${mailbox.name}`, () => checkMailbox(mailbox, createLog('silent'))),
    ),
  );
}

async function checkAlerts(config: Config, database: Promise<Db | null>, checks: Checks): Promise<void> {
  const { smtpUrl } = config;
  const refused = async (part: Checks) => {
    const db = await database;
    if (db === null) return;
    await part.run('alerts', async () => {
      const said = refusedSentence(await refusedAlerts(db));
      if (said !== null) throw new PermanentError('alerts_refused', said);
      return 'none is refused';
    });
  };
  if (smtpUrl === null)
    checks.note('alerts', 'SMTP_URL is not set: findings are recorded in dmarc.findings, and no mail is sent.');
  await checks.beside(
    ...(smtpUrl === null ? [] : [(part: Checks) => part.run('alerts', () => checkSmtp(smtpUrl, config))]),
    refused,
    ...config.webhooks.map((hook) => (part: Checks) => part.run(`webhook ${hook.name}`, () => checkWebhook(hook))),
  );
}

/**
 * What gives sources that are networks a name. Nothing waits for these names, so a silent name server is not
 * a failure.
 */
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
  await checkOwn(db, config, checks);
  try {
    for (const line of await undecidedDomains(db, config)) checks.note('domains', line);
  } catch (error) {
    await checks.run('domains', () => {
      throw error;
    });
  }
}

/** Own domains whose records are asked for one by one. */
const MOST_DOMAINS = 20;

/** For each own domain, whether its reports are sent here, and how many of them can be trusted. */
async function checkOwn(db: Db, config: Config, checks: Checks): Promise<void> {
  const own = (await listDomains(db, { state: 'own', limit: MOST_DOMAINS })).map(({ domain }) => domain);
  const listed = ownDomains(config.domains).names.filter((name) => !own.includes(name));
  const since = new Date(Date.now() - VERIFIED_DAYS * DAY_MS);
  const dns = openDns(config.dnsServers);
  const ours = new Set(config.mailboxes.flatMap((mailbox) => mailbox.addresses).map((address) => address.toLowerCase()));
  try {
    const domains = [...own, ...listed].slice(0, MOST_DOMAINS);
    // All at once: a name server that is silent for one is so for all.
    const proofs = domains.map((domain) =>
      ours.size === 0 ? null : proveDomain(domain, ours, dns, AbortSignal.timeout(DNS_MS)),
    );
    for (const proof of proofs) proof?.catch(() => undefined);
    for (const [i, domain] of domains.entries()) {
      await checks.run(`domain ${domain}`, async () => {
        const seen = seenLine(await verifiedShare(db, since, [domain]));
        const proof = await proofs[i];
        if (!proof) return { note: `${seen}; no mailbox has an address that rua= could name: set addresses of the mailbox.` };
        const more = proof.state === 'unknown' ? `; "ruawatch dns check ${domain}" says why` : '';
        const said = `${proof.reason.replace(/\.$/, '')}${more}; ${seen}.`;
        return proof.state === 'proven' ? said : { note: said };
      });
    }
  } finally {
    dns.cancel();
  }
}

function seenLine(share: VerifiedShare): string {
  return share.reports === 0
    ? `no report came in ${VERIFIED_DAYS} days`
    : `${share.verified} of ${share.reports} reports of the last ${VERIFIED_DAYS} days could be verified${takenLine(share)}`;
}

/** Reports that are believed as they are. */
function takenLine({ reports, verified, pending, unverified }: VerifiedShare): string {
  const taken = reports - verified - pending - unverified;
  return taken === 0 ? '' : `, and ${taken} count without that, as imported ones do`;
}

/** Whether reports can be verified: those that cannot open no finding. */
async function checkTrust(db: Db, config: Config, checks: Checks): Promise<void> {
  await checks.run('trust', async () => {
    const share = await verifiedShare(db, new Date(Date.now() - VERIFIED_DAYS * DAY_MS));
    if (config.trust.check === 'off') return { note: 'trust.check is off: every report counts, forged ones too.' };
    const sentence = unverifiedSentence(share);
    if (sentence !== null) return { note: sentence };
    return share.reports === 0
      ? 'no report came lately'
      : `${share.verified} of ${share.reports} reports of the last ${VERIFIED_DAYS} days verified${takenLine(share)}`;
  });
}

async function checkHealthPort({ httpListen }: Config, checks: Checks): Promise<void> {
  if (httpListen === null) return;
  await checks.run('health port', async () => {
    if (await answersAsRuawatch(httpListen)) return `ruawatch is running at ${httpListen.host}:${httpListen.port}`;
    const server = await serveHealth(httpListen, createMetrics(), { ready: async () => [] }, createLog('silent'));
    await server.close();
    return `${httpListen.host}:${httpListen.port} is free`;
  });
}

/** Whether a ruawatch that runs has the port. */
async function answersAsRuawatch({ host, port }: { host: string; port: number }): Promise<boolean> {
  if (port === 0) return false;
  const at = host === '0.0.0.0' ? '127.0.0.1' : host === '::' || host === '[::]' ? '[::1]' : host;
  try {
    const answer = await fetch(`http://${at}:${port}/metrics`, { signal: AbortSignal.timeout(3_000) });
    return (await answer.text()).includes('# HELP ruawatch_');
  } catch {
    // Nothing listens there, or something else does: listening decides.
    return false;
  }
}
