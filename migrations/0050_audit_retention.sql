-- Deletes the oldest rows of the audit chain and keeps the hash of the newest of them, so that the rest can be verified.
-- Nothing younger than a year goes, whoever calls it, and what went is a row of the chain itself.
create or replace function ruawatch.audit_cut(before timestamptz) returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  head ruawatch.audit_head;
  last ruawatch.audit;
  gone bigint;
begin
  select * into strict head from ruawatch.audit_head h for update;
  -- The longest beginning of the chain whose rows are all old: a clock that was set back makes no gap.
  select a.* into last from ruawatch.audit a
   where a.number < coalesce((select min(b.number) from ruawatch.audit b
                               where b.at >= least(before, clock_timestamp() - interval '365 days')), head.number + 1)
   order by a.number desc limit 1;
  if not found then return 0; end if;
  -- A chain that was changed is kept for whoever looks into it.
  if exists (select from (select a.number, a.at, a.body, a.hash, lag(a.hash, 1, head.base_hash) over w as previous_hash,
                                 lag(a.number, 1, head.base_number) over w as previous
                            from ruawatch.audit a where a.number <= last.number window w as (order by a.number)) c
              where c.previous <> c.number - 1 or c.hash <> ruawatch.audit_hash(c.previous_hash, c.number, c.at, c.body)) then
    raise exception 'the audit chain is not intact' using errcode = 'data_corrupted';
  end if;
  delete from ruawatch.audit a where a.number <= last.number;
  get diagnostics gone = row_count;
  update ruawatch.audit_head h set base_number = last.number, base_hash = last.hash;
  -- Canonical JSON, as all bodies.
  perform ruawatch.audit_append(format('{"actor":"approver","hash":"%s","object":"audit","rows":%s,"until":%s,"verb":"audit.cut"}',
    encode(last.hash, 'hex'), gone, last.number));
  return gone;
end
$$;
revoke all on function ruawatch.audit_cut(timestamptz) from public;
