-- A hold queue is that of one machine: the milter there carries out what is decided about its mails.
alter table ruawatch.held_messages add column if not exists host text not null default '';
-- Stands in the header of what is released, so that a copy that nobody knows can be told from a mail that says it is one.
alter table ruawatch.held_messages add column if not exists release_token text not null default md5(gen_random_uuid()::text);
create index if not exists held_queue_ids on ruawatch.held_messages using gin (queue_ids);
insert into ruawatch.locks (name) values ('held store') on conflict do nothing;
