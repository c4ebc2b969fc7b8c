-- The TTL that a record had at its server when a change of it was intended: plans are made from a resolver, which counts it down.
alter table ruawatch.changes add column if not exists ttl_before integer;
