-- Mail logs: what the servers that send as our domains write about it, joined per message and added up per day.

-- Who delivers lines: a shipper with a token, a syslog connection, or files that were imported.
create table if not exists ruawatch.log_sources (
  source_id      integer generated always as identity primary key,
  name           text not null unique check (name <> ''),
  cluster        text not null default '',
  environment    text not null default '',
  -- What sends when nothing says more.
  workload       text not null default '',
  -- Of the token, which itself is shown once; null: lines come as files, or from networks of `syslog_from`.
  token_sha256   bytea unique,
  -- Networks from which syslog connections are this source's; the most specific one counts.
  syslog_from    cidr[] not null default '{}',
  -- Networks that its mail leaves from.
  egress         cidr[] not null default '{}',
  created_at     timestamptz not null default now(),
  last_seen_at   timestamptz,
  -- Messages that began before are no longer kept: lines of them cannot be joined, and are counted as old.
  dropped_before timestamptz not null default '-infinity'
);

-- Local parts of addresses are kept as HMACs with this key, when the setting `collector.key_file` names none.
create table if not exists ruawatch.log_key (
  only_row boolean primary key default true check (only_row),
  key      text not null
);
insert into ruawatch.log_key (key)
select replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', '') where not exists (select from ruawatch.log_key);

-- The lines of one queue id that were stored in one transaction: {at, hash, program, text, place} each.
create table if not exists ruawatch.log_lines (
  line_key    bigint generated always as identity primary key,
  source_id   integer not null references ruawatch.log_sources,
  host        text not null,
  -- '' of faults that name no message.
  queue_id    text not null,
  received_at timestamptz not null,
  lines       jsonb not null
);
create index if not exists log_lines_of_message on ruawatch.log_lines (source_id, host, queue_id);
create index if not exists log_lines_by_queue_id on ruawatch.log_lines (queue_id) where queue_id <> '';
create index if not exists log_lines_received on ruawatch.log_lines using brin (received_at);

-- Queue ids with lines that are not judged yet.
create table if not exists ruawatch.log_open (
  source_id   integer not null references ruawatch.log_sources,
  host        text not null,
  queue_id    text not null,
  received_at timestamptz not null,
  primary key (source_id, host, queue_id)
);
create index if not exists log_open_due on ruawatch.log_open (received_at);

-- Lines that no parser reads, by program.
create table if not exists ruawatch.log_unparsed (
  source_id integer not null references ruawatch.log_sources,
  program   text not null,
  day       date not null,
  lines     bigint not null,
  -- At most 3, without addresses and names.
  samples   text[] not null default '{}',
  primary key (source_id, program, day)
);

-- A message as one server saw it. Re-injection and hand-over make several rows of one mail: `leads_to` is the next one.
create table if not exists ruawatch.sent_messages (
  message_key        bigint generated always as identity primary key,
  source_id          integer not null references ruawatch.log_sources,
  cluster            text not null,
  environment        text not null,
  workload           text not null,
  host               text not null,
  queue_id           text not null,
  message_id         text,
  started_at         timestamptz not null,
  last_at            timestamptz not null,
  judged_at          timestamptz not null,
  -- The server has said that it is done with it.
  ended              boolean not null default false,
  direction          text not null check (direction in ('out', 'in', 'internal', 'unknown')),
  client_name        text,
  client_ip          inet,
  egress_ip          inet,
  sasl_username      text,
  envelope_domain    text,
  header_domain      text,
  sender_hash        text,
  -- [{domain, selector}]
  signatures         jsonb not null default '[]',
  sign_fault         text[] not null default '{}',
  -- [{program, method, result, domain, selector}]
  verify             jsonb not null default '[]',
  -- [{domain, hash, relay, relay_ip, status, dsn, dmarc_words, words, at, outside}]
  recipients         jsonb not null default '[]',
  -- Queue ids that the next server gave it.
  queued_as          text[] not null default '{}',
  leads_to           bigint,
  -- Of what is in `recipients` and `signatures`: what the rollups contain of it.
  counted            jsonb,
  -- What the lines that were read said further, so that lines that come later can be added.
  draft              jsonb not null,
  line_hashes        text[] not null
);
create index if not exists sent_messages_of_queue_id on ruawatch.sent_messages (source_id, host, queue_id, started_at);
create index if not exists sent_messages_by_queue_id on ruawatch.sent_messages (queue_id);
create index if not exists sent_messages_by_message_id on ruawatch.sent_messages (message_id) where message_id is not null;
create index if not exists sent_messages_judged on ruawatch.sent_messages (judged_at);
create index if not exists sent_messages_started on ruawatch.sent_messages (source_id, started_at);
create index if not exists sent_messages_of_domain on ruawatch.sent_messages (header_domain, started_at desc);

-- Messages that left, by day of their begin (UTC).
create table if not exists ruawatch.sending_days (
  cluster      text not null,
  environment  text not null,
  workload     text not null,
  -- Of the From header when a program logs it, else of MAIL FROM; '' of bounces.
  domain       text not null,
  -- The one whose signature is aligned with the domain, else the first; '' of unsigned mail.
  selector     text not null,
  day          date not null,
  -- Messages that a server outside took for one recipient at least: signed + unsigned.
  sent         bigint not null default 0,
  signed       bigint not null default 0,
  unsigned     bigint not null default 0,
  -- Signed by a domain that is aligned with the domain.
  aligned      bigint not null default 0,
  deferred     bigint not null default 0,
  refused      bigint not null default 0,
  refused_dmarc bigint not null default 0,
  changed_at   timestamptz not null default now(),
  primary key (cluster, environment, workload, domain, selector, day)
);
create index if not exists sending_days_of_domain on ruawatch.sending_days (domain, day);
create index if not exists sending_days_by_day on ruawatch.sending_days (day);

create table if not exists ruawatch.sending_day_recipients (
  cluster          text not null,
  environment      text not null,
  workload         text not null,
  domain           text not null,
  selector         text not null,
  day              date not null,
  -- '' for all beyond the first thousand of a row of sending_days.
  recipient_domain text not null,
  sent             bigint not null default 0,
  refused          bigint not null default 0,
  primary key (cluster, environment, workload, domain, selector, day, recipient_domain)
);
create index if not exists sending_day_recipients_of_domain on ruawatch.sending_day_recipients (domain, day);
create index if not exists sending_day_recipients_by_day on ruawatch.sending_day_recipients (day);

-- What name servers logged of changes to their zones.
create table if not exists ruawatch.log_dns_changes (
  source_id integer not null references ruawatch.log_sources,
  hash      text not null,
  at        timestamptz not null,
  host      text not null,
  program   text not null,
  zone      text not null,
  -- Null when the line names the zone alone.
  name      text,
  type      text,
  action    text not null check (action in ('added', 'deleted', 'changed', 'refused')),
  -- Who asked: an address or the name of a key.
  client    text,
  words     text not null,
  primary key (source_id, hash)
);
create index if not exists log_dns_changes_of_zone on ruawatch.log_dns_changes (zone, at);
create index if not exists log_dns_changes_at on ruawatch.log_dns_changes (at);

-- Bounces (RFC 3464) among the mails of our mailboxes, one row a recipient.
create table if not exists ruawatch.bounces (
  message_key      bigint not null,
  n                integer not null,
  received_at      timestamptz not null,
  -- Of the mail that did not arrive.
  message_id       text,
  recipient_domain text not null,
  action           text not null,
  status           text not null,
  words            text not null,
  dmarc_words      boolean not null,
  reporting_mta    text,
  primary key (message_key, n)
);
create index if not exists bounces_of_message on ruawatch.bounces (message_id) where message_id is not null;
create index if not exists bounces_received on ruawatch.bounces (received_at);

-- One process judges at a time, so that a message and those it leads to are seen together.
insert into ruawatch.locks (name) values ('judge') on conflict do nothing;

create or replace view dmarc.sending_days as
select d.cluster, d.environment, d.workload, d.domain, d.selector, d.day, d.sent, d.signed, d.unsigned, d.aligned, d.deferred,
       d.refused, d.refused_dmarc,
       coalesce((select jsonb_object_agg(r.recipient_domain, r.sent)
                   from ruawatch.sending_day_recipients r
                  where (r.cluster, r.environment, r.workload, r.domain, r.selector, r.day)
                      = (d.cluster, d.environment, d.workload, d.domain, d.selector, d.day) and r.sent > 0), '{}') as by_recipient
  from ruawatch.sending_days d
 where d.sent + d.deferred + d.refused > 0;
