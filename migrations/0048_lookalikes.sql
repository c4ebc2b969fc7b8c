-- Names that may be mistaken for own domains, and what DNS said of each: asked a few at a time, within a budget of questions a day.
create table if not exists ruawatch.lookalikes (
  domain     text not null,
  name       text not null,
  -- As people see it, what was changed, and how unlike it is (services/dns/lookalikes).
  shown      text not null,
  kind       text not null,
  rank       real not null,
  due_at     timestamptz not null,
  asked_at   timestamptz,
  -- The first answer: what it found was there before the watch.
  answered_at timestamptz,
  registered boolean,
  baseline   boolean not null default false,
  first_seen timestamptz,
  gone_at    timestamptz,
  servers    text[] not null default '{}',
  -- Null: not answered yet. No mail hosts are '{}', no DMARC record is ''.
  mail_hosts text[],
  dmarc      text,
  -- Most likely a registration of the domain's owner.
  yours      boolean not null default false,
  -- The newest change since the first answer, and what it was before: {mail_hosts, dmarc}.
  change     text check (change in ('registered', 'mail', 'dmarc')),
  changed_at timestamptz,
  before     jsonb,
  ignored_at  timestamptz,
  ignored_by  text,
  ignored_why text,
  primary key (domain, name)
);
create index if not exists lookalikes_due on ruawatch.lookalikes (due_at, rank);
create index if not exists lookalikes_changed on ruawatch.lookalikes (domain) where change is not null;

-- When the candidates of a domain were listed, and a digest of them: they change with the program and the settings.
create table if not exists ruawatch.lookalike_lists (
  domain    text primary key,
  listed_at timestamptz not null,
  digest    text not null
);

-- Questions of a day (UTC), of all processes and domains.
create table if not exists ruawatch.lookalike_days (
  day       date primary key,
  questions integer not null
);

create or replace view dmarc.lookalikes as
  select domain, name, shown, kind, rank, registered, baseline, first_seen, gone_at, servers, mail_hosts, dmarc, yours, change, changed_at,
         asked_at, ignored_at, ignored_by, ignored_why
    from ruawatch.lookalikes where first_seen is not null;
