-- Requests: what is to be changed, who decides, and what came of it. Nothing is changed but by a request that was approved.
create table if not exists ruawatch.requests (
  request_key    bigint generated always as identity primary key,
  kind           text not null,
  domain         text not null,
  summary        text not null,
  -- The plan as canonical JSON, and its SHA-256: what people approve is this text.
  plan           text not null,
  digest         text not null,
  -- The rule that decides, as it was when the request was made.
  rule           jsonb not null,
  -- A person's mail address, or the name of a playbook or service.
  requester      text not null,
  requester_kind text not null check (requester_kind in ('person', 'playbook', 'service')),
  why            text not null,
  finding_key    bigint,
  -- What opens it again at most once: a playbook's name for a finding and a plan.
  playbook       text,
  state          text not null check (state in ('draft', 'pending', 'approved', 'applying', 'active', 'handed_over', 'done', 'denied',
                   'expired', 'withdrawn', 'stale', 'failed', 'ended', 'returned')),
  -- Of a pending request: the stage that decides, from 0.
  stage          integer not null default 0,
  -- Who may decide was decided by break-glass.
  emergency      boolean not null default false,
  created_at     timestamptz not null,
  changed_at     timestamptz not null,
  -- Of a state that waits: when it ends by itself.
  expires_at     timestamptz,
  decided_at     timestamptz,
  applied_at     timestamptz,
  -- Of an active request: when its watch is over, or what it lends is taken back.
  ends_at        timestamptz,
  -- Since when too few people are left to decide.
  unreachable_since timestamptz,
  -- What came of it, as a sentence.
  outcome        text
);
create index if not exists requests_open on ruawatch.requests (state, expires_at)
  where state in ('draft', 'pending', 'approved', 'applying', 'active', 'handed_over');
create unique index if not exists requests_once on ruawatch.requests (finding_key, playbook)
  where playbook is not null and state in ('draft', 'pending', 'approved', 'applying', 'active', 'handed_over');
create index if not exists requests_domain on ruawatch.requests (domain, request_key);

-- One decision of a person about a request, for good.
create table if not exists ruawatch.decisions (
  request_key bigint not null references ruawatch.requests,
  person      text not null,
  stage       integer not null,
  decision    text not null check (decision in ('approve', 'deny', 'override')),
  why         text not null,
  -- The digest of the plan that the person saw.
  digest      text not null,
  via         text not null,
  at          timestamptz not null,
  primary key (request_key, person)
);

-- What is due about a request, and when. A row goes with the step that makes it needless.
create table if not exists ruawatch.request_timers (
  request_key bigint not null references ruawatch.requests,
  what        text not null check (what in ('remind', 'escalate')),
  due_at      timestamptz not null,
  -- How often it was done.
  done        integer not null default 0,
  primary key (request_key, what)
);
create index if not exists request_timers_due on ruawatch.request_timers (due_at);

-- What happened to a request, and whom it is to be said to. Mails and posts are made of it.
create table if not exists ruawatch.request_events (
  event_key   bigint generated always as identity primary key,
  request_key bigint not null references ruawatch.requests,
  event       text not null,
  state       text not null,
  at          timestamptz not null,
  actor       text not null,
  says        text not null,
  recipients  text[] not null,
  -- The number of the audit chain's newest row and its hash, which the mail carries out of the house.
  head        text not null,
  handled_at  timestamptz,
  posted_at   timestamptz
);
create index if not exists request_events_request on ruawatch.request_events (request_key, event_key);
create index if not exists request_events_unhandled on ruawatch.request_events (event_key) where handled_at is null;
create index if not exists request_events_unposted on ruawatch.request_events (event_key) where posted_at is null;

-- The groups of the settings, with their people: one place for all processes. The approver keeps it up to date.
create table if not exists ruawatch.approver_groups (
  name   text not null,
  person text not null,
  primary key (name, person)
);
create table if not exists ruawatch.deputies (
  person  text not null,
  deputy  text not null,
  from_on date not null,
  to_on   date not null,
  primary key (person, deputy, from_on)
);

-- What was or is to be changed at a target, one row for each change of a request. Written before anything is sent.
create table if not exists ruawatch.changes (
  change_key  bigint generated always as identity primary key,
  request_key bigint not null references ruawatch.requests,
  -- The place in the plan, from 0; false for the way back.
  position    integer not null,
  forward     boolean not null,
  target      text not null,
  name        text not null,
  before      jsonb not null,
  after       jsonb not null,
  state       text not null check (state in ('intended', 'applied', 'stale', 'failed')),
  intended_at timestamptz not null,
  settled_at  timestamptz,
  -- What the server answered.
  answer      text,
  unique (request_key, position, forward)
);

-- The audit chain: each row's hash covers the row and the hash before it. Written by audit_append alone.
create table if not exists ruawatch.audit (
  number bigint primary key,
  at     timestamptz not null,
  -- Canonical JSON.
  body   text not null,
  hash   bytea not null
);
create table if not exists ruawatch.audit_head (
  one         boolean primary key default true check (one),
  number      bigint not null,
  hash        bytea not null,
  -- The row before the oldest that is kept: what retention has cut off, so that the rest can be verified.
  base_number bigint not null,
  base_hash   bytea not null
);
insert into ruawatch.audit_head (number, hash, base_number, base_hash)
values (0, decode(repeat('00', 32), 'hex'), 0, decode(repeat('00', 32), 'hex')) on conflict do nothing;

-- The hash of a row. The time has one text, in UTC and microseconds.
create or replace function ruawatch.audit_hash(before bytea, number bigint, at timestamptz, body text) returns bytea
language sql immutable parallel safe set search_path = pg_catalog, pg_temp as $$
  select sha256(convert_to(encode(before, 'hex') || E'\n' || number || E'\n'
    || to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') || E'\n' || body, 'UTF8'))
$$;

-- Adds a row. Whoever may call it can neither choose its number, time or hash, nor change a row that is there.
create or replace function ruawatch.audit_append(body text) returns table (number bigint, hash text)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  head ruawatch.audit_head;
  moment timestamptz;
  fresh bytea;
begin
  select * into strict head from ruawatch.audit_head h for update;
  moment := clock_timestamp();
  fresh := ruawatch.audit_hash(head.hash, head.number + 1, moment, body);
  insert into ruawatch.audit (number, at, body, hash) values (head.number + 1, moment, body, fresh);
  update ruawatch.audit_head h set number = head.number + 1, hash = fresh;
  return query select head.number + 1, encode(fresh, 'hex');
end
$$;
revoke all on function ruawatch.audit_append(text) from public;

create or replace view dmarc.requests as
select request_key, kind, domain, summary, state, stage, rule ->> 'rule' as rule, requester, requester_kind, why, finding_key, playbook,
       emergency, digest, created_at, changed_at, expires_at, decided_at, applied_at, ends_at, unreachable_since, outcome
  from ruawatch.requests;

create or replace view dmarc.decisions as
select d.request_key, r.domain, r.kind, d.person, d.stage, d.decision, d.why, d.digest = r.digest as of_this_plan, d.via, d.at
  from ruawatch.decisions d join ruawatch.requests r using (request_key);

create or replace view dmarc.changes as
select c.change_key, c.request_key, r.domain, c.target, c.name, not c.forward as is_return, c.before, c.after, c.state, c.intended_at,
       c.settled_at, c.answer
  from ruawatch.changes c join ruawatch.requests r using (request_key);

create or replace view dmarc.audit as
select number, at, body::jsonb ->> 'actor' as actor, body::jsonb ->> 'verb' as verb, body::jsonb ->> 'object' as object, body,
       encode(hash, 'hex') as hash
  from ruawatch.audit;

-- One opens requests at a time, so that no ceiling is exceeded.
insert into ruawatch.locks (name) values ('requests') on conflict do nothing;
