-- Under which names an account has been known in approvals. A provider may give an account another address, and whoever has it
-- decides once about a request nevertheless. The account of a provider is the same after it was removed here and came back.
create table if not exists ruawatch.person_names (
  account text not null,
  who     text not null,
  since   timestamptz not null default now(),
  primary key (account, who)
);
create index if not exists person_names_who on ruawatch.person_names (who);

create or replace function ruawatch.person_account(p ruawatch.people) returns text language sql immutable as $$
  select case when p.oidc_subject is null then 'person ' || p.person_key
              else 'provider ' || md5(p.oidc_issuer || ' ' || p.oidc_subject) end
$$;

-- By a trigger, as the owner: no service writes here, and none forgets to.
create or replace function ruawatch.keep_person_names() returns trigger language plpgsql
  security definer set search_path = pg_catalog, pg_temp as $$
begin
  insert into ruawatch.person_names (account, who)
  select ruawatch.person_account(new), lower(n) from unnest(array[new.name, new.email]) n where n is not null
  on conflict do nothing;
  return null;
end $$;
revoke execute on function ruawatch.keep_person_names() from public;
drop trigger if exists people_names on ruawatch.people;
create trigger people_names after insert or update of name, email on ruawatch.people
  for each row when (new.kind = 'person') execute function ruawatch.keep_person_names();

insert into ruawatch.person_names (account, who)
select distinct ruawatch.person_account(p), lower(n) from ruawatch.people p cross join lateral unnest(array[p.name, p.email]) n
 where p.kind = 'person' and n is not null
on conflict do nothing;
