import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { composeMails } from '../../services/alerter/mail/compose.ts';
import { startAnalyzer } from '../../services/analyzer/index.ts';
import { startParser } from '../../services/parser/index.ts';
import { readEnvelope } from '../../services/report/mail/mime.ts';
import { transaction } from '../../services/shared/runtime/db.ts';
import { openDns, type Resolver, txtResolver } from '../../services/shared/runtime/resolver.ts';
import type { Context, Service } from '../../services/shared/runtime/service.ts';
import { storeMails } from '../../services/store/messages/intake.ts';
import { testContext } from '../helpers/context.ts';
import { type TestDatabase, testDatabase } from '../helpers/database.ts';
import { knotPresent, type NameServer, startKnot } from '../helpers/knot.ts';
import { BEGIN, DAY, reportMail, reportXml, type TestReport, type TestRow } from '../helpers/report.ts';
import { until } from '../helpers/services.ts';
import { type DkimKey, dkimSigned } from './dkim.ts';

export { type DkimKey, dkimKey, dkimSigned, OVERSIGNED, type SignOptions, USUAL_HEADERS, withTags } from './dkim.ts';
export { knotPresent };

/** For `describe`: the suite is named as skipped where Knot is not installed. */
export const titled = (title: string) => `${title}${knotPresent ? '' : ' (SKIPPED: knot is not installed)'}`;

/** Zones that the world's name server has; what is not published in them does not exist (NXDOMAIN). */
const TOP = ['example', 'test', 'com', 'net', 'org', 'de', 'ru', 'jp', 'cn', 'uk', 'io', 'invalid', 'arpa'];

export interface WorldOptions {
  /**
   * What the services' clock shows at first; 2026-09-03 12:00 UTC when not given (reports of test/helpers are
   * of 2026-09-01).
   */
  now?: Date;
  /**
   * Settings as ruawatch.yaml has them, such as `{ trust: { authserv_ids: ['mx.example.org'] } }`; they pass
   * the schema.
   */
  settings?: Record<string, unknown>;
  /** More top-level zones of the name server. */
  zones?: readonly string[];
  /** Read in threads, as in production: `npm run build` must have been run. */
  isolate?: boolean;
  /** Stands between the services' verification and the name server, for name servers that are slow. */
  resolver?: (real: Resolver) => Resolver;
}

export interface StoredReport {
  org_name: string | null;
  org_email: string | null;
  report_id: string | null;
  domain: string;
  messages: number;
  trust: string;
  reporter_trust: string | null;
  trust_domain: string | null;
  trust_reason: string | null;
  /** Not superseded by another of the same identity. */
  stands: boolean;
}

export interface World {
  database: TestDatabase;
  context: Context;
  /** The name server, as a `dns_servers` setting takes it. */
  server: string;
  /** Moves the clock of the services. */
  setNow(now: Date): void;
  /** Replaces the TXT records of a name; an empty list takes the name away. */
  txt(name: string, ...values: string[]): Promise<void>;
  /** Adds records as a zone file has them, with absolute names: `mail.example. A 192.0.2.1`. */
  record(...lines: string[]): Promise<void>;
  /** Publishes a key. @param selector `s1` when not given */
  publish(domain: string, key: DkimKey, selector?: string): Promise<void>;
  /**
   * Takes a zone's content away: the server then answers SERVFAIL for all below; publishing in it brings it
   * back.
   */
  down(top: string): Promise<void>;
  /**
   * Stores mails as the poller does, a minute apart, without waiting for what becomes of them. @param
   * receivedAt the clock's time when not given
   */
  deliver(mails: readonly Buffer[], receivedAt?: Date): Promise<number[]>;
  /** Waits until everything delivered is parsed, verified and analysed, and alerts are rendered. */
  settle(): Promise<void>;
  /** `deliver` and `settle`. @returns message keys, in the order of the mails */
  bring(mails: readonly Buffer[], receivedAt?: Date): Promise<number[]>;
  reports(): Promise<StoredReport[]>;
  messages(): Promise<{ message_key: number; state: string; code: string | null; reason: string | null }[]>;
  findings(): Promise<{ domain: string; kind: string; subject: string; severity: string; state: string; evidence: unknown }[]>;
  classes(): Promise<{ domain: string; source: string; class: string | null }[]>;
  /** Alert mails, oldest first. */
  alerts(): Promise<{ kind: string; subject: string; raw: string; finding_key: number | null }[]>;
  /** The result of any query, for what the others do not tell. */
  query<T extends object = Record<string, unknown>>(sql: string, values?: unknown[]): Promise<T[]>;
  close(): Promise<void>;
}

/**
 * The real services (parser with verification, analyzer, alerter's rendering) on a database of the test's
 * own, asking a real name server on the loopback address. Nothing is replaced but the clock. Close it in
 * `afterEach`.
 */
export async function startWorld(options: WorldOptions = {}): Promise<World> {
  const top = [...new Set([...TOP, ...(options.zones ?? [])])];
  const knot: NameServer = await startKnot(Object.fromEntries(top.map((zone) => [zone, []])));
  const database = await testDatabase();
  const folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-world-'));
  const file = path.join(folder, 'ruawatch.yaml');
  const settings = { ALERT_FROM: 'ruawatch@example.org', ALERT_TO: 'admin@example.org', ...options.settings };
  writeFileSync(file, JSON.stringify(settings));
  let now = options.now ?? new Date(Date.UTC(2026, 8, 3, 12));
  const context = testContext(database, { env: { RUAWATCH_CONFIG: file }, clock: { now: () => now } });
  context.config.parser.isolate = options.isolate ?? false;
  context.config.analyzer.patience_seconds = 0.1;
  context.config.dnsServers = [knot.server];
  const services: Service[] = [
    startParser(context, (options.resolver ?? ((real) => real))(resolverOf(knot.server))),
    startAnalyzer(context),
  ];
  const records = new Map(top.map((zone) => [zone, new Map<string, string[]>()]));

  const publishIn = async (name: string, type: string, lines: string[]) => {
    const zone = name.replace(/\.$/, '').split('.').at(-1)!.toLowerCase();
    const of = records.get(zone);
    if (!of) throw new Error(`The world has no zone ${zone}: name it in zones.`);
    if (lines.length === 0) of.delete(`${name} ${type}`);
    else of.set(`${name} ${type}`, lines);
    await knot.setZone(zone, [...of.values()].flat());
  };
  const query = async <T extends object>(sql: string, values: unknown[] = []) =>
    (await database.db.query(sql, values)).rows as T[];

  const world: World = {
    database,
    context,
    server: knot.server,
    setNow(next) {
      now = next;
    },
    txt: (name, ...values) =>
      publishIn(
        name,
        'TXT',
        values.map((value) => `${name}. TXT ${strings(value)}`),
      ),
    async record(...lines) {
      for (const line of lines) await publishIn(line.split(/\s+/)[0]!, line, [line]);
    },
    publish: (domain, key, selector = 's1') => world.txt(`${selector}._domainkey.${domain}`, key.record),
    down: (zone) => knot.setZone(zone, null),
    async deliver(mails, receivedAt = now) {
      const arrivals = mails.map((raw, i) => {
        const envelope = readEnvelope(raw.subarray(0, 64 * 1024));
        return {
          uid: null,
          receivedAt: new Date(receivedAt.getTime() + i * 60_000),
          sender: envelope.from,
          subject: envelope.subject,
          messageId: envelope.message_id,
          size: raw.length,
          sha256: createHash('sha256').update(raw).digest(),
          raw,
        };
      });
      const place = { mailbox: 'rua', folder: 'INBOX', uidValidity: 1 };
      const { keys, stored } = await transaction(database.db, (tx) => storeMails(tx, place, arrivals));
      await context.queues.add('parse', { messages: stored });
      return arrivals.map((mail) => keys.get(mail.sha256.toString('hex'))!);
    },
    async settle() {
      await until(async () => {
        const [left] = await query<{ waiting: boolean }>(
          `select exists (select from ruawatch.messages where state = 'received')
               or exists (select from ruawatch.trust_checks where attempts = 0)
               or exists (select from ruawatch.other_checks where attempts = 0)
               or exists (select from ruawatch.analysis_work) as waiting`,
        );
        return !left!.waiting;
      });
      const { alertFrom, alertTo, alerts } = context.config;
      await composeMails(database.db, { from: alertFrom!, alertTo, alerts }, now, context.log);
    },
    async bring(mails, receivedAt) {
      const keys = await world.deliver(mails, receivedAt);
      await world.settle();
      return keys;
    },
    reports: () =>
      query(
        `select org_name, org_email, report_id, domain, messages, trust, reporter_trust, trust_domain, trust_reason,
                superseded_by is null as stands from ruawatch.reports order by received_at, report_key`,
      ),
    messages: () => query('select message_key, state, code, reason from ruawatch.messages order by received_at, message_key'),
    findings: () => query('select domain, kind, subject, severity, state, evidence from ruawatch.findings order by finding_key'),
    classes: () => query('select domain, source, class from dmarc.sources order by domain, source'),
    alerts: async () =>
      (
        await query<{ kind: string; subject: string; raw: Buffer; finding_key: number | null }>(
          'select kind, subject, raw, finding_key from ruawatch.outbox where webhook is null order by outbox_key',
        )
      ).map((mail) => ({ ...mail, raw: mail.raw.toString() })),
    query,
    async close() {
      for (const service of services) await service.stop();
      await context.queues.close();
      await database.drop();
      await knot.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  return world;
}

/** The program's own resolver, asking this server. */
function resolverOf(server: string): Resolver {
  // Nothing is kept: a test may publish another key a moment later.
  return txtResolver(openDns([server], { timeoutMs: 2_000, cacheEntries: 0 }));
}

/** A TXT value as the strings of a zone file. */
function strings(value: string): string {
  return (
    Buffer.from(value, 'utf8')
      .toString('latin1')
      .match(/[\s\S]{1,255}/g) ?? ['']
  )
    .map((s) => `"${s.replace(/[^ !#-[\]-~]/g, (c) => `\\${String(c.charCodeAt(0)).padStart(3, '0')}`)}"`)
    .join(' ');
}

export interface MailOptions {
  /** The value of the From field; the report's address when not given. */
  from?: string;
  /** `<email>` of the report, `dmarc@reporter.example` when not given. */
  email?: string;
  /** The whole document instead of one made of the report's values. */
  xml?: string;
  date?: Date;
  /** Fields put on top, each with its lines, without the last line end. */
  fields?: readonly string[];
}

let serial = 0;

/** A report mail without a signature: multipart/mixed, one gzip attachment, boundary `b1`. */
export function mailOf(report: TestReport = {}, options: MailOptions = {}): Buffer {
  const email = options.email ?? 'dmarc@reporter.example';
  const xml = options.xml ?? reportXml(report).replace('<email>dmarc@reporter.example<', `<email>${email}<`);
  const made = reportMail(xml, { unique: `m${serial++}`, ...(options.date ? { date: options.date } : {}) }).toString('latin1');
  const mail = made.replace('From: dmarc@reporter.example', `From: ${options.from ?? email}`);
  return onTop(options.fields ?? [], Buffer.from(mail, 'latin1'));
}

/** Puts header fields on top of a mail, as a server or a forger does. */
export function onTop(fields: readonly string[], mail: Buffer): Buffer {
  return Buffer.concat([Buffer.from(fields.map((field) => `${field}\r\n`).join(''), 'latin1'), mail]);
}

/** A reporter that is known everywhere, writing as it does. Publish its `key` for `domain`. */
export const GOOGLE = {
  org: 'google.com',
  domain: 'google.com',
  email: 'noreply-dmarc-support@google.com',
} as const;
export type Reporter = { org: string; domain: string; email: string };

/** Rows of mail in the domain's name that nothing authenticates and everybody got. */
export const attackRows = (networks: number, count: number): TestRow[] =>
  Array.from({ length: networks }, (_, i) => ({
    ip: `203.0.${100 + i}.7`,
    count,
    disposition: 'none',
    dkim: 'fail',
    spf: 'fail',
    auth_dkim: null,
    auth_spf: null,
  }));

/** A reporter's signed report about one day. @param day counted from 2026-09-01 */
export function dailyReport(reporter: Reporter, key: DkimKey, day: number, rows: TestRow[], report: TestReport = {}): Buffer {
  const begin = BEGIN + day * DAY;
  const mail = mailOf(
    { org: reporter.org, id: `${reporter.org}-${report.domain ?? 'example.com'}-${day}`, begin, rows, ...report },
    { email: reporter.email, date: new Date((begin + DAY + 3600) * 1000) },
  );
  return dkimSigned(mail, { domain: reporter.domain, key });
}

/**
 * Ordinary days before an attack: each has a report of 500 rightful messages, which came on the next morning.
 * They are judged as one.
 * @param days from 2026-09-01 on; @returns the number of the next day
 */
export async function ordinaryDays(
  world: World,
  reporter: Reporter,
  key: DkimKey,
  days = 10,
  report: TestReport = {},
): Promise<number> {
  const rows = [{ ip: '192.0.2.1', count: 500 }];
  for (let day = 0; day < days; day++) {
    await world.deliver([dailyReport(reporter, key, day, rows, report)], morningAfter(day));
  }
  world.setNow(morningAfter(days - 1));
  await world.settle();
  return days;
}

/** Brings mails on the morning after a day. */
export function bringDay(world: World, day: number, mails: readonly Buffer[]): Promise<number[]> {
  world.setNow(morningAfter(day));
  return world.bring(mails, morningAfter(day));
}

export const morningAfter = (day: number) => new Date((BEGIN + (day + 1) * DAY + 8 * 3600) * 1000);
