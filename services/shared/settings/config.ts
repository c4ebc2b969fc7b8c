import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { z } from 'zod';
import { parseServer } from '../../dns/client/servers.ts';
import { messageOf, SettingsError } from '../errors.ts';
import { type Mailbox, mailboxSchema, toMailbox } from './mailbox.ts';
import { toWebhook, type Webhook, webhookSchema } from './webhook.ts';

const email = z.string().regex(/^[^\s@<>]+@[^\s@<>]+$/, 'must be a mail address');
const keptDays = z.number().int().min(1).max(36_500).nullable().default(null);
const seconds = (fallback: number) => z.number().positive().default(fallback);

const urlOf = (what: string, ...schemes: string[]) =>
  z.string().superRefine((value, ctx) => {
    const scheme = /^([a-z+]+):\/\//.exec(value)?.[1];
    if (!scheme || !schemes.includes(scheme) || !URL.canParse(value)) {
      ctx.addIssue({
        code: 'custom',
        message: `must be ${what}, such as ${schemes[0]}://user:password@host (it is not shown here)`,
      });
    } else if (/[?#].*@/.test(value) || !isPercentEncoded(value)) {
      // A raw ? or # in a password ends the host: what follows would be taken for options, and be named in messages about them.
      ctx.addIssue({
        code: 'custom',
        message: 'has special characters that must be percent-encoded, such as %23 for # and %25 for % (it is not shown here)',
      });
    }
  });

const isPercentEncoded = (value: string) => !/%(?![0-9a-f]{2})/i.test(value);

const isListen = (value: string) => value === 'off' || Number(/^.+:(\d{1,5})$/.exec(value)?.[1] ?? Number.NaN) <= 65_535;

/** Name servers: "address", or "address:port" ("[…]:port" for IPv6). */
const nameServers = z
  .array(z.string().refine((text) => parseServer(text) !== null, 'must be an address, or address:port'))
  .optional();

/** The shape of ruawatch.yaml. The upper-case keys are the same as the environment's; the environment wins. */
const fileSchema = z.strictObject({
  DATABASE_URL: urlOf('a Postgres URL', 'postgres', 'postgresql').optional(),
  QUEUE_DATABASE_URL: urlOf('a Postgres URL', 'postgres', 'postgresql').optional(),
  REDIS_URL: urlOf('a Redis URL', 'redis', 'rediss').optional(),
  IMAP_URL: z.string().optional(),
  SMTP_URL: urlOf('an SMTP URL', 'smtp', 'smtps').optional(),
  ALERT_FROM: email.optional(),
  ALERT_TO: z.string().optional(),
  WEBHOOK_URL: z.string().optional(),
  WEBHOOK_FORMAT: z.enum(['json', 'slack']).optional(),
  WEBHOOK_SECRET: z.string().optional(),
  RUAWATCH_DATA_DIR: z.string().min(1).optional(),
  /** The port of the embedded Postgres; that of last time when it is not set. */
  RUAWATCH_POSTGRES_PORT: z.coerce
    .number({ error: 'must be a port, 1024 to 65535' })
    .int('must be a port, 1024 to 65535')
    .min(1024, 'must be a port, 1024 to 65535')
    .max(65_535, 'must be a port, 1024 to 65535')
    .optional(),
  /** Your domains, separated by commas: the same as `domains:`. */
  RUAWATCH_DOMAINS: z.string().optional(),
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
  /** host:port of /livez, /readyz and /metrics; port 0 lets the system pick, "off" closes it. */
  HTTP_LISTEN: z.string().refine(isListen, 'must be host:port, or off').default('127.0.0.1:9807'),
  /** Your domains: they and the names below them have findings. Others need proof by DNS, or `ruawatch domains add`. */
  domains: z.array(z.string().min(1)).default([]),
  mailboxes: z.array(mailboxSchema).optional(),
  webhooks: z.array(webhookSchema).optional(),
  alerts: z
    .strictObject({
      /** Recipients by domain; a domain not named here uses ALERT_TO. */
      domains: z.record(z.string(), z.array(email).min(1)).default({}),
      /** Mails an hour to one set of recipients; what is beyond it is gathered in one digest. */
      per_hour: z.number().int().min(1).default(10),
      /** Of these, about one domain. What is critical is counted apart from the rest, by both. */
      per_domain_hour: z.number().int().min(1).default(5),
      /** A mail a week to every set of recipients. */
      digest: z.enum(['weekly', 'off']).default('weekly'),
      digest_day: z.enum(['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday']).default('monday'),
      /** UTC. */
      digest_hour: z.number().int().min(0).max(23).default(7),
    })
    .prefault({}),
  analyzer: z
    .strictObject({
      /** How long fresh rows may wait for the rest of a backlog before they are judged. */
      patience_seconds: seconds(60),
      /** Report days a finding's window looks back. */
      window_days: z.number().int().min(14).max(180).default(42),
      /** Findings whose newest evidence is older are recorded, not mailed. */
      quiet_after_days: z.number().int().min(1).default(14),
      /** False alarms that each domain may cost a month; fewer make the analyzer slower and less keen. */
      false_alarms_per_month: z.number().positive().max(100).default(1),
    })
    .prefault({}),
  parser: z
    .strictObject({
      concurrency: z.number().int().min(1).max(64).default(2),
      batch_messages: z.number().int().min(1).max(1000).default(100),
      /** What reading one mail may take. Beyond it the mail is quarantined: codes `time_budget`, `memory_budget`. */
      time_budget_seconds: seconds(120),
      memory_budget_mb: z.number().int().min(32).default(64),
      /** Whether mails are read in threads of their own, where the budgets hold; off is for a debugger. */
      isolate: z.boolean().default(true),
    })
    .prefault({}),
  trust: z
    .strictObject({
      /**
       * How to tell whether a report comes from whom it says. `verify`: by the Authentication-Results of `authserv_ids`, else by the
       * mail's own DKIM signature. `authserv`: by those Authentication-Results alone. `off`: not at all, every report counts.
       */
      check: z.enum(['verify', 'authserv', 'off']).default('verify'),
      /** The authserv-ids (RFC 8601 section 2.5) of your own receiving servers; the headers of any other are never believed. */
      authserv_ids: z
        .array(z.string().regex(/^[^\s;()"]+$/, 'must be the name your mail server writes, such as mx.example.org'))
        .default([]),
    })
    .prefault({}),
  failure_reports: z
    .strictObject({
      /** Keep local parts of addresses and subjects, which are hidden otherwise. */
      keep_personal_data: z.boolean().default(false),
      /** Days after which failure reports and the mails they came in are deleted. */
      retention_days: z.number().int().min(1).max(3650).default(30),
    })
    .prefault({}),
  /** Days that things are kept; null is for ever. Raw mails, records and daily totals go by whole months: docs/retention.md. */
  retention: z
    .strictObject({
      raw_days: keptDays.default(400),
      /** Raw mails that are no report: one by one. */
      ignored_days: keptDays.default(30),
      /** Gigabytes (10^9) of raw mail; beyond them ignored mails go, then quarantined ones. Null is no bound. */
      raw_total_gb: z.number().positive().nullable().default(20),
      records_days: keptDays,
      rollups_days: keptDays,
    })
    .prefault({}),
  sweep: z.strictObject({ every_seconds: seconds(15), after_seconds: seconds(60) }).prefault({}),
  /** Whom everything of ours asks that asks DNS; the system's own servers when empty. */
  dns_servers: nameServers,
  /** A catalogue of senders of one's own, laid over the one that comes along: docs/senders.md. */
  senders_file: z.string().min(1).optional(),
  enrich: z
    .strictObject({
      /** Whether the enricher asks DNS for the names of the addresses that mail came from. */
      dns: z.enum(['on', 'off']).default('on'),
      /** Where `dns_servers` stood at first: it counts when that is not set. */
      dns_servers: nameServers,
      /** Questions a second, and questions under way at a time, of one process. */
      queries_per_second: z.number().positive().max(10_000).default(20),
      concurrency: z.number().int().min(1).max(256).default(10),
      /** Days until an address is asked about again: one that has a name, and one that has none. */
      keep_days: z.number().int().min(1).max(365).default(30),
      keep_nothing_days: z.number().int().min(1).max(365).default(3),
    })
    .prefault({}),
  /** An MMDB file of network owners (ASN), of any vendor: docs/sources.md. */
  asn_file: z.string().min(1).optional(),
  /** Overrides of services/report/limits.ts, by their names there. */
  limits: z.record(z.string(), z.number().positive()).default({}),
});

type File = z.infer<typeof fileSchema>;

/** Everything the program can be told, checked once at start. */
export interface Config {
  databaseUrl: string | null;
  /** The Postgres of the queue where it is not `databaseUrl`, such as the direct address of a server reached through a pooler. */
  queueDatabaseUrl: string | null;
  redisUrl: string | null;
  /** As they were written; services/report/hostname.ts says which are names. */
  domains: string[];
  mailboxes: Mailbox[];
  smtpUrl: string | null;
  alertFrom: string | null;
  alertTo: string[];
  webhooks: Webhook[];
  /** Absolute. Null when it was not set: the default is ./.ruawatch, and may move (cli/open.ts). */
  dataDir: string;
  dataDirChosen: boolean;
  /** Null when it was not set. */
  postgresPort: number | null;
  logLevel: string;
  httpListen: { host: string; port: number } | null;
  alerts: File['alerts'];
  analyzer: File['analyzer'];
  parser: File['parser'];
  failureReports: File['failure_reports'];
  retention: File['retention'];
  trust: File['trust'];
  /** Absolute; null when none is set. */
  sendersFile: string | null;
  /** As parseServer reads them; empty for the system's own. */
  dnsServers: string[];
  enrich: File['enrich'];
  /** Absolute; null when none is set. */
  asnFile: string | null;
  sweep: File['sweep'];
  limits: Record<string, number>;
}

const ENV_KEYS = [
  'DATABASE_URL',
  'QUEUE_DATABASE_URL',
  'REDIS_URL',
  'IMAP_URL',
  'SMTP_URL',
  'ALERT_FROM',
  'ALERT_TO',
  'WEBHOOK_URL',
  'WEBHOOK_FORMAT',
  'WEBHOOK_SECRET',
  'RUAWATCH_DATA_DIR',
  'RUAWATCH_POSTGRES_PORT',
  'RUAWATCH_DOMAINS',
  'LOG_LEVEL',
  'HTTP_LISTEN',
] as const;
const SECRET_KEYS = new Set<string>([
  'DATABASE_URL',
  'QUEUE_DATABASE_URL',
  'REDIS_URL',
  'IMAP_URL',
  'SMTP_URL',
  'WEBHOOK_URL',
  'WEBHOOK_SECRET',
]);
const OWN_PREFIX = /^RUAWATCH_/;
/** RUAWATCH_NO_SKIP speaks to the test suites, which start the program with their own environment. */
const OWN_KEYS = new Set<string>([...ENV_KEYS, 'RUAWATCH_CONFIG', 'RUAWATCH_NO_SKIP']);

/**
 * Reads the environment and ruawatch.yaml (RUAWATCH_CONFIG, or in the working folder when it exists).
 * @throws SettingsError that lists every mistake, each in one line
 */
export function loadConfig(env: NodeJS.ProcessEnv, cwd: string): Config {
  const mistakes: string[] = [];
  const raw: Record<string, unknown> = readConfigFile(env.RUAWATCH_CONFIG || undefined, cwd, mistakes);
  for (const key of SECRET_KEYS) takeSecretFile(raw, key, cwd, mistakes);

  const fromEnv: Record<string, unknown> = {};
  for (const key of ENV_KEYS) {
    const value = env[key];
    if (value !== undefined && value !== '') fromEnv[key] = value;
    if (SECRET_KEYS.has(key) && env[`${key}_FILE`]) {
      fromEnv[`${key}_FILE`] = env[`${key}_FILE`];
      takeSecretFile(fromEnv, key, cwd, mistakes);
    }
  }
  for (const key of Object.keys(env)) {
    if (OWN_PREFIX.test(key) && !OWN_KEYS.has(key))
      mistakes.push(`${key} is not a setting of ruawatch: remove it or correct its name.`);
  }

  const given = { ...raw, ...fromEnv };
  const { file, wrong } = readSettings(given, mistakes);
  const mailboxes = mailboxesOf(file, cwd, mistakes);
  const webhooks = webhooksOf(file, cwd, mistakes);
  const alertTo = (file.ALERT_TO ?? '')
    .split(',')
    .map((s) => s.trim())
    .filter(Boolean);
  for (const to of alertTo) if (!email.safeParse(to).success) mistakes.push(`ALERT_TO has "${to}", which is not a mail address.`);
  if (file.SMTP_URL && !file.ALERT_FROM && !wrong.has('ALERT_FROM'))
    mistakes.push('SMTP_URL is set but ALERT_FROM is not: say which address alerts come from.');
  const nobody = alertTo.length === 0 && Object.keys(file.alerts.domains).length === 0;
  if (file.SMTP_URL && nobody && !wrong.has('ALERT_TO') && !wrong.has('alerts')) {
    mistakes.push('SMTP_URL is set but nobody is to be alerted: set ALERT_TO, or alerts.domains in ruawatch.yaml.');
  }
  if (file.trust.check === 'authserv' && file.trust.authserv_ids.length === 0 && !wrong.has('trust')) {
    mistakes.push(
      'trust.check is authserv but trust.authserv_ids is empty: name your mail server, or set trust.check to verify.',
    );
  }
  const { rollups_days } = file.retention;
  if (rollups_days !== null && rollups_days < file.analyzer.window_days && !wrong.has('retention') && !wrong.has('analyzer')) {
    mistakes.push(
      `retention.rollups_days is ${rollups_days}, but findings look back ${file.analyzer.window_days} days (analyzer.window_days): keep daily totals at least as long.`,
    );
  }
  if (mistakes.length > 0) throw listed(mistakes);

  return {
    databaseUrl: file.DATABASE_URL ?? null,
    queueDatabaseUrl: file.QUEUE_DATABASE_URL ?? null,
    redisUrl: file.REDIS_URL ?? null,
    domains: [...file.domains, ...(file.RUAWATCH_DOMAINS ?? '').split(',')].map((name) => name.trim()).filter(Boolean),
    mailboxes,
    smtpUrl: file.SMTP_URL ?? null,
    alertFrom: file.ALERT_FROM ?? null,
    alertTo,
    webhooks,
    dataDir: path.resolve(cwd, file.RUAWATCH_DATA_DIR ?? '.ruawatch'),
    dataDirChosen: file.RUAWATCH_DATA_DIR !== undefined,
    postgresPort: file.RUAWATCH_POSTGRES_PORT ?? null,
    logLevel: file.LOG_LEVEL,
    httpListen: listenOf(file.HTTP_LISTEN),
    alerts: file.alerts,
    analyzer: file.analyzer,
    parser: file.parser,
    failureReports: file.failure_reports,
    retention: file.retention,
    trust: file.trust,
    sendersFile: file.senders_file === undefined ? null : path.resolve(cwd, file.senders_file),
    dnsServers: file.dns_servers ?? file.enrich.dns_servers ?? [],
    enrich: file.enrich,
    asnFile: file.asn_file === undefined ? null : path.resolve(cwd, file.asn_file),
    sweep: file.sweep,
    limits: file.limits,
  };
}

/** The settings that are right; each one that is wrong adds a line and is left out, so that the rest is still checked. */
function readSettings(given: Record<string, unknown>, mistakes: string[]): { file: File; wrong: Set<PropertyKey> } {
  const wrong = new Set<PropertyKey>();
  const first = fileSchema.safeParse(given);
  if (first.success) return { file: first.data, wrong };
  for (const issue of first.error.issues) {
    mistakes.push(sentence(issue));
    for (const key of issue.path.length > 0 ? [issue.path[0]!] : issue.code === 'unrecognized_keys' ? issue.keys : [])
      wrong.add(key);
  }
  const rest = fileSchema.safeParse(Object.fromEntries(Object.entries(given).filter(([key]) => !wrong.has(key))));
  if (!rest.success) throw listed(mistakes);
  return { file: rest.data, wrong };
}

function listenOf(text: string): Config['httpListen'] {
  if (text === 'off') return null;
  const at = text.lastIndexOf(':');
  return { host: text.slice(0, at).replace(/^\[|\]$/g, ''), port: Number(text.slice(at + 1)) };
}

function readConfigFile(named: string | undefined, cwd: string, mistakes: string[]): Record<string, unknown> {
  const file = path.resolve(cwd, named ?? 'ruawatch.yaml');
  if (!existsSync(file)) {
    if (named) mistakes.push(`RUAWATCH_CONFIG names ${named}, which does not exist.`);
    return {};
  }
  const name = path.basename(file);
  try {
    // Where the environment says all, it need not be loaded.
    const { LineCounter, parseDocument } = createRequire(import.meta.url)('yaml') as typeof import('yaml');
    const lines = new LineCounter();
    const document = parseDocument(readFileSync(file, 'utf8'), { lineCounter: lines, prettyErrors: false, logLevel: 'error' });
    // The first alone: the others mostly follow from it. The parser's own sentence may quote what stands there, a password for one.
    const mistake = document.errors[0] ?? document.warnings[0];
    if (mistake) {
      const { line, col } = lines.linePos(mistake.pos[0]);
      mistakes.push(
        `${name} is not YAML at line ${line}, column ${col} (${mistake.code}): correct it; values with special characters need quotes.`,
      );
      return {};
    }
    const data = contentOf(document, name, mistakes) ?? {};
    if (typeof data === 'object' && !Array.isArray(data)) return { ...data };
    mistakes.push(`${name} must hold keys and values.`);
  } catch (error) {
    mistakes.push(`${name} cannot be read: ${messageOf(error)}`);
  }
  return {};
}

function contentOf(document: { toJS(): unknown }, name: string, mistakes: string[]): unknown {
  try {
    return document.toJS();
  } catch {
    // Its message names the alias, which is a secret when somebody left the quotes away.
    mistakes.push(`${name} has a value that begins with * and is no alias, or too many aliases: put the value in quotes.`);
    return {};
  }
}

/** Replaces `KEY_FILE: path` by `KEY: content`. */
function takeSecretFile(raw: Record<string, unknown>, key: string, cwd: string, mistakes: string[]): void {
  const file = raw[`${key}_FILE`];
  if (file === undefined) return;
  delete raw[`${key}_FILE`];
  if (raw[key] !== undefined) mistakes.push(`${key} and ${key}_FILE are both set: keep one.`);
  try {
    const content = readFileSync(path.resolve(cwd, String(file)), 'utf8').trim();
    if (content === '') mistakes.push(`${key}_FILE names an empty file: write the value into it.`);
    else raw[key] = content;
  } catch (error) {
    mistakes.push(`${key}_FILE cannot be read: ${messageOf(error)}.`);
  }
}

function mailboxesOf(file: File, cwd: string, mistakes: string[]): Mailbox[] {
  const inputs = [...(file.IMAP_URL === undefined ? [] : [{ url: file.IMAP_URL }]), ...(file.mailboxes ?? [])];
  const mailboxes: Mailbox[] = [];
  for (const [i, input] of inputs.entries()) {
    const where = file.IMAP_URL !== undefined && i === 0 ? 'IMAP_URL' : `mailboxes[${i - (file.IMAP_URL === undefined ? 0 : 1)}]`;
    try {
      const mailbox = toMailbox(input, cwd);
      if (mailboxes.some((m) => m.name === mailbox.name)) {
        mistakes.push(`${where}: two mailboxes are named "${mailbox.name}": give each its own name.`);
      }
      mailboxes.push(mailbox);
    } catch (error) {
      mistakes.push(`${where} ${messageOf(error)}`);
    }
  }
  return mailboxes;
}

function webhooksOf(file: File, cwd: string, mistakes: string[]): Webhook[] {
  const { WEBHOOK_URL: url, WEBHOOK_FORMAT: format, WEBHOOK_SECRET: secret } = file;
  if (url === undefined && (format !== undefined || secret !== undefined))
    mistakes.push('WEBHOOK_FORMAT or WEBHOOK_SECRET is set but WEBHOOK_URL is not: set it too, or remove them.');
  const named = { ...(format === undefined ? {} : { format }), ...(secret === undefined ? {} : { secret }) };
  const inputs = [
    ...(url === undefined ? [] : [{ where: 'WEBHOOK_URL', input: { url, ...named } }]),
    ...(file.webhooks ?? []).map((input, i) => ({ where: `webhooks[${i}]`, input })),
  ];
  const webhooks: Webhook[] = [];
  for (const { where, input } of inputs) {
    try {
      const webhook = toWebhook(input, cwd);
      if (webhooks.some((w) => w.name === webhook.name))
        mistakes.push(`${where}: two webhooks are named "${webhook.name}": give each its own name.`);
      webhooks.push(webhook);
    } catch (error) {
      mistakes.push(`${where} ${messageOf(error)}`);
    }
  }
  return webhooks;
}

function sentence(issue: z.core.$ZodIssue): string {
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
