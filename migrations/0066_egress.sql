-- The addresses by which mail leaves clusters, and the SPF records that follow them.

-- Which process observes the ways of an environment.
create table if not exists ruawatch.egress_leases (
  environment text primary key,
  owner       text not null,
  until       timestamptz not null
);

-- A way by which mail leaves, as mail-guard.yaml names it.
create table if not exists ruawatch.egress_ways (
  environment   text not null,
  egress        text not null,
  -- When its addresses were last known.
  observed_at   timestamptz,
  -- Why they are not known now; null when they are.
  unknown       text,
  unknown_since timestamptz,
  -- Up to when a person has confirmed that what is gone is gone.
  confirmed_at  timestamptz,
  confirmed_by  text,
  primary key (environment, egress)
);

create table if not exists ruawatch.egress_addresses (
  environment text not null,
  egress      text not null,
  -- An address or a network in canonical text.
  address     text not null,
  -- Since when it is there, or was there before it went.
  since       timestamptz not null,
  -- When it was first missing; null while it is there.
  gone_at     timestamptz,
  primary key (environment, egress, address)
);

-- The SPF records that follow, by name, each with what it waits for.
create table if not exists ruawatch.egress_records (
  name           text primary key,
  domain         text not null,
  -- The request that was opened last, and what it was to change.
  request_key    bigint references ruawatch.requests,
  asked_at       timestamptz,
  before         text,
  value          text,
  waits          text,
  -- {code, message, addresses} each.
  problems       jsonb not null default '[]',
  problems_since timestamptz,
  checked_at     timestamptz not null
);

-- The files with DKIM keys that all pods of a signer have.
create table if not exists ruawatch.signer_pods (
  domain     text primary key,
  pods       integer not null,
  files      text[] not null,
  -- Why it is not known now; null when it is.
  unknown    text,
  checked_at timestamptz not null
);

create or replace view dmarc.egress_addresses as
select a.environment, a.egress, a.address, a.since, a.gone_at, w.observed_at, w.unknown, w.confirmed_at
  from ruawatch.egress_addresses a left join ruawatch.egress_ways w using (environment, egress);

create or replace view dmarc.egress_records as
select name, domain, request_key, asked_at, waits, problems, problems_since, checked_at from ruawatch.egress_records;
