-- What `dns check` finds wrong with the records of own domains, at each round of the watcher. Can be built again.
create table if not exists ruawatch.dns_checks (
  domain      text primary key,
  checked_at  timestamptz not null,
  -- [{code, name, message, text, publish, since}]: `since` is the first round that found it.
  findings    jsonb not null,
  -- Of the SPF record: lookups and empty lookups in the worst case, and the term at which the tenth is exceeded.
  spf_lookups integer,
  spf_voids   integer,
  spf_over    text
);
