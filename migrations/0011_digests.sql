-- The weekly digests that were made: one a moment and set of recipients, however many alerters there are.
create table ruawatch.digests (
  -- When it was due.
  due_at     timestamptz not null,
  recipients text[] not null,
  made_at    timestamptz not null,
  primary key (due_at, recipients)
);

alter table ruawatch.outbox drop constraint outbox_kind_check;
alter table ruawatch.outbox
  add constraint outbox_kind_check check (kind in ('finding', 'digest', 'weekly', 'event', 'events'));
