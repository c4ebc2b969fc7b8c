import { tmpdir } from 'node:os';
import { analyzeDomain } from '../../services/analyzer/analyze.ts';
import { createLog } from '../../services/shared/runtime/log.ts';
import { createMetrics } from '../../services/shared/runtime/metrics.ts';
import { createQueues } from '../../services/shared/runtime/queues.ts';
import type { Context } from '../../services/shared/runtime/service.ts';
import { loadConfig } from '../../services/shared/settings/config.ts';
import type { PolicyDay, SourceDay } from '../../services/store/analysis/window-reads.ts';
import { type TestDatabase, testDatabase } from '../helpers/database.ts';
import { DOMAIN, merged, row, TODAY } from './rows.ts';

export interface Fixture {
  t: TestDatabase;
  context: Context;
  /** What the analyzer's clock shows. */
  setNow(now: Date): void;
  /** Adds rows as the parser's transaction does: rollups, sources, work. */
  put(rows: readonly SourceDay[], options?: { domain?: string; work?: boolean }): Promise<void>;
  putPolicies(rows: readonly PolicyDay[]): Promise<void>;
  analyze(domain?: string): ReturnType<typeof analyzeDomain>;
  findings(domain?: string): Promise<FindingRow[]>;
  events(domain?: string): Promise<EventRow[]>;
  close(): Promise<void>;
}

export interface FindingRow {
  finding_key: number;
  kind: string;
  subject: string;
  state: string;
  severity: string;
  revision: number;
  first_day: string;
  last_day: string;
  changed_at: Date;
  evidence: Record<string, unknown> & { query: string };
}

export interface EventRow {
  finding_key: number;
  event: string;
  revision: number;
  notify: boolean;
  kind: string;
}

/**
 * The reports behind rollups, as far as the analyzer asks for them: who told of which day. Imported, so that
 * each reporter is known.
 */
async function putReports(t: TestDatabase, domain: string, rows: readonly { reporter: string; day: string }[]): Promise<void> {
  await t.db.query(
    `insert into ruawatch.reports (report_key, message_key, part, identity, content_hash, reporter, report_id, domain, begin_at, end_at, errors, records,
            messages, salvaged, problems, received_at)
     select -('x' || left(md5(concat_ws(' ', $1::text, reporter, day)), 15))::bit(60)::bigint, 0, 0, decode(md5(concat_ws(' ', $1::text, reporter, day)), 'hex'), '', reporter, day::text, $1::text, day::timestamp at time zone 'UTC',
            (day + 1)::timestamp at time zone 'UTC', '[]', 0, 0, false, '[]', (day + 1)::timestamp at time zone 'UTC'
       from (select distinct reporter, day from jsonb_to_recordset($2::jsonb) as x(reporter text, day date)) d
     on conflict do nothing`,
    [domain, JSON.stringify(rows)],
  );
}

/**
 * A database of its own with real queues on it, and an analyzer's context; the clock stands the morning after
 * TODAY.
 */
export async function fixture(env: NodeJS.ProcessEnv = {}): Promise<Fixture> {
  const t = await testDatabase();
  const log = createLog('silent');
  const metrics = createMetrics();
  const queues = createQueues({ redisUrl: null, databaseUrl: t.url }, log, metrics);
  let now = new Date(Date.parse(`${TODAY}T00:00:00Z`) + 32 * 3_600_000);
  const config = loadConfig({ DATABASE_URL: t.url, HTTP_LISTEN: 'off', ...env }, tmpdir());
  // Most tests have no names, and their clock stands still.
  config.analyzer.wait_for_names_hours = 0;
  const context: Context = { config, db: t.db, queues, log, metrics, clock: { now: () => now } };
  return {
    t,
    context,
    setNow(next) {
      now = next;
    },
    async put(rows, { domain = DOMAIN, work = true } = {}) {
      const given = JSON.stringify(merged(rows));
      const columns = Object.keys(row(TODAY, 'both', 0));
      await putReports(t, domain, rows);
      await t.db.query(
        `insert into ruawatch.source_days (domain, failed_subdomain, ${columns.join(', ')})
         select $1, coalesce(failed_subdomain, 0), ${columns.join(', ')} from jsonb_populate_recordset(null::ruawatch.source_days, $2::jsonb)`,
        [domain, given],
      );
      await t.db.query(
        `insert into ruawatch.sources as s (domain, source, first_seen, last_seen, messages, passed)
         select $1, source, min(day), max(day), sum(messages), sum(passed)
           from jsonb_populate_recordset(null::ruawatch.source_days, $2::jsonb) group by source
         on conflict (domain, source) do update set last_seen = greatest(s.last_seen, excluded.last_seen),
                messages = s.messages + excluded.messages, passed = s.passed + excluded.passed`,
        [domain, given],
      );
      if (!work) return;
      await t.db.query(
        `insert into ruawatch.analysis_work (domain, source)
         select $1, source from (select distinct source, day from jsonb_populate_recordset(null::ruawatch.source_days, $2::jsonb)) days`,
        [domain, given],
      );
    },
    async putPolicies(rows) {
      await putReports(t, DOMAIN, rows);
      await t.db.query(
        `insert into ruawatch.policy_days select $1, r.day, r.reporter, r.policy, r.reports
           from jsonb_populate_recordset(null::ruawatch.policy_days, $2::jsonb) r`,
        [DOMAIN, JSON.stringify(rows)],
      );
      await t.db.query("insert into ruawatch.analysis_work (domain, source) values ($1, '')", [DOMAIN]);
    },
    analyze: (domain = DOMAIN) => analyzeDomain(context, domain),
    async findings(domain = DOMAIN) {
      const { rows } = await t.db.query<FindingRow>('select * from ruawatch.findings where domain = $1 order by finding_key', [
        domain,
      ]);
      return rows;
    },
    async events(domain = DOMAIN) {
      const { rows } = await t.db.query<EventRow>(
        `select e.finding_key, e.event, e.revision, e.notify, f.kind from ruawatch.finding_events e
           join ruawatch.findings f using (finding_key) where f.domain = $1 order by event_key`,
        [domain],
      );
      return rows;
    },
    async close() {
      await queues.close();
      await t.drop();
    },
  };
}
