-- What came to the gateway, signed with a lent key: one row for each message, so that none is carried out twice.
create table if not exists ruawatch.lent_updates (
  update_key  bigint generated always as identity primary key,
  grant_key   bigint not null,
  -- The signature of the message. The same octets, sent again, are the same update.
  mac         bytea not null,
  -- "address:port" of whoever sent it.
  client      text not null,
  received_at timestamptz not null,
  state       text not null default 'received' check (state in ('received', 'intended', 'applied', 'refused', 'failed', 'unknown')),
  -- The code of the answer (RFC 2136 section 2.2).
  rcode       integer,
  answer      text,
  settled_at  timestamptz,
  unique (grant_key, mac)
);
create index if not exists lent_updates_recent on ruawatch.lent_updates (grant_key, received_at);
create index if not exists lent_updates_open on ruawatch.lent_updates (received_at) where settled_at is null;

-- What such an update changes stands with all other changes: request_key is the request of the grant.
alter table ruawatch.changes add column if not exists update_key bigint references ruawatch.lent_updates;
alter table ruawatch.changes drop constraint if exists changes_request_key_position_forward_key;
create unique index if not exists changes_of_request on ruawatch.changes (request_key, position, forward) where update_key is null;
create unique index if not exists changes_of_update on ruawatch.changes (update_key, position) where update_key is not null;

create or replace view dmarc.changes as
select c.change_key, c.request_key, r.domain, c.target, c.name, not c.forward as is_return, c.before, c.after, c.state, c.intended_at,
       c.settled_at, c.answer, c.update_key
  from ruawatch.changes c join ruawatch.requests r using (request_key);

create or replace view dmarc.grant_updates as
select u.update_key, u.grant_key, g.domain, g.holder, u.client, u.received_at, u.state, u.rcode, u.answer, u.settled_at
  from ruawatch.lent_updates u join ruawatch.grants g using (grant_key);
