-- What is known of the addresses that mail came from: the enricher asks DNS and the user's ASN file, once per address, long after the mail was
-- stored. Nothing waits for it.

create table ruawatch.addresses (
  address      inet primary key,
  -- First and last UTC day on which a report of it begins.
  first_seen   date not null,
  last_seen    date not null,
  -- The reverse name; `confirmed`: the name has this address in turn. Null both before the first answer.
  name         text,
  confirmed    boolean,
  -- The name is one of many that a machine made (host-203-0-113-7.isp.example): it tells the line, not the sender.
  generic      boolean not null default false,
  -- The organizational domain of a confirmed name that is not generic.
  organization text,
  asn          bigint,
  owner        text,
  looked_up_at timestamptz,
  -- When to ask (again); while somebody asks, when to take it from him. Null: no longer seen, or not to be asked about.
  next_at      timestamptz,
  -- Questions in a row to which nobody knew an answer, and what the last one ended with.
  attempts     integer not null default 0,
  last_error   text
);
create index addresses_due on ruawatch.addresses (next_at) where next_at is not null;

-- How far the enricher has come. Reports up to `scanned_key` were looked through. `upto_key` comes next, as soon as every transaction that was
-- open when it was the highest key (all below `upto_xid`) has ended: a report with a lower key can then no longer appear.
create table ruawatch.enrichment (
  only_row    boolean primary key default true check (only_row),
  scanned_key bigint not null default 0,
  upto_key    bigint,
  upto_xid    bigint,
  -- The ASN file that the addresses were last compared with.
  asn_file    text
);
insert into ruawatch.enrichment default values;

-- Who a source is, beyond its key: decided by the analyzer, null until it has.
alter table ruawatch.sources
  add column name            text,
  add column identified_by   text check (identified_by in ('dkim', 'spf', 'reverse_name', 'asn', 'network', 'unauthenticated')),
  add column evidence        text,
  add column name_confidence real,
  add column grouped_as      text;
-- The enricher learns of an address and must find the sources that are its network.
create index sources_network on ruawatch.sources (source) where strpos(source, '/') > 0;

create view dmarc.addresses as
  select address, name, confirmed, generic, organization, asn, owner, first_seen, last_seen, looked_up_at, next_at, attempts, last_error
    from ruawatch.addresses;

create or replace view dmarc.sources as
  select domain, source, class, confidence, why, first_seen, last_seen, messages, passed, messages - passed as failed, classified_at,
         coalesce(name, source) as name, identified_by, evidence, name_confidence, coalesce(grouped_as, source) as grouped_as
    from ruawatch.sources
   where messages > 0;

-- What a person would call one sender: the sources that belong together, as one row. The name and the evidence are those of its strongest
-- source, the class that of most of its mail.
create view dmarc.sender_groups as
  with sums as (
    select domain, coalesce(grouped_as, source) as grouped_as, count(*) as sources, min(first_seen) as first_seen, max(last_seen) as last_seen,
           sum(messages)::bigint as messages, sum(passed)::bigint as passed,
           (array_agg(coalesce(name, source) order by name_confidence desc nulls last, messages desc, source))[1] as name,
           (array_agg(identified_by order by name_confidence desc nulls last, messages desc, source))[1] as identified_by,
           (array_agg(evidence order by name_confidence desc nulls last, messages desc, source))[1] as evidence,
           max(name_confidence) as name_confidence
      from ruawatch.sources
     where messages > 0
     group by domain, coalesce(grouped_as, source)),
  classes as (
    select distinct on (domain, grouped_as) domain, grouped_as, class, confidence
      from (select domain, coalesce(grouped_as, source) as grouped_as, class, sum(messages) as messages,
                   (sum(confidence::float8 * messages) / sum(messages))::real as confidence
              from ruawatch.sources where messages > 0 group by 1, 2, 3) by_class
     order by domain, grouped_as, messages desc, class)
  select s.domain, s.grouped_as, s.name, c.class, c.confidence, s.identified_by, s.evidence, s.name_confidence, s.sources, s.first_seen, s.last_seen,
         s.messages, s.passed, s.messages - s.passed as failed
    from sums s join classes c on c.domain = s.domain and c.grouped_as = s.grouped_as;

create view dmarc.sender_group_days as
  select d.domain, coalesce(s.grouped_as, d.source) as grouped_as, d.day, count(distinct d.source) as sources, sum(d.messages)::bigint as messages,
         sum(d.passed)::bigint as passed, sum(d.messages - d.passed)::bigint as failed, sum(d.forwarded)::bigint as forwarded,
         sum(d.failed_forwarded)::bigint as failed_forwarded, sum(d.failed_authenticated)::bigint as failed_authenticated,
         sum(d.failed_unauthenticated)::bigint as failed_unauthenticated, sum(d.delivered)::bigint as delivered,
         sum(d.quarantined)::bigint as quarantined, sum(d.rejected)::bigint as rejected, sum(d.failed_delivered)::bigint as failed_delivered,
         count(distinct d.reporter) as reporters
    from ruawatch.source_days d join ruawatch.sources s on s.domain = d.domain and s.source = d.source
   where d.messages > 0
   group by d.domain, coalesce(s.grouped_as, d.source), d.day;
