-- Mails and posts about requests go through the outbox as well.
alter table ruawatch.outbox drop constraint if exists outbox_kind_check;
alter table ruawatch.outbox
  add constraint outbox_kind_check check (kind in ('finding', 'digest', 'weekly', 'event', 'events', 'request')),
  -- The request whose thread a mail belongs to, and the events of requests that it is about.
  add column if not exists request_key bigint,
  add column if not exists request_events bigint[];
create index if not exists outbox_request on ruawatch.outbox (request_key, outbox_key) where request_key is not null;

-- Each recipient of an event of a request is mailed by himself: what became of that.
create table if not exists ruawatch.request_mails (
  event_key  bigint not null references ruawatch.request_events,
  recipient  text not null,
  -- When a mail was made of it, or none was needed any more; null while one is due.
  settled_at timestamptz,
  -- How often the mail server refused it, why, and when another mail is due.
  refusals   integer not null default 0,
  refusal    text,
  retry_at   timestamptz,
  primary key (event_key, recipient)
);
create index if not exists request_mails_due on ruawatch.request_mails (event_key) where settled_at is null;
