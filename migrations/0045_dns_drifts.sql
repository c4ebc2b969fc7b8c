-- Where the records of own domains differ from mail-guard.yaml, at each round of the watcher. Can be built again.
create table if not exists ruawatch.dns_drifts (
  domain     text primary key,
  checked_at timestamptz not null,
  -- [{environment, domain, name, code, message, wanted, published, publish, differs, since}]: `since` is the first round that found it.
  drifts     jsonb not null
);
