import { z } from 'zod';
import { parseServer } from '../../dns/client/servers.ts';
import { approvalsSchema } from '../../requests/rules.ts';
import { accessSchema } from './access.ts';
import { clusterSchema } from './cluster.ts';
import { collectorSchema } from './collector.ts';
import { dkimSchema } from './dkim-keys.ts';
import { dnsSchema } from './dns-servers.ts';
import { gatewaySchema } from './gateway.ts';
import { mailboxSchema } from './mailbox.ts';
import { milterSchema } from './milter.ts';
import { oidcSchema } from './oidc.ts';
import { readPostgresUrl } from './postgres-url.ts';
import { ENCODE_HINT, isPercentEncoded, readServerUrl } from './server-url.ts';
import { WEBHOOK_FORMATS, webhookSchema } from './webhook.ts';

export const email = z.string().regex(/^[^\s@<>]+@[^\s@<>]+$/, 'must be a mail address');
const keptDays = z.number().int().min(1).max(36_500).nullable().default(null);
const seconds = (fallback: number) => z.number().positive().default(fallback);

const urlOf = (what: string, ...schemes: string[]) =>
  z
    .string()
    .trim()
    .superRefine((value, ctx) => {
      const url = readServerUrl(value, schemes);
      if (url === 'unreadable') {
        ctx.addIssue({
          code: 'custom',
          message: `must be ${what}, such as ${schemes[0]}://user:password@host (it is not shown here)`,
        });
      } else if (url === 'encode' || !isPercentEncoded(value)) ctx.addIssue({ code: 'custom', message: ENCODE_HINT });
    });

const postgresUrl = z
  .string()
  .trim()
  .superRefine((value, ctx) => {
    const parts = readPostgresUrl(value);
    if (typeof parts === 'string') ctx.addIssue({ code: 'custom', message: parts });
  });

const isListen = (value: string) => value === 'off' || Number(/^.+:(\d{1,5})$/.exec(value)?.[1] ?? Number.NaN) <= 65_535;

const SELECTOR = /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/;

/** An address to which a path can be added, and which may stand in a mail. */
const isPageUrl = (value: string) => /^https?:\/\/[a-z0-9.:[\]-]+(?:\/[\w.~/-]*)?$/i.test(value) && URL.canParse(value);

/** Name servers: "address", or "address:port" ("[…]:port" for IPv6). */
const nameServers = z
  .array(z.string().refine((text) => parseServer(text) !== null, 'must be an address, or address:port'))
  .optional();

/**
 * The settings of ruawatch.yaml. Upper-case keys may also be set in the environment, which takes precedence.
 */
export const settingsSchema = z.strictObject({
  DATABASE_URL: postgresUrl.optional(),
  QUEUE_DATABASE_URL: postgresUrl.optional(),
  REDIS_URL: urlOf('a Redis URL', 'redis', 'rediss').optional(),
  IMAP_URL: z.string().optional(),
  SMTP_URL: urlOf('an SMTP URL', 'smtp', 'smtps').optional(),
  ALERT_FROM: email.optional(),
  ALERT_TO: z.string().optional(),
  WEBHOOK_URL: z.string().optional(),
  WEBHOOK_FORMAT: z.enum(WEBHOOK_FORMATS).optional(),
  WEBHOOK_SECRET: z.string().optional(),
  RUAWATCH_DATA_DIR: z.string().min(1).optional(),
  /** The port of the embedded Postgres; without it, the port of the last start is used again. */
  RUAWATCH_POSTGRES_PORT: z.coerce
    .number({ error: 'must be a port, 1024 to 65535' })
    .int('must be a port, 1024 to 65535')
    .min(1024, 'must be a port, 1024 to 65535')
    .max(65_535, 'must be a port, 1024 to 65535')
    .optional(),
  /** Your domains, separated by commas: the same as `domains:`. */
  RUAWATCH_DOMAINS: z.string().optional(),
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
  /** host:port of /livez, /readyz and /metrics; port 0 lets the system choose one, "off" disables them. */
  HTTP_LISTEN: z.string().refine(isListen, 'must be host:port, or off').default('127.0.0.1:9807'),
  /** host:port of the console; port 0 lets the system choose one, "off" disables it. */
  CONSOLE_LISTEN: z.string().refine(isListen, 'must be host:port, or off').default('127.0.0.1:9808'),
  /**
   * Your domains: findings are made for them and their subdomains. Others need proof by DNS, or
   * `ruawatch domains add`.
   */
  domains: z.array(z.string().min(1)).default([]),
  mailboxes: z.array(mailboxSchema).optional(),
  webhooks: z.array(webhookSchema).optional(),
  alerts: z
    .strictObject({
      /** Recipients by domain; a domain not named here uses ALERT_TO. */
      domains: z.record(z.string(), z.array(email).min(1)).default({}),
      /** Maximum mails an hour to one set of recipients; further alerts are combined in one digest. */
      per_hour: z.number().int().min(1).default(10),
      /** The same for one domain. Both limits count critical findings separately from all others. */
      per_domain_hour: z.number().int().min(1).default(5),
      /**
       * More findings than this that stand at the first analysis of their domains are mailed as one summary.
       */
      first_start_mails: z.number().int().min(1).default(10),
      /** One summary mail a week to every set of recipients. */
      digest: z.enum(['weekly', 'off']).default('weekly'),
      digest_day: z.enum(['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday']).default('monday'),
      /** UTC. */
      digest_hour: z.number().int().min(0).max(23).default(7),
    })
    .prefault({}),
  console: z
    .strictObject({
      /** The address at which people reach the console: alerts link to it. */
      url: z
        .string()
        .refine(isPageUrl, 'must be the address of the console, such as https://ruawatch.example.org, without user, ? and #')
        .optional(),
      /** PEM files of a certificate and its key, where no proxy in front of the console speaks TLS. */
      tls_cert_file: z.string().min(1).optional(),
      tls_key_file: z.string().min(1).optional(),
      /** Addresses and networks of the proxies in front: they are believed whom a request comes from. */
      proxies: z.array(z.string().min(1)).default([]),
      oidc: oidcSchema.optional(),
    })
    .prefault({}),
  /** Who decides about changes: docs/approvals.md. Without rules nothing is requested. */
  approvals: approvalsSchema,
  /** Where approved changes of DNS records are made: docs/changes.md. */
  dns: dnsSchema,
  /** Where rights are lent for a time: docs/access.md. */
  access: accessSchema,
  /** Where updates signed with lent keys are taken: docs/gateway.md. */
  gateway: gatewaySchema,
  /** Mail that arrives, and what of it is held: docs/milter.md. */
  milter: milterSchema,
  /** Where mail logs are taken: docs/logs.md. */
  collector: collectorSchema,
  /** Whose addresses SPF records follow: docs/cluster.md. */
  cluster: clusterSchema,
  /** DKIM keys that are rotated: docs/changes.md. */
  dkim: dkimSchema,
  analyzer: z
    .strictObject({
      /** How long new rows may wait for the rest of a backlog before they are analyzed. */
      patience_seconds: seconds(60),
      /** The window that rules look at, in report days. */
      window_days: z.number().int().min(14).max(180).default(42),
      /** Findings whose newest evidence is older than this are recorded but not mailed. */
      quiet_after_days: z.number().int().min(1).default(14),
      /** False alarms allowed per domain and month; lower values delay detection and raise the thresholds. */
      false_alarms_per_month: z.number().positive().max(100).default(1),
      /** How long a low or medium finding about a network without a name waits for the enricher. */
      wait_for_names_hours: z.number().min(0).max(72).default(6),
    })
    .prefault({}),
  parser: z
    .strictObject({
      concurrency: z.number().int().min(1).max(64).default(2),
      batch_messages: z.number().int().min(1).max(1000).default(100),
      /**
       * The budget for reading one mail. A mail that exceeds it is quarantined: `time_budget`,
       * `memory_budget`.
       */
      time_budget_seconds: seconds(120),
      memory_budget_mb: z.number().int().min(32).default(64),
      /** Read mails in threads, where the budgets apply; false is meant for debugging. */
      isolate: z.boolean().default(true),
    })
    .prefault({}),
  trust: z
    .strictObject({
      /**
       * How reports are authenticated. `verify`: by the Authentication-Results of `authserv_ids`, else by the
       * mail's own DKIM signature. `authserv`: by those Authentication-Results alone. `off`: not at all,
       * every report counts.
       */
      check: z.enum(['verify', 'authserv', 'off']).default('verify'),
      /**
       * The authserv-ids (RFC 8601 section 2.5) of your own receiving servers; all other headers are ignored.
       */
      authserv_ids: z
        .array(z.string().regex(/^[^\s;()"]+$/, 'must be the name your mail server writes, such as mx.example.org'))
        .default([]),
    })
    .prefault({}),
  failure_reports: z
    .strictObject({
      /** Keep local parts of addresses and subjects; they are redacted otherwise. */
      keep_personal_data: z.boolean().default(false),
      /** Days after which failure reports and their mails are deleted. */
      retention_days: z.number().int().min(1).max(3650).default(30),
    })
    .prefault({}),
  /**
   * Days that data is kept; null keeps it for ever. Raw mails, records and daily totals are deleted by month:
   * docs/retention.md.
   */
  retention: z
    .strictObject({
      raw_days: keptDays.default(400),
      /** Raw mails that are not reports; deleted one by one, not by month. */
      ignored_days: keptDays.default(30),
      /**
       * Gigabytes (10^9) of raw mail; above that, ignored mails are deleted first, then quarantined ones.
       * Null sets no limit.
       */
      raw_total_gb: z.number().positive().nullable().default(20),
      records_days: keptDays,
      rollups_days: keptDays,
      /** Rows of the audit chain; what is left can still be verified. */
      audit_days: z
        .number()
        .int()
        .min(365, 'must be at least 365, or null: the audit chain is kept for a year')
        .max(36_500)
        .nullable()
        .default(null),
    })
    .prefault({}),
  sweep: z.strictObject({ every_seconds: seconds(15), after_seconds: seconds(60) }).prefault({}),
  /** The name servers for all DNS queries; without them, those of the system. */
  dns_servers: nameServers,
  /** Your own catalogue of senders, which overrides entries of the bundled one: docs/senders.md. */
  senders_file: z.string().min(1).optional(),
  enrich: z
    .strictObject({
      /** Whether the enricher looks up the host names of source addresses. */
      dns: z.enum(['on', 'off']).default('on'),
      /** The former place of `dns_servers`; used when that is not set. */
      dns_servers: nameServers,
      /** Queries a second, and queries in flight at once, of one process. */
      queries_per_second: z.number().positive().max(10_000).default(20),
      concurrency: z.number().int().min(1).max(256).default(10),
      /** Days until an address is looked up again: when it has a confirmed name, and when it has none. */
      keep_days: z.number().int().min(1).max(365).default(30),
      keep_nothing_days: z.number().int().min(1).max(365).default(3),
    })
    .prefault({}),
  watcher: z
    .strictObject({
      /** Whether the watcher asks for the DNS records of own domains. */
      dns: z.enum(['on', 'off']).default('on'),
      /** Between two rounds of a domain, give or take a tenth. */
      every_minutes: z.number().min(1).max(10_080).default(60),
      /** Queries a second of one process, to all servers together. */
      queries_per_second: z.number().positive().max(10_000).default(50),
      /** DKIM selectors by domain, beside those in reports: DNS has no list of them. */
      selectors: z.record(z.string(), z.array(z.string().regex(SELECTOR, 'must be a selector, such as s1'))).default({}),
      lookalikes: z
        .strictObject({
          /**
           * DNS queries a day (UTC) for names that may be mistaken for own domains, for all domains together;
           * 0 asks nothing.
           */
          questions_a_day: z.number().int().min(0).max(10_000_000).default(20_000),
          /** Names watched for each domain, the most similar first. */
          names: z.number().int().min(1).max(100_000).default(1_000),
        })
        .prefault({}),
    })
    .prefault({}),
  /** What is declared of environments, domains and their records: docs/guard.md. */
  guard: z.strictObject({ file: z.string().min(1).optional() }).prefault({}),
  /** An MMDB file of network owners (ASN), from any vendor: docs/sources.md. */
  asn_file: z.string().min(1).optional(),
  /** Overrides of services/report/limits.ts, by their names there. */
  limits: z.record(z.string(), z.number().positive()).default({}),
});

export type Settings = z.infer<typeof settingsSchema>;

/** The settings that may be set in the environment. */
export const ENV_KEYS = [
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
  'CONSOLE_LISTEN',
] as const;
/** Of these, the ones whose value may also be read from the file that KEY_FILE names. */
export const SECRET_KEYS = new Set<string>([
  'DATABASE_URL',
  'QUEUE_DATABASE_URL',
  'REDIS_URL',
  'IMAP_URL',
  'SMTP_URL',
  'WEBHOOK_URL',
  'WEBHOOK_SECRET',
]);
