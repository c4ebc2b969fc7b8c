import { Writable } from 'node:stream';
import { pino } from 'pino';
import { vi } from 'vitest';
import { startAlerter } from '../../services/alerter/index.ts';
import type { Db } from '../../services/shared/runtime/db.ts';
import { openPool } from '../../services/shared/runtime/db.ts';
import { createMetrics, type Metrics } from '../../services/shared/runtime/metrics.ts';
import { createQueues, type Queues } from '../../services/shared/runtime/queues.ts';
import type { Service } from '../../services/shared/runtime/service.ts';
import { type Config, loadConfig } from '../../services/shared/settings/config.ts';
import { type TestDatabase, testDatabase } from '../helpers/database.ts';
import { FINDINGS, unversioned } from './events.ts';

export interface Alerter {
  service: Service;
  queues: Queues;
  metrics: Metrics;
  db: Db;
  logged: string[];
  stop(): Promise<void>;
}

export interface Bench {
  database: TestDatabase;
  db: Db;
  now: Date;
  later(minutes: number): void;
  /** Starts one alerter with a pool of its own. */
  alerter(
    smtpUrl: string | null,
    alerts?: Partial<Config['alerts']>,
    env?: Record<string, string>,
    configure?: (config: Config) => void,
  ): Alerter;
  /** Records an event of a new or (by its domain) known finding; answers with the finding's key. */
  event(over: Partial<EventRow>): Promise<number>;
  outbox(): Promise<{ state: string; attempts: number; last_error: string | null; message_id: string; kind: string }[]>;
  close(): Promise<void>;
}

interface EventRow {
  finding: number;
  domain: string;
  kind: string;
  event: 'opened' | 'changed' | 'resolved' | 'reopened' | 'reminded';
  revision: number;
  notify: boolean;
  severity: string;
  summary: string;
  evidence: unknown;
  standing: boolean;
}

/** A migrated database, a clock that only the test moves, and alerters on them. */
export async function bench(): Promise<Bench> {
  const database = await testDatabase();
  const { db } = database;
  const running = new Set<Alerter>();
  const self: Bench = {
    database,
    db,
    now: new Date('2026-10-06T08:00:00Z'),
    later(minutes) {
      self.now = new Date(self.now.getTime() + minutes * 60_000);
    },
    alerter(smtpUrl, alerts = {}, env = {}, configure = () => undefined) {
      const config = loadConfig(
        {
          ...(smtpUrl === null ? {} : { SMTP_URL: smtpUrl, ALERT_FROM: 'ruawatch@example.org', ALERT_TO: 'admin@example.org' }),
          ...env,
        },
        '/nowhere',
      );
      // Most events here are of one domain.
      config.alerts = { ...config.alerts, per_domain_hour: alerts.per_hour ?? 10, ...alerts };
      config.sweep = { every_seconds: 0.05, after_seconds: 60 };
      configure(config);
      const logged: string[] = [];
      const log = pino(
        { level: 'debug' },
        new Writable({
          write(chunk: Buffer, _encoding, done) {
            logged.push(chunk.toString());
            done();
          },
        }),
      );
      const metrics = createMetrics();
      const pool = openPool(database.url, { name: 'alerter', max: 4 });
      const queues = createQueues({ redisUrl: null, databaseUrl: database.url }, log, metrics);
      const service = startAlerter({ config, db: pool, queues, log, metrics, clock: { now: () => self.now } });
      const alerter: Alerter = {
        service,
        queues,
        metrics,
        db: pool,
        logged,
        async stop() {
          if (!running.delete(alerter)) return;
          await service.stop();
          await queues.close();
          await pool.end();
        },
      };
      running.add(alerter);
      return alerter;
    },
    async event(over) {
      const row: EventRow = {
        finding: 0,
        domain: 'example.com',
        kind: 'unauthorized_source',
        event: 'opened',
        revision: 1,
        notify: true,
        severity: 'high',
        summary: 'mail from 8 networks fails SPF and DKIM',
        evidence: unversioned(FINDINGS.unauthorized_source!),
        standing: false,
        ...over,
      };
      const evidence = JSON.stringify(row.evidence);
      let key = row.finding;
      if (key === 0) {
        const { rows } = await db.query<{ finding_key: number }>(
          `insert into ruawatch.findings (domain, kind, subject, severity, state, confidence, opened_at, changed_at, first_day, last_day,
                                          summary, evidence)
           values ($1, $2, gen_random_uuid()::text, $3, 'open', 0.93, $4, $4, '2026-10-03', '2026-10-05', $5, $6)
           returning finding_key`,
          [row.domain, row.kind, row.severity, self.now, row.summary, evidence],
        );
        key = rows[0]!.finding_key;
      }
      await db.query(
        `insert into ruawatch.finding_events (finding_key, revision, event, at, severity, summary, evidence, notify, standing)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
        [key, row.revision, row.event, self.now, row.severity, row.summary, evidence, row.notify, row.standing],
      );
      return key;
    },
    async outbox() {
      const { rows } = await db.query(
        'select state, attempts, last_error, message_id, kind from ruawatch.outbox order by outbox_key',
      );
      return rows;
    },
    async close() {
      for (const alerter of [...running]) await alerter.stop();
      await database.drop();
    },
  };
  return self;
}

/** Waits until it holds; fails with what it last saw. */
export function eventually(check: () => void | Promise<void>): Promise<void> {
  return vi.waitFor(check, { timeout: 30_000, interval: 20 });
}
