import path from 'node:path';
import type { z } from 'zod';
import { messageOf, SettingsError } from '../errors.ts';
import { type Access, accessOf } from './access.ts';
import { type Cluster, clusterOf } from './cluster.ts';
import { type Collector, toCollector } from './collector.ts';
import { type DkimKey, dkimKeys } from './dkim-keys.ts';
import { type DnsTarget, dnsTargets } from './dns-servers.ts';
import type { Gateway } from './gateway.ts';
import { type Mailbox, toMailbox } from './mailbox.ts';
import { type Milter, milterOf } from './milter.ts';
import { type Oidc, oidcOf } from './oidc.ts';
import { readSecretFile } from './secret-file.ts';
import { ENV_KEYS, SECRET_KEYS, type Settings, settingsSchema } from './settings-schema.ts';
import { email } from './values.ts';
import { toWebhook, type Webhook, type WebhookEntry } from './webhook.ts';
import { readYamlFile } from './yaml-file.ts';

/** All settings, validated once at the start. */
export interface Config {
  databaseUrl: string | null;
  /**
   * The Postgres of the queue where it is not `databaseUrl`, such as the direct address of a server behind a
   * pooler.
   */
  queueDatabaseUrl: string | null;
  redisUrl: string | null;
  /** As they were written; services/report/hostname.ts decides which are host names. */
  domains: string[];
  mailboxes: Mailbox[];
  smtpUrl: string | null;
  alertFrom: string | null;
  alertTo: string[];
  webhooks: Webhook[];
  /** Absolute. Only the default, ./.ruawatch, may be replaced by another folder (cli/open.ts). */
  dataDir: string;
  /** Whether RUAWATCH_DATA_DIR is set. */
  dataDirChosen: boolean;
  /** Null when RUAWATCH_POSTGRES_PORT is not set. */
  postgresPort: number | null;
  logLevel: string;
  /** Null when HTTP_LISTEN is `off`. */
  httpListen: { host: string; port: number } | null;
  alerts: Settings['alerts'];
  /** The address of the console without a final slash; null when none is set. */
  consoleUrl: string | null;
  approvals: Settings['approvals'];
  console: {
    /** Null when CONSOLE_LISTEN is `off`. */
    listen: { host: string; port: number } | null;
    /** Absolute paths of PEM files; null for HTTP. */
    tls: { cert: string; key: string } | null;
    proxies: string[];
    /** Sign-in through the company's provider; null without. */
    oidc: Oidc | null;
  };
  dnsTargets: DnsTarget[];
  dkimKeys: DkimKey[];
  access: Access;
  gateway: Gateway;
  cluster: Cluster;
  milter: Milter;
  collector: Collector;
  analyzer: Settings['analyzer'];
  parser: Settings['parser'];
  failureReports: Settings['failure_reports'];
  retention: Settings['retention'];
  trust: Settings['trust'];
  /** Absolute; null when none is set. */
  sendersFile: string | null;
  /** As parseServer reads them; empty for those of the system. */
  dnsServers: string[];
  enrich: Settings['enrich'];
  watcher: Settings['watcher'];
  /** mail-guard.yaml. Absolute; null when none is set. */
  guardFile: string | null;
  /** Absolute; null when none is set. */
  asnFile: string | null;
  sweep: Settings['sweep'];
  limits: Record<string, number>;
}

const OWN_PREFIX = /^RUAWATCH_/;
/** RUAWATCH_NO_SKIP is read by the test suites, which start the program with their own environment. */
const OWN_KEYS = new Set<string>([...ENV_KEYS, 'RUAWATCH_CONFIG', 'RUAWATCH_NO_SKIP']);

/**
 * Reads the environment and ruawatch.yaml (the file that RUAWATCH_CONFIG names, or the one in `cwd` if it
 * exists).
 * @throws SettingsError that lists every mistake, each in one line
 */
export function loadConfig(env: NodeJS.ProcessEnv, cwd: string): Config {
  const mistakes: string[] = [];
  const given = { ...fromFile(env, cwd, mistakes), ...fromEnvironment(env, cwd, mistakes) };
  const { settings, wrong } = validSettings(given, mistakes);
  const { oidc, ...checked } = checkedParts(settings, cwd, mistakes);
  checkAgainstEachOther(settings, checked.alertTo, wrong, mistakes);
  if (mistakes.length > 0) throw listed(mistakes);
  const absolute = (file: string | undefined) => (file === undefined ? null : path.resolve(cwd, file));
  return {
    databaseUrl: settings.DATABASE_URL ?? null,
    queueDatabaseUrl: settings.QUEUE_DATABASE_URL ?? null,
    redisUrl: settings.REDIS_URL ?? null,
    domains: [...settings.domains.map((name) => name.trim()).filter(Boolean), ...listOf(settings.RUAWATCH_DOMAINS)],
    ...checked,
    smtpUrl: settings.SMTP_URL ?? null,
    alertFrom: settings.ALERT_FROM ?? null,
    dataDir: path.resolve(cwd, settings.RUAWATCH_DATA_DIR ?? '.ruawatch'),
    dataDirChosen: settings.RUAWATCH_DATA_DIR !== undefined,
    postgresPort: settings.RUAWATCH_POSTGRES_PORT ?? null,
    logLevel: settings.LOG_LEVEL,
    httpListen: listenOf(settings.HTTP_LISTEN),
    alerts: settings.alerts,
    consoleUrl: settings.console.url?.replace(/\/+$/, '') ?? null,
    approvals: settings.approvals,
    console: {
      listen: listenOf(settings.CONSOLE_LISTEN),
      tls: tlsOf(settings.console, cwd),
      proxies: settings.console.proxies,
      oidc,
    },
    gateway: {
      listen: listenOf(settings.gateway.listen),
      keyFile: absolute(settings.gateway.key_file),
    },
    milter: milterOf(settings.milter, cwd),
    collector: toCollector(settings.collector, { listenOf, absolute }),
    analyzer: settings.analyzer,
    parser: settings.parser,
    failureReports: settings.failure_reports,
    retention: settings.retention,
    trust: settings.trust,
    sendersFile: absolute(settings.senders_file),
    dnsServers: settings.dns_servers ?? settings.enrich.dns_servers ?? [],
    enrich: settings.enrich,
    watcher: settings.watcher,
    guardFile: absolute(settings.guard.file),
    asnFile: absolute(settings.asn_file),
    sweep: settings.sweep,
    limits: settings.limits,
  };
}

/** What is read from settings that can be wrong in more ways than their schema sees. */
function checkedParts(settings: Settings, cwd: string, mistakes: string[]) {
  const parts = {
    mailboxes: mailboxesOf(settings, cwd, mistakes),
    webhooks: webhooksOf(settings, cwd, mistakes),
    oidc: oidcOf(settings.console.oidc, cwd, mistakes),
    dnsTargets: dnsTargets(settings.dns, cwd, mistakes),
    dkimKeys: dkimKeys(settings.dkim, cwd, mistakes),
    cluster: clusterOf(settings.cluster, cwd, settings.guard.file, mistakes),
  };
  if (parts.dkimKeys.some(({ kubernetes }) => kubernetes?.pods != null) && parts.cluster.source?.kind !== 'api')
    mistakes.push('dkim: kubernetes.pods is read by the service cluster: set cluster.in_cluster or cluster.kubeconfig.');
  const access = accessOf(settings.access, settings.approvals.groups, cwd, mistakes);
  const alertTo = listOf(settings.ALERT_TO);
  for (const to of alertTo) if (!email.safeParse(to).success) mistakes.push(`ALERT_TO has "${to}", which is not a mail address.`);
  return { ...parts, access, alertTo };
}

function fromFile(env: NodeJS.ProcessEnv, cwd: string, mistakes: string[]): Record<string, unknown> {
  const given = readYamlFile(env.RUAWATCH_CONFIG || undefined, cwd, mistakes);
  for (const key of SECRET_KEYS) takeSecretFile(given, key, cwd, mistakes);
  return given;
}

function fromEnvironment(env: NodeJS.ProcessEnv, cwd: string, mistakes: string[]): Record<string, unknown> {
  const given: Record<string, unknown> = {};
  for (const key of ENV_KEYS) {
    const value = env[key];
    if (value !== undefined && value !== '') given[key] = value;
    if (SECRET_KEYS.has(key) && env[`${key}_FILE`]) {
      given[`${key}_FILE`] = env[`${key}_FILE`];
      takeSecretFile(given, key, cwd, mistakes);
    }
  }
  for (const key of Object.keys(env)) {
    if (OWN_PREFIX.test(key) && !OWN_KEYS.has(key))
      mistakes.push(`${key} is not a setting of ruawatch: remove it or correct its name.`);
  }
  return given;
}

/** Replaces `KEY_FILE: path` by `KEY: content`. */
function takeSecretFile(given: Record<string, unknown>, key: string, cwd: string, mistakes: string[]): void {
  const file = given[`${key}_FILE`];
  if (file === undefined) return;
  delete given[`${key}_FILE`];
  if (given[key] !== undefined) mistakes.push(`${key} and ${key}_FILE are both set: keep one.`);
  try {
    given[key] = readSecretFile(String(file), cwd);
  } catch (error) {
    mistakes.push(`${key}_FILE ${messageOf(error)}: correct the path, or write the value into the file.`);
  }
}

/**
 * The valid settings. Each invalid one adds a line to `mistakes` and is left out, so that the rest is still
 * checked.
 */
function validSettings(
  given: Record<string, unknown>,
  mistakes: string[],
): { settings: Settings; wrong: ReadonlySet<PropertyKey> } {
  const wrong = new Set<PropertyKey>();
  const first = settingsSchema.safeParse(given);
  if (first.success) return { settings: first.data, wrong };
  for (const issue of first.error.issues) {
    mistakes.push(sentenceAbout(issue));
    for (const key of issue.path.length > 0 ? [issue.path[0]!] : issue.code === 'unrecognized_keys' ? issue.keys : [])
      wrong.add(key);
  }
  // Each setting is checked by itself: what is left is valid.
  const rest = Object.entries(given).filter(([key]) => !wrong.has(key));
  return { settings: settingsSchema.parse(Object.fromEntries(rest)), wrong };
}

/**
 * Settings that are valid each by itself and do not fit each other. Nothing is said about settings that are
 * `wrong`.
 */
function checkAgainstEachOther(
  settings: Settings,
  alertTo: readonly string[],
  wrong: ReadonlySet<PropertyKey>,
  mistakes: string[],
): void {
  const { SMTP_URL, ALERT_FROM, alerts, trust, analyzer } = settings;
  const { tls_cert_file: cert, tls_key_file: key } = settings.console;
  if ((cert === undefined) !== (key === undefined) && !wrong.has('console'))
    mistakes.push('console.tls_cert_file and console.tls_key_file belong together: set both, or neither.');
  if (SMTP_URL && !ALERT_FROM && !wrong.has('ALERT_FROM'))
    mistakes.push('SMTP_URL is set but ALERT_FROM is not: set the address that alerts are sent from.');
  const nobody = alertTo.length === 0 && Object.keys(alerts.domains).length === 0;
  if (SMTP_URL && nobody && !wrong.has('ALERT_TO') && !wrong.has('alerts'))
    mistakes.push('SMTP_URL is set but alerts have no recipient: set ALERT_TO, or alerts.domains in ruawatch.yaml.');
  if (trust.check === 'authserv' && trust.authserv_ids.length === 0 && !wrong.has('trust'))
    mistakes.push(
      'trust.check is authserv but trust.authserv_ids is empty: name your mail server, or set trust.check to verify.',
    );
  const { rollups_days } = settings.retention;
  if (rollups_days !== null && rollups_days < analyzer.window_days && !wrong.has('retention') && !wrong.has('analyzer'))
    mistakes.push(
      `retention.rollups_days is ${rollups_days}, but findings look back ${analyzer.window_days} days (analyzer.window_days): keep daily totals at least as long.`,
    );
}

function mailboxesOf(settings: Settings, cwd: string, mistakes: string[]): Mailbox[] {
  const { IMAP_URL: url, mailboxes = [] } = settings;
  const entries = [
    ...(url === undefined ? [] : [{ where: 'IMAP_URL', entry: { url } }]),
    ...mailboxes.map((entry, i) => ({ where: `mailboxes[${i}]`, entry })),
  ];
  return named('mailboxes', entries, (entry) => toMailbox(entry, cwd), mistakes);
}

function webhooksOf(settings: Settings, cwd: string, mistakes: string[]): Webhook[] {
  const { WEBHOOK_URL: url, WEBHOOK_FORMAT: format, WEBHOOK_SECRET: secret, webhooks = [] } = settings;
  if (url === undefined && (format !== undefined || secret !== undefined))
    mistakes.push('WEBHOOK_FORMAT or WEBHOOK_SECRET is set but WEBHOOK_URL is not: set it too, or remove them.');
  const entries: { where: string; entry: WebhookEntry }[] = [
    ...(url === undefined ? [] : [{ where: 'WEBHOOK_URL', entry: { url, format, secret } }]),
    ...webhooks.map((entry, i) => ({ where: `webhooks[${i}]`, entry })),
  ];
  return named('webhooks', entries, (entry) => toWebhook(entry, cwd), mistakes);
}

/** Reads each entry. What cannot be read, and a name that is used twice, adds a line to `mistakes`. */
function named<Entry, T extends { name: string }>(
  what: string,
  entries: readonly { where: string; entry: Entry }[],
  read: (entry: Entry) => T,
  mistakes: string[],
): T[] {
  const found: T[] = [];
  for (const { where, entry } of entries) {
    try {
      const one = read(entry);
      if (found.some((other) => other.name === one.name))
        mistakes.push(`${where}: two ${what} are named "${one.name}": give each its own name.`);
      found.push(one);
    } catch (error) {
      mistakes.push(`${where} ${messageOf(error)}`);
    }
  }
  return found;
}

/** The items of a list that is separated by commas. */
const listOf = (text = '') =>
  text
    .split(',')
    .map((item) => item.trim())
    .filter(Boolean);

function tlsOf({ tls_cert_file: cert, tls_key_file: key }: Settings['console'], cwd: string): Config['console']['tls'] {
  // Both are set, or neither is.
  return cert === undefined ? null : { cert: path.resolve(cwd, cert), key: path.resolve(cwd, key!) };
}

function listenOf(text: string): Config['httpListen'] {
  if (text === 'off') return null;
  const at = text.lastIndexOf(':');
  return { host: text.slice(0, at).replace(/^\[|\]$/g, ''), port: Number(text.slice(at + 1)) };
}

function sentenceAbout(issue: z.core.$ZodIssue): string {
  const at = issue.path.map(String).join('.');
  if (issue.code === 'unrecognized_keys') {
    const keys = issue.keys.map((k) => `"${at === '' ? k : `${at}.${k}`}"`).join(', ');
    return `Unknown setting ${keys}: remove it or correct its name.`;
  }
  const said = /^[A-Z]/.test(issue.message)
    ? `: ${issue.message[0]!.toLowerCase()}${issue.message.slice(1)}`
    : ` ${issue.message}`;
  return `${at}${said}.`;
}

function listed(mistakes: string[]): SettingsError {
  return new SettingsError(
    mistakes.length === 1
      ? mistakes[0]!
      : `${mistakes.length} settings are wrong:\n${mistakes.map((m) => `  - ${m}`).join('\n')}`,
  );
}
