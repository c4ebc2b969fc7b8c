-- Whoever has denied a request may still approve it by break-glass, and both are kept. A deputy's decision takes a place.
alter table ruawatch.decisions add column if not exists in_place_of text;
create unique index if not exists decisions_once on ruawatch.decisions (request_key, person, (decision = 'override'));
alter table ruawatch.decisions drop constraint if exists decisions_pkey;

create or replace view dmarc.decisions as
select d.request_key, r.domain, r.kind, d.person, d.stage, d.decision, d.why, d.digest = r.digest as of_this_plan, d.via, d.at, d.in_place_of
  from ruawatch.decisions d join ruawatch.requests r using (request_key);
