-- What guard probe saw of environments that are no production (docs/guard.md). Nothing but these tables and views knows of
-- it: no report, rollup or finding does.
create table if not exists ruawatch.probe_runs (
  run_key     bigint generated always as identity primary key,
  environment text not null,
  began_at    timestamptz not null,
  ended_at    timestamptz not null,
  -- Workloads that were expected and did not write.
  missing     text[] not null
);
create index if not exists probe_runs_began on ruawatch.probe_runs (began_at);

create table if not exists ruawatch.probe_mails (
  run_key         bigint not null references ruawatch.probe_runs on delete cascade,
  n               integer not null,
  seen_at         timestamptz not null,
  environment     text not null,
  workload        text,
  known_by        text,
  header_from     text,
  envelope_from   text not null,
  source          text,
  signatures      jsonb not null,
  spf_result      text not null,
  dkim_aligned    boolean not null,
  spf_aligned     boolean not null,
  dmarc           text not null,
  under_reject    text,
  codes           text[] not null,
  primary key (run_key, n)
);

create or replace view dmarc.probe_mails as
select run_key, n, seen_at, environment, workload, known_by, header_from, envelope_from, source, signatures, spf_result,
       dkim_aligned, spf_aligned, dmarc, under_reject, codes
  from ruawatch.probe_mails;

create or replace view dmarc.probe_days as
select environment, workload, header_from, (seen_at at time zone 'UTC')::date as day, count(*) as mails,
       count(*) filter (where signatures <> '[]') as signed, count(*) filter (where dkim_aligned) as dkim_aligned,
       count(*) filter (where spf_aligned) as spf_aligned, count(*) filter (where dkim_aligned or spf_aligned) as dmarc_pass,
       count(*) filter (where under_reject = 'rejected') as rejected, max(seen_at) as last_seen
  from ruawatch.probe_mails
 group by 1, 2, 3, 4;
