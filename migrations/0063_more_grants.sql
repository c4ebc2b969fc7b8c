-- What a target made when it lent, sealed with a key of whoever asked: nobody who reads the tables can open it. It goes at the end.
alter table ruawatch.grants add column if not exists sealed text;
-- When it was last used, as far as the target says.
alter table ruawatch.grants add column if not exists last_used_at timestamptz;

create or replace view dmarc.grants as
select g.grant_key, g.request_key, g.kind, g.domain, g.holder, g.holder_kind, g.server, g.name, g.scope, g.seconds, g.uses, g.used,
       case when g.state <> 'asked' then g.state when r.state in ('draft', 'pending', 'approved') then 'asked' else 'void' end as state,
       r.created_at as asked_at, r.why, g.applied_at, g.ends_at, g.end_reason, g.end_since, g.ended_at, g.answer, g.last_used_at
  from ruawatch.grants g join ruawatch.requests r using (request_key);

-- Whoever begins an end wakes the applier, which otherwise looks every second.
create or replace function ruawatch.wake_keeper() returns trigger language plpgsql as $$
begin
  perform pg_notify('ruawatch_grants', '');
  return null;
end $$;
drop trigger if exists grants_wake on ruawatch.grants;
create trigger grants_wake after update of state on ruawatch.grants for each row when (new.state = 'ending' and old.state <> 'ending')
  execute function ruawatch.wake_keeper();
