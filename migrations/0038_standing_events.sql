-- What stood already when its domain was first analyzed: many of them are mailed as one summary.
alter table ruawatch.finding_events add column if not exists standing boolean not null default false;
