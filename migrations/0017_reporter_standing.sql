-- What a reporter's word is worth. Everything here is counted by our own clock, from verified mails, and can be built again from the reports.

create table if not exists ruawatch.reporters (
  reporter text primary key,
  -- A mail of it was verified. Else it counts by the operator's word.
  proven   boolean not null default false
);

-- The days on which verified reports of a reporter arrived.
create table if not exists ruawatch.reporter_arrivals (
  reporter text not null,
  day      date not null,
  primary key (reporter, day)
);

-- Of how many sources of a domain it says what the known reporters say, and of how many the contrary.
create table if not exists ruawatch.reporter_agreement (
  reporter     text not null,
  domain       text not null,
  agreed       integer not null,
  contradicted integer not null,
  measured_on  date not null,
  primary key (reporter, domain)
);

-- Who reports on a domain, as the analyzer saw it last, and who of them decides what is said of it.
create table if not exists ruawatch.domain_reporters (
  domain   text not null,
  reporter text not null,
  standing text not null check (standing in ('known', 'established', 'new')),
  decides  boolean not null,
  primary key (domain, reporter)
);

create or replace view dmarc.reporters as
  select d.domain, d.reporter, d.standing, d.decides, coalesce(r.proven, false) as proven, a.first_arrived, a.arrival_days,
         g.agreed, g.contradicted
    from ruawatch.domain_reporters d
    left join ruawatch.reporters r using (reporter)
   cross join lateral (
     select min(day) as first_arrived, count(*) as arrival_days from ruawatch.reporter_arrivals a where a.reporter = d.reporter) a
   cross join lateral (
     select coalesce(sum(agreed), 0)::bigint as agreed, coalesce(sum(contradicted), 0)::bigint as contradicted
       from ruawatch.reporter_agreement g where g.reporter = d.reporter) g;
