-- Which messages a worker is about to parse. The row is committed before the work and deleted in the work's own transaction, which
-- holds its lock meanwhile: a row that nobody holds was left behind by a worker that died over it.
create table ruawatch.parsing (
  parsing_key bigint generated always as identity primary key,
  messages    bigint[] not null,
  begun_at    timestamptz not null default now()
);

-- How many workers died while they parsed the message, the first time with others. From 1 on it is parsed with nothing beside it.
alter table ruawatch.messages add column worker_deaths integer not null default 0;
