-- A finding that opens wakes the approver, whose playbooks may have a request for it; otherwise it looks every five seconds.
create or replace function ruawatch.wake_approver() returns trigger language plpgsql as $$
begin
  perform pg_notify('ruawatch_findings', new.kind);
  return null;
end $$;
drop trigger if exists findings_wake_insert on ruawatch.findings;
create trigger findings_wake_insert after insert on ruawatch.findings for each row when (new.state = 'open')
  execute function ruawatch.wake_approver();
drop trigger if exists findings_wake_update on ruawatch.findings;
create trigger findings_wake_update after update of state on ruawatch.findings for each row
  when (new.state = 'open' and old.state <> 'open') execute function ruawatch.wake_approver();
