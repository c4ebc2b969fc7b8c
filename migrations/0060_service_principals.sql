-- Programs with accounts of their own: they may hold tokens and grants, have an owner (a person) and an end, and never decide.
alter table ruawatch.people add column if not exists kind text not null default 'person' check (kind in ('person', 'service'));
-- Of a service principal: the name or mail address of the person who answers for it, and when it ends.
alter table ruawatch.people add column if not exists owner text;
alter table ruawatch.people add column if not exists ends_at timestamptz;
-- No name of one is a mail address: the groups of approvals have nothing else, so none is ever in one.
do $$ begin
  if not exists (select from pg_constraint where conname = 'people_service') then
    alter table ruawatch.people add constraint people_service check (kind = 'person' or (owner is not null and ends_at is not null
      and role <> 'admin' and name not like '%@%' and email is null and password is null and totp_secret is null and oidc_subject is null));
  end if;
end $$;

-- What a service principal would decide is refused here, whatever wrote it.
create or replace function ruawatch.refuse_service() returns trigger language plpgsql as $$
begin
  if exists (select from ruawatch.people p where p.kind = 'service' and p.name in (new.person, new.in_place_of)) then
    raise exception '% is a service principal, and those never decide', new.person using errcode = '42501';
  end if;
  return new;
end $$;
drop trigger if exists decisions_of_people on ruawatch.decisions;
create trigger decisions_of_people before insert or update on ruawatch.decisions for each row execute function ruawatch.refuse_service();
