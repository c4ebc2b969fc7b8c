-- What is urgent goes first, and is counted apart from the rest.
alter table ruawatch.outbox add column if not exists urgent boolean not null default false;
