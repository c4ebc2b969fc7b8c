-- When the analyzer first saw a source: a finding about a network waits for its names, but not for ever. Null: before this migration.
alter table ruawatch.sources add column if not exists examined_at timestamptz;
