import { z } from 'zod';
import { approvalsSchema } from '../../requests/rules.ts';
import { accessSchema } from './access.ts';
import { alertsSchema } from './alerts.ts';
import { analyzerSchema } from './analyzer.ts';
import { clusterSchema } from './cluster.ts';
import { collectorSchema } from './collector.ts';
import { consoleSchema } from './console.ts';
import { dkimSchema } from './dkim-keys.ts';
import { dnsSchema } from './dns-servers.ts';
import { enrichSchema } from './enrich.ts';
import { failureReportsSchema } from './failure-reports.ts';
import { gatewaySchema } from './gateway.ts';
import { mailboxSchema } from './mailbox.ts';
import { milterSchema } from './milter.ts';
import { parserSchema } from './parser.ts';
import { readPostgresUrl } from './postgres-url.ts';
import { retentionSchema } from './retention.ts';
import { ENCODE_HINT, isPercentEncoded, readServerUrl } from './server-url.ts';
import { trustSchema } from './trust.ts';
import { email, isListen, nameServers, seconds } from './values.ts';
import { watcherSchema } from './watcher.ts';
import { WEBHOOK_FORMATS, webhookSchema } from './webhook.ts';

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
  alerts: alertsSchema,
  console: consoleSchema,
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
  analyzer: analyzerSchema,
  parser: parserSchema,
  trust: trustSchema,
  failure_reports: failureReportsSchema,
  retention: retentionSchema,
  sweep: z.strictObject({ every_seconds: seconds(15), after_seconds: seconds(60) }).prefault({}),
  /** The name servers for all DNS queries; without them, those of the system. */
  dns_servers: nameServers,
  /** Your own catalogue of senders, which overrides entries of the bundled one: docs/senders.md. */
  senders_file: z.string().min(1).optional(),
  enrich: enrichSchema,
  watcher: watcherSchema,
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
