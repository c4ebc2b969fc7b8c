-- Messages whose reporter's own verdict contradicts the results in the same record: it says that both mechanisms fail (or one passes) where
-- alignment recomputed from its authentication results says otherwise. Counted from now on; what is older stays at nothing.
alter table ruawatch.source_days add column if not exists contradicted bigint not null default 0;
