-- Whose domains are watched. Anybody can report on any domain, and point his own at our mailbox: only what an operator says or DNS proves
-- is `own`, and only that is judged. Names below a domain go with it, unless a row of their own says otherwise.

create table if not exists ruawatch.domains (
  domain        text primary key,
  state         text not null check (state in ('own', 'observed', 'ignored')),
  -- How it came to its state.
  how           text not null check (how in ('listed', 'added', 'confirmed', 'imported', 'upgrade', 'reported', 'ignored')),
  since         timestamptz not null,
  -- A person's word.
  by_name       text,
  why           text,
  -- The organizational domain whose proven mail told of it first, '' for one whose origin was not to be proven; null: nobody's yet.
  vouched_by    text,
  last_reported timestamptz,
  -- When DNS first proved it, from both sides.
  confirmed_at  timestamptz,
  last_checked  timestamptz,
  -- What the last check found, in one sentence.
  reason        text,
  -- When DNS is asked next; null: never, as nothing hangs on it.
  due_at        timestamptz,
  -- Checks in a row that proved nothing; those of them in which nobody could say do not count in `denied`.
  attempts      integer not null default 0,
  denied        integer not null default 0,
  denied_since  timestamptz,
  -- Since when a confirmed domain is no longer proven, by definite answers of several checks.
  lost_since    timestamptz,
  -- It became own: what is stored of it is to be put on the analyzer's list, once more when all transactions before this one have ended.
  history       boolean not null default false,
  history_xid   bigint
);
create index if not exists domains_due on ruawatch.domains (due_at) where due_at is not null;
create index if not exists domains_history on ruawatch.domains (domain) where history;
create index if not exists domains_checked on ruawatch.domains (last_checked) where state = 'observed';

-- How far reports were looked through for their domains, as in ruawatch.enrichment.
create table if not exists ruawatch.domain_scan (
  one         boolean primary key default true check (one),
  scanned_key bigint not null default 0,
  upto_key    bigint,
  upto_xid    bigint
);
insert into ruawatch.domain_scan default values on conflict do nothing;

-- What the nearest row says of a name, its own or that of a name above: 'own', 'ignored', or null.
create or replace function ruawatch.standing_of(name text) returns text language sql stable as $$
  select d.state
    from (select string_to_array(name, '.') as labels) l
   cross join lateral generate_subscripts(l.labels, 1) as i
    join ruawatch.domains d on d.domain = array_to_string(l.labels[i:], '.') and d.state <> 'observed'
   order by i limit 1
$$;
create or replace function ruawatch.is_own(name text) returns boolean language sql stable as $$
  select coalesce(ruawatch.standing_of(name) = 'own', false)
$$;

-- The addresses that a mailbox takes mail for: a rua= that names one of them leads to us.
alter table ruawatch.mailboxes add column if not exists addresses text[] not null default '{}';

-- What was judged until now goes on.
insert into ruawatch.domains (domain, state, how, since, due_at)
select domain, 'own', 'upgrade', now(), now()
  from (select domain from ruawatch.findings union select domain from ruawatch.sender_list) known
 where domain ~ '^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*$' and length(domain) <= 253
on conflict (domain) do nothing;

create or replace view dmarc.domains as
  select domain, state, how, since, confirmed_at, last_checked, reason, lost_since, last_reported from ruawatch.domains;
