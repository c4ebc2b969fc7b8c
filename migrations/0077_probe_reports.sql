-- A report that guard probe wrote may be imported by hand, more than once: it counts once.
alter table ruawatch.probe_runs add column if not exists report_id text;
create unique index if not exists probe_runs_report on ruawatch.probe_runs (report_id);
