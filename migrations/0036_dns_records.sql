-- What DNS says of own domains, as the watcher saw it: which records, since when, and until when. An answer that did not come (SERVFAIL, a
-- time-out) changes nothing here but `unanswered_since`.

-- The domains that are watched, and when each is asked about next.
create table if not exists ruawatch.dns_watch (
  domain   text primary key,
  due_at   timestamptz not null,
  asked_at timestamptz,
  -- Rounds in a row that nobody answered.
  attempts integer not null default 0
);
create index if not exists dns_watch_due on ruawatch.dns_watch (due_at);

-- The newest answers to each question about a domain.
create table if not exists ruawatch.dns_questions (
  domain            text not null,
  name              text not null,
  type              text not null,
  purpose           text not null,
  -- 'absent': no such name, or no such record (RFC 2308); 'unknown': never answered.
  state             text not null check (state in ('records', 'absent', 'unknown')),
  asked_at          timestamptz not null,
  first_answered_at timestamptz,
  answered_at       timestamptz,
  -- Since when nobody answers, and what the resolver or the last server asked said.
  unanswered_since  timestamptz,
  reason            text,
  -- Since when authoritative servers contradict each other.
  differ_since      timestamptz,
  -- The names that CNAME records lead to.
  aliases           text[] not null default '{}',
  -- [{server, state, reason, values}], one for each server asked.
  answers           jsonb not null,
  primary key (domain, name, type)
);

-- Each value of an answer, from the first time it was seen to the last. A value that comes back has a new row.
create table if not exists ruawatch.dns_records (
  record_key bigint generated always as identity primary key,
  domain     text not null,
  name       text not null,
  type       text not null,
  purpose    text not null,
  value      text not null,
  -- The servers that gave it when it was last seen.
  servers    text[] not null,
  first_seen timestamptz not null,
  last_seen  timestamptz not null,
  -- The first and the number of the answers in a row that lacked it; with `gone_at` it is gone.
  missed_at  timestamptz,
  misses     integer not null default 0,
  gone_at    timestamptz
);
create index if not exists dns_records_of on ruawatch.dns_records (domain, name, type);

-- The authoritative servers of the zones that hold these records.
create table if not exists ruawatch.dns_servers (
  domain        text not null,
  zone          text not null,
  server        text not null,
  address       inet,
  -- Of the zone's SOA record, as the server gave it last.
  serial        bigint,
  asked_at      timestamptz not null,
  answered_at   timestamptz,
  -- Since when it does not answer for the zone: 'silent' (no answer at all), 'lame' (it answers that it does not hold the zone), 'no address'.
  failing_since timestamptz,
  failure       text check (failure in ('silent', 'lame', 'no address')),
  reason        text,
  primary key (domain, zone, server)
);

create or replace view dmarc.dns_records as
  select r.domain, r.purpose, r.name, r.type, r.value, r.gone_at is null as published, r.first_seen, r.last_seen, r.gone_at, r.servers,
         q.aliases, q.asked_at, q.answered_at, q.unanswered_since, q.reason as unanswered_why, q.differ_since
    from ruawatch.dns_records r
    join ruawatch.dns_questions q on q.domain = r.domain and q.name = r.name and q.type = r.type;
