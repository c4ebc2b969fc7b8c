-- Own domains on which nobody reports any more, as the analyzer's clock found it: no report wakes it for them. Can be built again.
create table if not exists ruawatch.silences (
  domain        text primary key,
  -- The first day without a report, and the last of which one should have come.
  since         date not null,
  last_day      date not null,
  -- Messages of a usual day, those that would have been reported since, and how likely that is by habit.
  usual         real not null,
  expected      real not null,
  chance        real not null,
  reporters     text[] not null,
  -- Of domains that fell silent together, the one under which it is mailed; else the domain itself.
  told_by       text not null,
  others        text[] not null default '{}',
  others_in_all integer not null default 0,
  -- Own domains that are still reported on.
  reported      integer not null default 0
);

-- What many domains may have in common is looked for among the open findings of all.
create index if not exists findings_common on ruawatch.findings (kind)
 where state = 'open' and kind in ('reports_stopped', 'reporter_silent');

-- A subject is of the moment now: nothing keeps the first one's words.
alter table ruawatch.outbox drop column if exists thread;
