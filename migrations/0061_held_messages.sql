-- Mails that wait for a decision. The request decides; what happens to the mail then is a step of this row.
create table if not exists ruawatch.held_messages (
  held_key           bigint generated always as identity primary key,
  request_key        bigint not null unique references ruawatch.requests,
  held_at            timestamptz not null,
  -- Where the mail itself waits: in the hold queue of Postfix, or in held_bodies.
  kept_in            text not null check (kept_in in ('postfix', 'store')),
  -- Its copies in the hold queue: a sender that got no answer sends the same mail again.
  queue_ids          text[] not null,
  -- SHA-256 of the octets, the envelope's sender and its recipients: the same mail is held once.
  identity           text not null,
  -- The own domain that it is about.
  domain             text not null,
  envelope_from      text not null,
  recipients         text[] not null,
  header_from        text,
  header_from_domain text,
  display_name       text,
  subject            text,
  message_id         text,
  peer_ip            inet not null,
  peer_name          text,
  helo               text,
  -- What verification found, as services/requests/held/facts.ts says.
  results            jsonb not null,
  -- As in ruawatch.sources; null when nothing names one.
  source             text,
  source_class       text,
  rule               text not null,
  reason             text not null,
  size               bigint not null,
  sha256             text not null,
  attachments        jsonb not null,
  state              text not null default 'held'
    check (state in ('held', 'releasing', 'released', 'rejected', 'deleted', 'expired', 'lost')),
  -- What a denial asks for.
  denied_as          text check (denied_as in ('reject', 'delete')),
  decided_by         text[],
  decided_at         timestamptz,
  -- A release: when its last octet was about to be sent, and the copy in the hold queue that is let go.
  dot_at             timestamptz,
  copy_id            text,
  -- When the sender was about to be told.
  bounce_at          timestamptz,
  tries              integer not null default 0,
  retry_at           timestamptz,
  answer             text,
  -- Nothing can be said for certain, and a person has to look.
  doubt              boolean not null default false,
  settled_at         timestamptz,
  -- When the copies in the hold queue were gone.
  cleared_at         timestamptz,
  body_gone_at       timestamptz
);
create unique index if not exists held_once on ruawatch.held_messages (identity) where state not in ('expired', 'lost');
create index if not exists held_open on ruawatch.held_messages (state) where state in ('held', 'releasing');
create index if not exists held_to_clear on ruawatch.held_messages (settled_at) where settled_at is not null and cleared_at is null;
create index if not exists held_from on ruawatch.held_messages (header_from_domain, held_at);
create index if not exists held_when on ruawatch.held_messages (held_at);

-- The mails themselves, encrypted (AES-256-GCM) with a key that is in a file.
create table if not exists ruawatch.held_bodies (
  held_key bigint primary key references ruawatch.held_messages,
  sealed   bytea not null
);

-- Recipients who ask for a mail. Asking decides nothing.
create table if not exists ruawatch.held_asks (
  held_key  bigint not null references ruawatch.held_messages,
  recipient text not null,
  why       text not null,
  asked_at  timestamptz not null,
  primary key (held_key, recipient)
);

-- To whom it was said that a mail is held.
create table if not exists ruawatch.held_told (
  held_key  bigint not null references ruawatch.held_messages,
  recipient text not null,
  at        timestamptz not null,
  primary key (held_key, recipient)
);

-- Without addresses, subjects and names: those are for people who decide.
create or replace view dmarc.held_messages as
select h.held_key, h.request_key, h.domain, h.held_at, h.kept_in, h.rule, h.reason, h.header_from_domain, cardinality(h.recipients) as recipients,
       h.peer_ip, h.source, h.source_class, h.results -> 'spf' ->> 'result' as spf_result, h.results -> 'dmarc' ->> 'result' as dmarc_result,
       h.size, h.state, h.decided_at, h.settled_at, h.body_gone_at,
       (select count(*) from ruawatch.held_asks a where a.held_key = h.held_key) as asks
  from ruawatch.held_messages h;
