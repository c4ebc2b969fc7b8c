import { dayOf } from '../services/shared/days.ts';
import { type Db, transaction } from '../services/shared/runtime/db.ts';
import { putOwn } from '../services/store/domains/domains.ts';
import type { ReportSize } from '../services/store/rollups/allowance.ts';
import { SIZE_SQL } from '../services/store/rollups/allowance.ts';
import { CLASS_DAYS } from '../services/store/rollups/class-days.ts';
import { fillTotals } from '../services/store/rollups/fill.ts';
import { loadPolicyReports, rollUpPolicies } from '../services/store/rollups/policy-days.ts';
import { rollUp } from '../services/store/rollups/source-days.ts';
import { BY_REPORT_DAY, ensurePartitions } from '../services/store/schema/partitions.ts';

/** What the archive is like; see docs/performance.md. */
const DOMAINS = 50;
const DAYS = 365;
/** Records a report, as in load.ts: log-normal, median 3, mean 24. */
const MEDIAN_RECORDS = 3;
const SIGMA = 2.039334;
const MEAN_RECORDS = 24;
/** Reports whose rollups are added in one transaction. */
const ROLLUP_REPORTS = 1_000;

export interface ArchiveSize {
  reports: number;
  records: number;
  source_days: number;
  sources: number;
}

/**
 * Fills an empty, migrated database with `records` records (about) of the twelve months before today, of 50
 * domains. Records, reports and messages are made on the server from hashes of their keys, the same each
 * time; the rollups are the program's own, added by the statements that the parser runs, so that all is
 * consistent.
 */
export async function fillArchive(db: Db, records: number, say: (line: string) => void): Promise<ArchiveSize> {
  const client = await db.connect();
  try {
    await client.query("set synchronous_commit = off; set work_mem = '64MB'; set maintenance_work_mem = '256MB'");
    await client.query(plan(Math.max(1, Math.round(records / MEAN_RECORDS))));
    const { rows: months } = await client.query<{ month: string }>(
      "select distinct date_trunc('month', day)::date as month from bench_plan order by 1",
    );
    for (const table of BY_REPORT_DAY) {
      await ensurePartitions(
        db,
        table,
        months.map(({ month }) => month),
        { strays: 0, tries: 1 },
      );
    }
    for (const { month } of months) {
      await client.query(RECORDS, [month]);
      say(`records of ${month}`);
    }
    await client.query(REPORTS);
    await client.query(MESSAGES);
    say('reports and messages');
    await client.query('analyze ruawatch.reports; analyze ruawatch.records');
  } finally {
    client.release(true);
  }
  await addRollups(db, say);
  await db.query(CLASSES);
  // The classes were not the analyzer's, which would have moved the mail to them.
  await db.query("truncate ruawatch.class_days; update ruawatch.class_days_from set from_day = 'infinity'");
  while (await fillTotals(db, CLASS_DAYS, 31, dayOf(new Date())));
  await db.query(FINDINGS);
  await db.query('truncate ruawatch.analysis_work; drop table bench_plan; drop function bench_u(bigint, integer)');
  say('vacuum');
  await db.query('vacuum analyze');
  const { rows } = await db.query<ArchiveSize>(
    `select (select count(*) from ruawatch.reports) as reports, (select count(*) from ruawatch.records) as records,
            (select count(*) from ruawatch.source_days) as source_days, (select count(*) from ruawatch.sources) as sources`,
  );
  return rows[0]!;
}

async function addRollups(db: Db, say: (line: string) => void): Promise<void> {
  // Day by day, as they would have come.
  const { rows } = await db.query<{ key: number; begin: number; reporter: string; size: ReportSize }>(
    `select report_key as key, reporter, extract(epoch from begin_at)::float8 as begin, ${SIZE_SQL} as size from ruawatch.reports order by begin_at, domain`,
  );
  for (let i = 0; i < rows.length; i += ROLLUP_REPORTS) {
    const part = rows.slice(i, i + ROLLUP_REPORTS);
    await transaction(db, async (tx) => {
      await tx.query('set local synchronous_commit = off');
      await rollUp(
        tx,
        part.map((report) => ({ ...report, sign: 1, trust: 'ok' })),
      );
      const policies = await loadPolicyReports(
        tx,
        part.map(({ key }) => key),
      );
      await rollUpPolicies(
        tx,
        policies.map((report) => ({ report, sign: 1, trust: 'ok', reporter: report.reporter })),
      );
    });
    if ((i / ROLLUP_REPORTS) % 50 === 49) {
      say(`rollups of ${i + part.length} reports`);
      // What nobody works here would only grow; the planner must see the tables grow, as autovacuum would let
      // it.
      await db.query('truncate ruawatch.analysis_work; analyze ruawatch.source_days; analyze ruawatch.sources');
    }
  }
}

/** A number from 0 to 1 for a key and a purpose; the hash is the server's, the same on every machine. */
const HELPERS = `create or replace function bench_u(k bigint, purpose integer) returns float8 language sql immutable parallel safe
  return (hashint8extended(k, purpose) & 16777215) / 16777216.0::float8`;

/**
 * One row a report: yesterday's of all domains first, then those of the day before, so that a small archive
 * is the newest part of a large one.
 */
const plan = (reports: number) => `${HELPERS};
  create unlogged table bench_plan as
  select i + 1 as report_key, format('domain-%s.example', i % ${DOMAINS}) as domain, i / ${DOMAINS} % ${DAYS} as age,
         current_date - 1 - (i / ${DOMAINS} % ${DAYS})::integer as day, i / ${DOMAINS * DAYS} as reporter,
         greatest(1, round(${MEDIAN_RECORDS} * exp(${SIGMA} * z.z)))::integer as records
    from generate_series(0::bigint, ${reports - 1}) i
   -- Box and Muller's normal deviate.
   cross join lateral (select sqrt(-2 * ln(1 - bench_u(i, 1))) * cos(2 * pi() * bench_u(i, 2)) as z) z;
  create index on bench_plan (day);
  analyze bench_plan`;

/**
 * Who sends: half of the records by twelve large services, a fifth by 150 small ones, a tenth by the domain's
 * own servers, 8 % by 60 forwarders, 4 % by ten services that sign with their own domain, 8 % by 2,000
 * networks that are not the domain's.
 */
const RECORDS = `
  insert into ruawatch.records (report_key, n, begin_at, source_ip, count, disposition, dkim_result, spf_result, reasons, header_from,
         envelope_from, envelope_to, auth, dkim_aligned, spf_aligned, forwarded, source, foreign_dkim, foreign_spf)
  select p.report_key, n, p.day::timestamp at time zone 'UTC',
         case when own then '192.0.2.0'::inet + (who * 16 + spot % 16)::bigint
              when not pass and sender is null then '100.64.0.0'::inet + (who * 256 + spot)::bigint
              else '198.18.0.0'::inet + (kind * 40000 + who * 64 + spot % 64)::bigint end,
         case when bench_u(k, 5) < 0.7 then 1 + floor(3 * bench_u(k, 6)) else 4 + floor(400 * bench_u(k, 6) ^ 4) end::bigint,
         case when pass then 'none' when bench_u(k, 7) < 0.6 then 'none' when bench_u(k, 7) < 0.8 then 'quarantine' else 'reject' end,
         -- One reporter in 23 tells the bare result.
         case when dkim or reporter = 7 and signer is not null then 'pass' else 'fail' end, case when own then 'pass' else 'fail' end,
         case when kind = 3 and not dkim then '[{"type":"forwarded","comment":null}]'::jsonb end,
         case when bench_u(k, 8) < 0.05 then 'news.' || domain else domain end, coalesce('bounce.' || sender, domain),
         format('recipients-%s.example', reporter),
         format('{"dkim":[%s],"spf":[{"domain":"%s","scope":"mfrom","result":"%s"}]}',
                case when signer is not null then format('{"domain":"%s","selector":"s%s","result":"pass"}', signer, who % 3)
                     when kind = 3 then format('{"domain":"%s","selector":"s1","result":"fail"}', domain) end,
                coalesce('bounce.' || sender, domain), case when own or sender is not null then 'pass' else 'fail' end)::jsonb,
         dkim, own, kind = 3 and not dkim,
         coalesce(sender, case when own then '192.0.2.0/24' else host(network('100.64.0.0'::inet + (who * 256)::bigint)) || '/24' end),
         case when kind = 4 then sender end, sender
    from bench_plan p
   cross join generate_series(1, p.records) n
   cross join lateral (select p.report_key * 100000 + n as k) key
   cross join lateral (select width_bucket(bench_u(k, 3), array[0.5, 0.7, 0.8, 0.88, 0.92]) as slot, bench_u(k, 4) as u) draw
   cross join lateral (select case slot when 0 then 0 when 1 then 1 when 2 then 2 when 3 then 3 when 4 then 4 else 5 end as kind,
                              slot = 2 as own,
                              floor(case slot when 0 then 12 * u * u when 1 then 150 * u * u when 2 then 4 * u when 3 then 60 * u
                                              when 4 then 10 * u else 2000 * u * u end)::integer as who) sent
   cross join lateral (select case kind when 0 then format('sender-%s.example', who) when 1 then format('small-sender-%s.example', who)
                                        when 3 then format('forwarder-%s.example', who) when 4 then format('misaligned-%s.example', who)
                              end as sender,
                              (hashint8extended(k, 9) & 255)::integer as spot,
                              kind < 3 or kind = 3 and bench_u(k, 10) < 0.66 as dkim) name
   cross join lateral (select dkim or own as pass, case when dkim then domain when kind = 4 then sender end as signer) verdict
   where date_trunc('month', p.day) = $1::date`;

const REPORTS = `
  insert into ruawatch.reports (report_key, message_key, part, identity, content_hash, duplicates, org_name, org_email, reporter, report_id,
         domain, begin_at, end_at, policy_p, adkim, aspf, errors, records, messages, salvaged, reporter_trust, problems, received_at)
  overriding system value
  select p.report_key, p.report_key, 0, sha256(p.report_key::text::bytea), sha256(('content ' || p.report_key)::bytea),
         (bench_u(p.report_key, 11) < 0.02)::integer, 'Reporter ' || reporter, format('noreply@reporter-%s.example', reporter),
         format('reporter-%s.example', reporter), report_key::text, domain, day::timestamp at time zone 'UTC',
         day::timestamp at time zone 'UTC' + interval '86399 seconds',
         case when age < 60 then 'reject' when age < 200 then 'quarantine' else 'none' end, 'r', 'r', '[]', r.records, r.messages, false,
         'authenticated', '[]', (day + 1)::timestamp at time zone 'UTC' + interval '6 hours'
    from bench_plan p
    join (select report_key, count(*) as records, sum(count) as messages from ruawatch.records group by report_key) r using (report_key)`;

/** One mail a report, and one in fifty that was none. */
const MESSAGES = `
  insert into ruawatch.messages (message_key, mailbox, received_at, sender, subject, size, sha256, fingerprint, state, code, reason, settled_at)
  overriding system value
  select i, case when i % 3 = 0 then 'reports-2' else 'reports' end,
         (p.day + 1)::timestamp at time zone 'UTC' + interval '6 hours', format('noreply@reporter-%s.example', p.reporter),
         'Report domain: ' || p.domain, 2000 + 40 * p.records, sha256(i::text::bytea), sha256(i::text::bytea),
         case when i = p.report_key then 'stored' when i % 5 = 0 then 'quarantined' else 'ignored' end,
         case when i <> p.report_key then case when i % 5 = 0 then 'xml_broken' else 'no_report' end end,
         case when i <> p.report_key then 'What a reason says in a sentence of some length.' end, now()
    from bench_plan p
   cross join lateral (select report_key as i union all
                       select (select count(*) from bench_plan) + report_key where report_key % 50 = 0) key`;

/** The classes that the analyzer would give. */
const CLASSES = `
  update ruawatch.sources
     set class = case when source like 'forwarder-%' then 'forwarded' when source like 'misaligned-%' then 'misaligned'
                      when source like '100.%' then 'unauthorized' else 'authorized' end,
         confidence = 0.9, why = 'What the analyzer says in a sentence of some length.', classified_at = now()`;

/** Two findings a domain and week, most of them over. */
const FINDINGS = `
  insert into ruawatch.findings (domain, kind, subject, severity, state, confidence, opened_at, changed_at, resolved_at, first_day, last_day,
         summary, evidence)
  select format('domain-%s.example', d), kind, format('subject-%s.example', week), (array['low', 'medium', 'high', 'critical'])[1 + week % 4],
         case when week < 6 then 'open' else 'resolved' end, 0.8, at, at, case when week >= 6 then at end, at::date, at::date, 'A line.',
         jsonb_build_object('messages', week * 10 + d, 'what', repeat('what happened ', 20))
    from generate_series(0, ${DOMAINS - 1}) d
   cross join generate_series(0, 51) week
   cross join lateral (select now() - week * interval '7 days' as at) day
   cross join unnest(array['alignment_failure', 'authentication_regression']) kind`;

/**
 * Makes all domains of the archive own ones: names below an own domain have no row of their own until
 * somebody adds them.
 */
export async function ownAll(db: Db): Promise<void> {
  const { rows } = await db.query<{ domain: string }>('select distinct domain from dmarc.sources');
  await putOwn(
    db,
    rows.map(({ domain }) => domain),
    'added',
    { now: new Date(), ignored: true },
  );
}
