import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parse as parseYaml } from 'yaml';
import { z } from 'zod';
import { messageOf, SettingsError } from './errors.ts';
import { type Mailbox, mailboxSchema, toMailbox } from './mailbox.ts';

const email = z.string().regex(/^[^\s@<>]+@[^\s@<>]+$/, 'must be a mail address');
const seconds = (fallback: number) => z.number().positive().default(fallback);

const urlOf = (what: string, ...schemes: string[]) =>
  z.string().superRefine((value, ctx) => {
    const scheme = /^([a-z+]+):\/\//.exec(value)?.[1];
    if (!scheme || !schemes.includes(scheme) || !URL.canParse(value)) {
      ctx.addIssue({
        code: 'custom',
        message: `must be ${what}, such as ${schemes[0]}://user:password@host (it is not shown here)`,
      });
    }
  });

/** The shape of ruawatch.yaml. The upper-case keys are the same as the environment's; the environment wins. */
const fileSchema = z.strictObject({
  DATABASE_URL: urlOf('a Postgres URL', 'postgres', 'postgresql').optional(),
  REDIS_URL: urlOf('a Redis URL', 'redis', 'rediss').optional(),
  IMAP_URL: z.string().optional(),
  SMTP_URL: urlOf('an SMTP URL', 'smtp', 'smtps').optional(),
  ALERT_FROM: email.optional(),
  ALERT_TO: z.string().optional(),
  RUAWATCH_DATA_DIR: z.string().min(1).optional(),
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
  /** host:port of /livez, /readyz and /metrics; port 0 lets the system pick, "off" closes it. */
  HTTP_LISTEN: z
    .string()
    .regex(/^(off|.+:\d{1,5})$/, 'must be host:port, or off')
    .default('127.0.0.1:9807'),
  mailboxes: z.array(mailboxSchema).optional(),
  alerts: z
    .strictObject({
      /** Recipients by domain; a domain not named here uses ALERT_TO. */
      domains: z.record(z.string(), z.array(email).min(1)).default({}),
      /** Mails an hour to one set of recipients; what is beyond it is gathered in one digest. */
      per_hour: z.number().int().min(1).default(10),
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
    })
    .prefault({}),
  parser: z
    .strictObject({
      concurrency: z.number().int().min(1).max(64).default(2),
      batch_messages: z.number().int().min(1).max(1000).default(100),
    })
    .prefault({}),
  sweep: z.strictObject({ every_seconds: seconds(15), after_seconds: seconds(60) }).prefault({}),
  /** Overrides of services/report/limits.ts, by their names there. */
  limits: z.record(z.string(), z.number().positive()).default({}),
});

type File = z.infer<typeof fileSchema>;

/** Everything the program can be told, checked once at start. */
export interface Config {
  databaseUrl: string | null;
  redisUrl: string | null;
  mailboxes: Mailbox[];
  smtpUrl: string | null;
  alertFrom: string | null;
  alertTo: string[];
  /** Absolute. Null when it was not set: the default is ./.ruawatch, and may move (see embedded.ts). */
  dataDir: string;
  dataDirChosen: boolean;
  logLevel: string;
  httpListen: { host: string; port: number } | null;
  alerts: File['alerts'];
  analyzer: File['analyzer'];
  parser: File['parser'];
  sweep: File['sweep'];
  limits: Record<string, number>;
}

const ENV_KEYS = [
  'DATABASE_URL',
  'REDIS_URL',
  'IMAP_URL',
  'SMTP_URL',
  'ALERT_FROM',
  'ALERT_TO',
  'RUAWATCH_DATA_DIR',
  'LOG_LEVEL',
  'HTTP_LISTEN',
] as const;
const SECRET_KEYS = new Set<string>(['DATABASE_URL', 'REDIS_URL', 'IMAP_URL', 'SMTP_URL']);
const OWN_PREFIX = /^RUAWATCH_/;
const OWN_KEYS = new Set<string>([...ENV_KEYS, 'RUAWATCH_CONFIG']);

/**
 * Reads the environment and ruawatch.yaml (RUAWATCH_CONFIG, or in the working folder when it exists).
 * @throws SettingsError that lists every mistake, each in one line
 */
export function loadConfig(env: NodeJS.ProcessEnv, cwd: string): Config {
  const mistakes: string[] = [];
  const raw: Record<string, unknown> = readConfigFile(env.RUAWATCH_CONFIG, cwd, mistakes);
  for (const key of SECRET_KEYS) takeSecretFile(raw, key, cwd, mistakes);

  const fromEnv: Record<string, unknown> = {};
  for (const key of ENV_KEYS) {
    const value = env[key];
    if (value !== undefined && value !== '') fromEnv[key] = value;
    if (SECRET_KEYS.has(key) && env[`${key}_FILE`]) {
      if (value) mistakes.push(`${key} and ${key}_FILE are both set: keep one.`);
      fromEnv[`${key}_FILE`] = env[`${key}_FILE`];
      takeSecretFile(fromEnv, key, cwd, mistakes);
    }
  }
  for (const key of Object.keys(env)) {
    if (OWN_PREFIX.test(key) && !OWN_KEYS.has(key))
      mistakes.push(`${key} is not a setting of ruawatch: remove it or correct its name.`);
  }

  const parsed = fileSchema.safeParse({ ...raw, ...fromEnv });
  if (!parsed.success) {
    for (const issue of parsed.error.issues) mistakes.push(sentence(issue));
    throw listed(mistakes);
  }
  const file = parsed.data;
  const mailboxes = mailboxesOf(file, cwd, mistakes);
  const alertTo = (file.ALERT_TO ?? '')
    .split(',')
    .map((s) => s.trim())
    .filter(Boolean);
  for (const to of alertTo) if (!email.safeParse(to).success) mistakes.push(`ALERT_TO has "${to}", which is not a mail address.`);
  if (file.SMTP_URL && !file.ALERT_FROM)
    mistakes.push('SMTP_URL is set but ALERT_FROM is not: say which address alerts come from.');
  if (file.SMTP_URL && alertTo.length === 0 && Object.keys(file.alerts.domains).length === 0) {
    mistakes.push('SMTP_URL is set but nobody is to be alerted: set ALERT_TO, or alerts.domains in ruawatch.yaml.');
  }
  if (mistakes.length > 0) throw listed(mistakes);

  return {
    databaseUrl: file.DATABASE_URL ?? null,
    redisUrl: file.REDIS_URL ?? null,
    mailboxes,
    smtpUrl: file.SMTP_URL ?? null,
    alertFrom: file.ALERT_FROM ?? null,
    alertTo,
    dataDir: path.resolve(cwd, file.RUAWATCH_DATA_DIR ?? '.ruawatch'),
    dataDirChosen: file.RUAWATCH_DATA_DIR !== undefined,
    logLevel: file.LOG_LEVEL,
    httpListen: listenOf(file.HTTP_LISTEN),
    alerts: file.alerts,
    analyzer: file.analyzer,
    parser: file.parser,
    sweep: file.sweep,
    limits: file.limits,
  };
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
  try {
    const data: unknown = parseYaml(readFileSync(file, 'utf8')) ?? {};
    if (typeof data === 'object' && !Array.isArray(data)) return { ...data };
    mistakes.push(`${path.basename(file)} must hold keys and values.`);
  } catch (error) {
    mistakes.push(`${path.basename(file)} cannot be read: ${messageOf(error)}`);
  }
  return {};
}

/** Replaces `KEY_FILE: path` by `KEY: content`. */
function takeSecretFile(raw: Record<string, unknown>, key: string, cwd: string, mistakes: string[]): void {
  const file = raw[`${key}_FILE`];
  if (file === undefined) return;
  delete raw[`${key}_FILE`];
  try {
    raw[key] = readFileSync(path.resolve(cwd, String(file)), 'utf8').trim();
  } catch (error) {
    mistakes.push(`${key}_FILE cannot be read: ${messageOf(error)}`);
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

function sentence(issue: z.core.$ZodIssue): string {
  const at = issue.path.map(String).join('.');
  if (issue.code === 'unrecognized_keys') {
    const keys = issue.keys.map((k) => `"${at === '' ? k : `${at}.${k}`}"`).join(', ');
    return `Unknown setting ${keys}: remove it or correct its name.`;
  }
  return `${at} ${issue.message}.`.replace(/\.\.$/, '.');
}

function listed(mistakes: string[]): SettingsError {
  return new SettingsError(
    mistakes.length === 1
      ? mistakes[0]!
      : `${mistakes.length} settings are wrong:\n${mistakes.map((m) => `  - ${m}`).join('\n')}`,
  );
}
