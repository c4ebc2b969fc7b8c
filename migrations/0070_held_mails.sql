-- Mails to recipients about what is held for them.
alter table ruawatch.outbox drop constraint if exists outbox_kind_check;
alter table ruawatch.outbox
  add constraint outbox_kind_check check (kind in ('finding', 'digest', 'weekly', 'event', 'events', 'request', 'sign_in', 'held'));
create index if not exists held_told_recipient on ruawatch.held_told (recipient, at);
