import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { Random } from '../../demo/random.ts';
import { analyzeDomain } from '../../services/analyzer/analyze.ts';
import { importLogs } from '../../services/collector/index.ts';
import type { Db } from '../../services/shared/runtime/db.ts';
import { createLog } from '../../services/shared/runtime/log.ts';
import { createMetrics } from '../../services/shared/runtime/metrics.ts';
import type { Queues } from '../../services/shared/runtime/queues.ts';
import type { Context } from '../../services/shared/runtime/service.ts';
import { loadConfig } from '../../services/shared/settings/config.ts';
import { putOwn } from '../../services/store/domains/domains.ts';
import { ROW_COUNTS } from '../../services/store/rollups/source-counts.ts';
import type { LogFamily } from './families.ts';
import { BEGIN, DAY, DAYS, DOMAIN, type Expected, HOUR, LogWorld, type Workload } from './world.ts';

/** How often the analyzer looks. */
const TICK = 3 * HOUR;
/** The other own domain, which reporters report on whatever they do here. */
const OTHER = 'example.org';

/** What came of one world. */
export interface LogDraw {
  family: string;
  group: LogFamily['group'];
  draw: number;
  expected: Expected[];
  /** Mailed alarms: kind, subject and when. */
  alarms: { kind: string; subject: string; at: number }[];
}

/**
 * Builds a world, writes its logs, reports and records tick by tick, and lets collector and analyzer see
 * them.
 */
export async function logDrawOf(
  db: Db,
  family: LogFamily,
  { seed, draw, signal }: { seed: number; draw: number; signal?: AbortSignal },
): Promise<LogDraw> {
  const world = new LogWorld(new Random(`logs/${family.name}/${seed}/${draw}`));
  family.plant(world);
  world.lines.sort((a, b) => a.arrives - b.arrives);
  const folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-logs-'));
  try {
    const simulation = new Simulation(db, world, folder);
    await simulation.begin();
    for (let now = BEGIN + TICK; now <= BEGIN + (DAYS + 1) * DAY && !signal?.aborted; now += TICK) await simulation.tick(now);
    return { family: family.name, group: family.group, draw, expected: world.expected, alarms: await simulation.alarms() };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

class Simulation {
  private now = BEGIN;
  private sent = 0;
  private readonly db: Db;
  private readonly world: LogWorld;
  private readonly context: Context;

  constructor(db: Db, world: LogWorld, folder: string) {
    this.db = db;
    this.world = world;
    const log = createLog('silent');
    const config = loadConfig({ DATABASE_URL: 'postgres://nowhere/none', HTTP_LISTEN: 'off' }, folder);
    config.analyzer.wait_for_names_hours = 0;
    if (world.declared !== null) {
      config.guardFile = path.join(folder, 'mail-guard.yaml');
      writeFileSync(config.guardFile, guardOf(world.declared));
    }
    // What the queue would carry is done here, tick by tick.
    const queues = { add: async () => undefined } as unknown as Queues;
    this.context = { config, db, queues, log, metrics: createMetrics(), clock: { now: () => new Date(this.now) } };
  }

  async begin(): Promise<void> {
    await putOwn(this.db, [DOMAIN, OTHER], 'listed', { now: new Date(BEGIN), ignored: true });
    await this.db.query('update ruawatch.domains set history = false, due_at = null');
    await this.db.query("insert into ruawatch.dns_watch (domain, due_at, asked_at) values ($1, 'infinity', $2)", [
      DOMAIN,
      new Date(BEGIN),
    ]);
  }

  async tick(now: number): Promise<void> {
    this.now = now;
    await this.ship();
    await this.ask();
    if (new Date(now).getUTCHours() === 9) await this.report(Math.floor((now - BEGIN) / DAY) - 1);
    await this.db.query("insert into ruawatch.analysis_work (domain, source) values ($1, '')", [DOMAIN]);
    await analyzeDomain(this.context, DOMAIN);
  }

  /** What the shippers delivered since the last tick. */
  private async ship(): Promise<void> {
    const { lines } = this.world;
    const by = new Map<Workload, string[]>();
    for (; this.sent < lines.length && lines[this.sent]!.arrives <= this.now; this.sent++) {
      const { workload, text } = lines[this.sent]!;
      by.set(workload, [...(by.get(workload) ?? []), text]);
    }
    for (const [{ name, environment = 'production' }, texts] of by)
      await importLogs(this.context, {
        file: '-',
        source: {
          name: `${environment}-${name}`,
          cluster: 'eu-1',
          environment,
          workload: name,
          syslog_from: [],
          egress: [this.world.egress],
        },
        stdin: Readable.from([Buffer.from(`${texts.join('\n')}\n`)]),
      });
    const day = Math.floor((this.now - BEGIN) / DAY);
    for (const one of this.world.bulk.splice(0)) {
      if (one.day >= day) {
        this.world.bulk.push(one);
        continue;
      }
      const on = dayOf(one.day);
      const key = ['eu-1', one.workload.environment ?? 'production', one.workload.name, DOMAIN, one.selector, on];
      await this.db.query(
        `insert into ruawatch.sending_days (cluster, environment, workload, domain, selector, day, sent, signed, aligned, first_at, last_at, signing_domain)
         values ($1, $2, $3, $4, $5, $6, $7, $7, $7, $6::date, $6::date + interval '23 hours', $4)
         on conflict (cluster, environment, workload, domain, selector, day) do update set sent = sending_days.sent + $7, signed = sending_days.signed + $7,
            aligned = sending_days.aligned + $7`,
        [...key, one.messages],
      );
      await this.db.query(
        `insert into ruawatch.sending_day_recipients (cluster, environment, workload, domain, selector, day, recipient_domain, sent)
         values ($1, $2, $3, $4, $5, $6, $7, $8)`,
        [...key, one.to, one.messages],
      );
    }
  }

  /** What the watcher has of the keys, asked at every tick. */
  private async ask(): Promise<void> {
    for (const selector of new Set(this.world.keys.map((one) => one.selector))) {
      const current = this.world.keys.filter((one) => one.selector === selector && one.from <= this.now).at(-1);
      if (current === undefined) continue;
      const name = `${selector}._domainkey.${DOMAIN}`;
      await this.db.query(
        `insert into ruawatch.dns_questions (domain, name, type, purpose, state, asked_at, first_answered_at, answered_at, aliases, answers)
         values ($1, $2, 'TXT', 'dkim', $3, $4, $5, $5, '{}', '[]')
         on conflict (domain, name, type) do update set asked_at = $4,
            state = case when $3 = 'unknown' then dns_questions.state else $3 end, answered_at = coalesce($5, dns_questions.answered_at)`,
        [DOMAIN, name, current.state, new Date(this.now), current.state === 'unknown' ? null : new Date(this.now)],
      );
      if (current.state === 'absent')
        await this.db.query('update ruawatch.dns_records set gone_at = $2 where name = $1 and gone_at is null', [
          name,
          new Date(this.now),
        ]);
      if (current.state !== 'records') continue;
      await this.db.query(
        `insert into ruawatch.dns_records (domain, name, type, purpose, value, first_seen, last_seen, servers)
         select $1, $2, 'TXT', 'dkim', 'v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=', $3, $3, '{}'
          where not exists (select from ruawatch.dns_records where name = $2 and gone_at is null)`,
        [DOMAIN, name, new Date(this.now)],
      );
    }
  }

  /** What came of a day's reports the next morning. */
  private async report(day: number): Promise<void> {
    const on = dayOf(day);
    for (const { reporter, domain, address, messages, passed } of this.world.reports.filter((one) => one.day === day)) {
      const { rows } = await this.db.query<{ report_key: number; begin_at: Date }>(
        `insert into ruawatch.reports (report_key, message_key, part, identity, content_hash, reporter, report_id, domain, begin_at, end_at, errors, records,
                messages, salvaged, problems, received_at)
         values (-('x' || left(md5(concat_ws(' ', $1::text, $2::text, $3::text)), 15))::bit(60)::bigint, 0, 0, decode(md5(concat_ws(' ', $1::text, $2::text, $3::text)), 'hex'), '',
                $1, $3, $2, $3::date::timestamp at time zone 'UTC', ($3::date + 1)::timestamp at time zone 'UTC', '[]', 1, $4, false, '[]', $5)
         returning report_key, begin_at`,
        [reporter, domain, on, messages, new Date(this.now)],
      );
      await this.db.query(
        `insert into ruawatch.records (report_key, n, begin_at, source_ip, source, count, dkim_aligned, spf_aligned, auth, reasons, disposition, header_from, forwarded)
         values ($1, 1, $2, $3, '192.0.2.0/24', $4, $5, $5, '{}', '[]', 'none', $6, false)`,
        [rows[0]!.report_key, rows[0]!.begin_at, address, messages, passed > 0, domain],
      );
      const counts = { passed, dkim_aligned: passed, spf_aligned: passed, delivered: messages } as Record<string, number>;
      await this.db.query(
        `insert into ruawatch.source_days (domain, source, day, reporter, messages, ${ROW_COUNTS.join(', ')})
         values ($1, '192.0.2.0/24', $2, $3, $4, ${ROW_COUNTS.map((name) => counts[name] ?? 0).join(', ')})`,
        [domain, on, reporter, messages],
      );
      await this.db.query(
        `insert into ruawatch.sources as s (domain, source, first_seen, last_seen, messages, passed) values ($1, '192.0.2.0/24', $2, $2, $3, $4)
         on conflict (domain, source) do update set last_seen = excluded.last_seen, messages = s.messages + excluded.messages, passed = s.passed + excluded.passed`,
        [domain, on, messages, passed],
      );
      await this.db.query(
        `insert into ruawatch.domain_reporters (domain, reporter, standing, decides) values ($1, $2, 'known', true) on conflict do nothing`,
        [domain, reporter],
      );
    }
  }

  async alarms(): Promise<LogDraw['alarms']> {
    const { rows } = await this.db.query<{ kind: string; subject: string; at: Date }>(
      `select f.kind, f.subject, e.at from ruawatch.finding_events e join ruawatch.findings f using (finding_key)
        where e.notify and e.event in ('opened', 'reopened', 'changed') order by e.at, f.kind, f.subject`,
    );
    return rows.map(({ kind, subject, at }) => ({ kind, subject, at: at.getTime() }));
  }
}

const dayOf = (n: number): string => new Date(BEGIN + n * DAY).toISOString().slice(0, 10);

function guardOf(declared: NonNullable<LogWorld['declared']>): string {
  const environments = new Map<string, Map<string, string[]>>();
  for (const { environment, name, domain } of declared) {
    const domains = environments.get(environment) ?? new Map<string, string[]>();
    environments.set(environment, domains);
    domains.set(domain, [...(domains.get(domain) ?? []), name]);
  }
  const written = [...environments].map(
    ([environment, domains]) =>
      `${environment}: {domains: {${[...domains].map(([domain, names]) => `${domain}: {workloads: [${names.map((name) => `{name: ${name}}`).join(', ')}]}`).join(', ')}}}`,
  );
  return `{version: 1, environments: {${written.join(', ')}}}`;
}
