-- Third parties that are to send mail as a domain: what was agreed with them, and what came of it. The request decides.
create table if not exists ruawatch.onboardings (
  request_key     bigint primary key references ruawatch.requests,
  domain          text not null,
  -- The id of a mail service, or a source as in dmarc.sources.
  source          text not null,
  is_service      boolean not null,
  -- Who answers for it, a person or a team.
  owner           text not null,
  -- Messages a day that are expected; null when nobody knows.
  expected_daily  integer check (expected_daily > 0),
  contract_ends   date not null,
  -- The first whole day on which reports show that its mail passes DMARC.
  adopted_at      timestamptz,
  -- The request that withdraws its records and approval, opened when the contract ends.
  end_request_key bigint references ruawatch.requests
);
create index if not exists onboardings_open on ruawatch.onboardings (contract_ends) where end_request_key is null;

create or replace view dmarc.onboardings as
select o.request_key, o.domain, o.source, o.is_service, o.owner, o.expected_daily, o.contract_ends,
       case when e.state = 'done' then 'left'
            when e.state in ('draft', 'pending', 'approved', 'applying', 'active', 'handed_over') then 'leaving'
            when r.state in ('draft', 'pending') then 'asked'
            when r.state in ('approved', 'applying', 'handed_over') then 'publishing'
            when r.state = 'returned' then 'taken_back'
            when r.state in ('active', 'done') and o.adopted_at is not null then 'adopted'
            when r.state in ('active', 'done') then 'watched'
            else 'refused' end as state,
       r.created_at as asked_at, r.applied_at, o.adopted_at, r.ends_at as watched_until, o.end_request_key, r.outcome
  from ruawatch.onboardings o join ruawatch.requests r using (request_key)
  left join ruawatch.requests e on e.request_key = o.end_request_key;
