-- A piece of raw mail may be stored deflated (services/store/pieces.ts). Null: as it came, as all are that are there already. Postgres is
-- still not to compress them itself: what was not deflated here does not get smaller.
alter table ruawatch.raw add column if not exists plain_size integer;
