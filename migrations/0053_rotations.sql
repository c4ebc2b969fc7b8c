-- The rotation of a domain's DKIM key: six steps, each of which waits for what makes it safe (docs/changes.md).
create table if not exists ruawatch.rotations (
  rotation_key bigint generated always as identity primary key,
  domain       text not null,
  -- wanted, made, publishing, published, switched, revoking, revoked, removing, done; or stopped, with a reason.
  step         text not null check (step in ('wanted', 'made', 'publishing', 'published', 'switched', 'revoking', 'revoked', 'removing', 'done', 'stopped')),
  asked_by     text not null,
  why          text not null,
  old_selector text,
  new_selector text,
  -- The public key, as a DKIM record.
  record       text,
  -- The request that the step waits for.
  request_key  bigint references ruawatch.requests,
  started_at   timestamptz not null,
  stepped_at   timestamptz not null,
  switched_at  timestamptz,
  -- What the step waits for, or why it stopped.
  waits_for    text
);
create unique index if not exists rotations_open on ruawatch.rotations (domain) where step not in ('done', 'stopped');

create index if not exists requests_playbook on ruawatch.requests (playbook, request_key) where playbook is not null;

create or replace view dmarc.rotations as
select rotation_key, domain, step, asked_by, why, old_selector, new_selector, request_key, started_at, stepped_at, switched_at, waits_for
  from ruawatch.rotations;
