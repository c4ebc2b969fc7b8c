import path from 'node:path';
import { analyzeDomain } from '../services/analyzer/analyze.ts';
import { openContext } from '../services/cli/open.ts';
import type { Db } from '../services/shared/runtime/db.ts';
import { loadConfig } from '../services/shared/settings/config.ts';
import { ensurePartitions } from '../services/store/schema/partitions.ts';
import type { StageInput } from './input.ts';
import { type Measure, measure } from './measure.ts';

const DOMAINS = 50;
/** Rollup rows for each record: 0.45 in the archive of the stage `queries`, 0.38 in the load. */
const ROWS_PER_RECORD = 0.45;
/** A domain's rollup rows a day; the history grows in days, so that every size adds the same on a day. */
const ROWS_PER_DAY = 200;
/** Of that many domains. Days of the million: the analyzer's window of 42 days is full in every size. */
const recordsPerDay = (domains: number) => Math.round((domains * ROWS_PER_DAY) / ROWS_PER_RECORD);

/**
 * The analyzer over one new day of 50 domains (or `input.domains`), in a database that holds the rollups of
 * `input.records` records of the days before. The day after it is the next run.
 */
export async function analyze(stage: string, input: StageInput): Promise<Measure> {
  const domains = input.domains ?? DOMAINS;
  const days = Math.round(input.records! / recordsPerDay(domains));
  const runs = input.runs ?? 3;
  const config = loadConfig(
    { LOG_LEVEL: 'silent', HTTP_LISTEN: 'off', DATABASE_URL: input.databaseUrl! },
    path.parse(input.path).root,
  );
  const context = await openContext(config);
  try {
    // The newest days are left for the runs, the first of which warms up.
    const rows = await fillHistory(context.db, domains, { days, skip: runs + 1 });
    const measures: Measure[] = [];
    for (let age = runs + 1; age >= 1; age--) {
      await addDay(context.db, domains, age);
      let sources = 0;
      const measured = await measure(stage, input.postmaster, async () => {
        for (let domain = 0; domain < domains; domain++) {
          const analysis = await analyzeDomain(context, `domain-${domain}.example`);
          if (analysis.outcome !== 'done') throw new Error(`The analysis ended with "${analysis.outcome}".`);
          sources += analysis.sources;
        }
        return { mails: 0, reports: 0, records: recordsPerDay(domains) };
      });
      const note = `${sources} sources of ${domains} domains; history: ${rows} rollup rows of ${days} days`;
      if (age <= runs) measures.push({ ...measured, stage: `${stage}_${input.records! / 1e6}m`, note });
    }
    return measures.sort((a, b) => a.seconds - b.seconds)[Math.floor(runs / 2)]!;
  } finally {
    await context.close();
  }
}

/** Rollups of so many days, but for the newest, which are left out. @returns rollup rows */
async function fillHistory(db: Db, domains: number, { days, skip }: { days: number; skip: number }): Promise<number> {
  const client = await db.connect();
  try {
    await client.query("set synchronous_commit = off; set work_mem = '128MB'; set time zone 'UTC'");
    const { rows: months } = await client.query<{ month: string }>(
      "select (date_trunc('month', current_date) - n * interval '1 month')::date as month from generate_series(0, $1::integer) n",
      [Math.ceil((skip + days) / 28) + 1],
    );
    for (const table of ['source_days', 'policy_days'] as const) {
      await ensurePartitions(
        db,
        table,
        months.map(({ month }) => month),
        { strays: 0, tries: 1 },
      );
    }
    for (let from = skip + days; from > skip; from -= 30)
      await client.query(insertDays(domains, from, Math.max(skip + 1, from - 29)));
    await client.query(`
      insert into ruawatch.sources (domain, source, class, confidence, why, first_seen, last_seen, messages, passed, classified_at, examined_at)
      select domain, source, 'unknown', 0, 'analysed before', min(day), max(day), sum(messages), sum(passed),
             max(day)::timestamp at time zone 'UTC', min(day)::timestamp at time zone 'UTC'
        from ruawatch.source_days group by domain, source`);
    await client.query(insertPolicies(domains, skip + days, skip + 1));
    await client.query(insertReports(domains, skip + days, skip + 1));
    await client.query('vacuum analyze');
    const { rows } = await client.query<{ n: number }>('select count(*) as n from ruawatch.source_days');
    return rows[0]!.n;
  } finally {
    client.release(true);
  }
}

/** One more day of rollups, and the analyzer's work for it, as the parser leaves both. */
async function addDay(db: Db, domains: number, age: number): Promise<void> {
  await db.query(insertDays(domains, age, age));
  await db.query(insertPolicies(domains, age, age));
  await db.query(insertReports(domains, age, age));
  await db.query(
    `with new as (select domain, source, day, sum(messages) as messages, sum(passed) as passed
                    from ruawatch.source_days where day = current_date - $1::integer group by domain, source, day),
     totals as (
       insert into ruawatch.sources as s (domain, source, first_seen, last_seen, messages, passed)
       select domain, source, day, day, messages, passed from new
       on conflict (domain, source) do update
          set last_seen = excluded.last_seen, messages = s.messages + excluded.messages, passed = s.passed + excluded.passed)
     insert into ruawatch.analysis_work (domain, source)
     select domain, source from new union all select distinct domain, '' from new`,
    [age],
  );
}

/**
 * Rollups of the days that are `from` to `to` days ago: of each domain and day, 20 large services that six
 * reporters each saw, 60 rows of 150 small ones and 20 of 2,000 networks that are not the domain's.
 */
const insertDays = (domains: number, from: number, to: number) => `
  insert into ruawatch.source_days (domain, source, day, reporter, messages, passed, dkim_aligned, spf_aligned, forwarded, failed_forwarded,
         failed_authenticated, failed_unauthenticated, failed_foreign_dkim, failed_foreign_spf, delivered, quarantined, rejected,
         failed_delivered, signing_domain)
  select format('domain-%s.example', d), source, current_date - age, format('reporter-%s.example', who), m, pass, pass, 0, 0, 0, 0, m - pass,
         0, 0, pass, 0, m - pass, 0, null
    from generate_series(0, ${domains - 1}) d
   cross join generate_series(${to}, ${from}) age
   cross join generate_series(0, ${ROWS_PER_DAY - 1}) j
   cross join lateral (select hashint8extended((age * ${domains} + d)::bigint * 1000 + j, 7) & 1048575 as h) hash
   cross join lateral (select 1 + h % 50 as m, case when j < 180 then 1 + h % 50 else 0 end as pass,
                              case when j < 120 then j % 6 else j % 23 end as who,
                              case when j < 120 then format('sender-%s.example', j / 6)
                                   when j < 180 then format('small-sender-%s.example', h % 150)
                                   else host('100.64.0.0'::inet + (h % 2000) * 256) || '/24' end as source) row
   order by 1, 2, 3
  on conflict do nothing`;

const insertPolicies = (domains: number, from: number, to: number) => `
  insert into ruawatch.policy_days (domain, day, reporter, policy, reports)
  select format('domain-%s.example', d), current_date - age, format('reporter-%s.example', who), 'p=reject; adkim=r; aspf=r', 1
    from generate_series(0, ${domains - 1}) d
   cross join generate_series(${to}, ${from}) age
   cross join generate_series(0, 22) who
   order by 1, 2, 3`;

/**
 * The reports behind the rollups, as far as the analyzer asks for them: without any, nobody decides and
 * nothing is evaluated.
 */
const insertReports = (domains: number, from: number, to: number) => `
  insert into ruawatch.reports (report_key, message_key, part, identity, content_hash, reporter, report_id, domain, begin_at, end_at, errors,
         records, messages, salvaged, problems, received_at)
  select (age * ${domains} + d)::bigint * 100 + who + 1, 0, 0, decode(md5(concat_ws(' ', age, d, who)), 'hex'), '',
         format('reporter-%s.example', who), format('%s.%s', age, who), format('domain-%s.example', d),
         (current_date - age)::timestamp at time zone 'UTC', (current_date - age + 1)::timestamp at time zone 'UTC', '[]', 0, 0, false, '[]',
         (current_date - age + 1)::timestamp at time zone 'UTC'
    from generate_series(0, ${domains - 1}) d
   cross join generate_series(${to}, ${from}) age
   cross join generate_series(0, 22) who`;
