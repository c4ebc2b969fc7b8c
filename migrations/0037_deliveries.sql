-- Each recipient's delivery is a fact of its own: of a mail, who got it and for whom the server refused it; of
-- an event or a digest, for whom a mail was made that was not refused, and who is to get another one later.
alter table ruawatch.outbox
  add column if not exists delivered_to text[] not null default '{}',
  add column if not exists refused_for text[] not null default '{}',
  add column if not exists digest_key bigint;
alter table ruawatch.finding_events
  add column if not exists mailed_to text[],
  add column if not exists refused_for text[] not null default '{}';
-- Null in mailed_to and domains: the row is older than these columns.
alter table ruawatch.digests
  add column if not exists digest_key bigint generated always as identity,
  add column if not exists domains text[],
  add column if not exists mailed_to text[],
  add column if not exists refused_for text[] not null default '{}',
  add column if not exists refusals integer not null default 0,
  add column if not exists refusal text,
  add column if not exists retry_at timestamptz;
