-- What the owner of a domain says of its sources. A person's word stands above what the analyzer infers.

create table ruawatch.sender_list (
  entry_key  bigint generated always as identity primary key,
  -- '*' for every domain.
  domain     text not null,
  -- A source as in ruawatch.sources, or the id of a mail service in the catalogue.
  source     text not null,
  is_service boolean not null default false,
  verdict    text not null check (verdict in ('approved', 'denied')),
  by_name    text not null,
  why        text not null,
  since      timestamptz not null,
  -- When it ends by itself.
  until      timestamptz,
  -- Entries are ended and never deleted: what is here is the history too.
  ended_at   timestamptz,
  ended_by   text,
  ended_why  text
);
create unique index sender_list_live on ruawatch.sender_list (domain, source, is_service) where ended_at is null;
create index sender_list_until on ruawatch.sender_list (until) where ended_at is null and until is not null;

create view dmarc.sender_list as
  select entry_key, domain, source, is_service, verdict, by_name, why, since, until, ended_at, ended_by, ended_why
    from ruawatch.sender_list;

-- `aligned` is what a mail is; a sender is authorized: aligned steadily, or approved by a person.
alter table ruawatch.sources drop constraint sources_class_check;
update ruawatch.sources set class = 'authorized' where class = 'aligned';
alter table ruawatch.sources
  add constraint sources_class_check check (class in ('authorized', 'misaligned', 'forwarded', 'unauthorized', 'unknown'));
