-- Look-alikes that mail was accepted from: the next mail is no first contact.
create table if not exists ruawatch.milter_contacts (
  name       text primary key,
  first_seen timestamptz not null
);

-- Mails that the milter could not judge, and what became of them.
create table if not exists ruawatch.milter_unjudged (
  note_key           bigint generated always as identity primary key,
  at                 timestamptz not null,
  outcome            text not null check (outcome in ('accept', 'tempfail')),
  why                text not null,
  queue_id           text,
  peer_ip            inet,
  envelope_from      text not null,
  header_from_domain text,
  message_id         text
);
create index if not exists milter_unjudged_at on ruawatch.milter_unjudged (at);

-- The milter looks for the name that a mail comes from, whichever domain it is like.
create index if not exists lookalikes_name on ruawatch.lookalikes (name);
