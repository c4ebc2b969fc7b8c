-- Only what can be read again is added to the chain: a row that is none would stop every page and report about it.
create or replace function ruawatch.audit_append(body text) returns table (number bigint, hash text)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  head ruawatch.audit_head;
  moment timestamptz;
  fresh bytea;
begin
  if jsonb_typeof(body::jsonb) is distinct from 'object' then raise exception 'a row of the audit chain is a JSON object'; end if;
  select * into strict head from ruawatch.audit_head h for update;
  moment := clock_timestamp();
  fresh := ruawatch.audit_hash(head.hash, head.number + 1, moment, body);
  insert into ruawatch.audit (number, at, body, hash) values (head.number + 1, moment, body, fresh);
  update ruawatch.audit_head h set number = head.number + 1, hash = fresh;
  return query select head.number + 1, encode(fresh, 'hex');
end
$$;
