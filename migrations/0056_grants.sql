-- Rights that are lent for a time. A grant belongs to the request that asks for it, and moves only forward: whatever was ended is never lent again.
create table if not exists ruawatch.grants (
  grant_key    bigint generated always as identity primary key,
  request_key  bigint not null unique references ruawatch.requests,
  kind         text not null,
  domain       text not null,
  -- A person's mail address, or the name of a service principal.
  holder       text not null,
  holder_kind  text not null check (holder_kind in ('person', 'service')),
  -- The groups of people that may hold it; empty for everybody who is known.
  groups       text[] not null,
  -- The target in the settings, and the name of the right there: the mark of the installation, the key, and something nobody can guess.
  server       text not null,
  name         text not null unique,
  scope        jsonb not null,
  -- What the target verifies the holder by; never the secret itself.
  credential   text,
  seconds      integer not null check (seconds > 0),
  uses         integer check (uses > 0),
  used         integer not null default 0,
  state        text not null default 'asked' check (state in ('asked', 'applying', 'active', 'ending', 'ended')),
  claimed_at   timestamptz,
  applied_at   timestamptz,
  ends_at      timestamptz,
  -- How long it has been lent by a clock that nobody can set: that of the process, turn by turn.
  ran_ms       bigint not null default 0,
  -- Why it ends, since when, and when it had ended at the target.
  end_reason   text,
  end_since    timestamptz,
  ended_at     timestamptz,
  -- What the target said last; how often its end was tried, and when it is tried again.
  answer       text,
  tries        integer not null default 0,
  retry_at     timestamptz
);
create index if not exists grants_open on ruawatch.grants (state) where state <> 'ended';
create index if not exists grants_holder on ruawatch.grants (holder, grant_key);

-- What keeps grants has seen: one row. A database that was restored from a copy, a clock that was set back, and a time in which nothing
-- ended grants show by it.
create table if not exists ruawatch.grant_watch (
  one          boolean primary key default true check (one),
  -- Part of the name of each right, so that two installations never end each other's.
  installation text not null,
  -- When the applier last looked, by the database's clock.
  seen_at      timestamptz,
  -- Which server and which tables those were.
  print        text
);
insert into ruawatch.grant_watch (installation) values (left(md5(gen_random_uuid()::text), 8)) on conflict do nothing;
insert into ruawatch.locks (name) values ('grants') on conflict do nothing;

create or replace view dmarc.grants as
select g.grant_key, g.request_key, g.kind, g.domain, g.holder, g.holder_kind, g.server, g.name, g.scope, g.seconds, g.uses, g.used,
       case when g.state <> 'asked' then g.state when r.state in ('draft', 'pending', 'approved') then 'asked' else 'void' end as state,
       r.created_at as asked_at, r.why, g.applied_at, g.ends_at, g.end_reason, g.end_since, g.ended_at, g.answer
  from ruawatch.grants g join ruawatch.requests r using (request_key);
