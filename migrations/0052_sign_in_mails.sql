-- Mails about new sign-ins go through the outbox as well.
alter table ruawatch.outbox drop constraint if exists outbox_kind_check;
alter table ruawatch.outbox
  add constraint outbox_kind_check check (kind in ('finding', 'digest', 'weekly', 'event', 'events', 'request', 'sign_in'));
