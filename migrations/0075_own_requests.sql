-- A service that only opens requests of its own kind takes no step of others', whatever its database password is used for: the milter those
-- about held mails, the cluster service those about its addresses. A login that has the rights of a deciding service too is not bound.

create or replace function ruawatch.own_requests() returns trigger language plpgsql security invoker
set search_path = pg_catalog as $$
declare
  was record;
  roles text[];
begin
  if (select rolsuper from pg_roles where rolname = session_user) then
    return new;
  end if;
  roles := array(
    select rolname from pg_roles
     where rolname in ('ruawatch_milter', 'ruawatch_cluster', 'ruawatch_approver', 'ruawatch_console', 'ruawatch_applier')
       and pg_has_role(session_user, oid, 'usage'));
  if not roles && array['ruawatch_milter', 'ruawatch_cluster'] or roles && array['ruawatch_approver', 'ruawatch_console', 'ruawatch_applier'] then
    return new;
  end if;
  if tg_op = 'UPDATE' then was := old; else was := new; end if;
  if 'ruawatch_milter' = any (roles) and was.kind = 'messages.release' and new.kind = 'messages.release' then
    return new;
  end if;
  if 'ruawatch_cluster' = any (roles) and was.requester = 'cluster' and new.requester = 'cluster' and was.requester_kind = 'service'
     and new.requester_kind = 'service' and new.kind = 'dns.change' then
    return new;
  end if;
  raise exception 'This service takes steps of its own requests alone: the milter about held mails, cluster about its addresses.'
    using errcode = 'insufficient_privilege';
end
$$;

drop trigger if exists own_requests on ruawatch.requests;
create trigger own_requests before insert or update on ruawatch.requests for each row execute function ruawatch.own_requests();
