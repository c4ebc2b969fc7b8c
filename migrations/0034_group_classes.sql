-- The class of a sender is that of its sums. Of a network with a message or two too little is seen for a class; of hundreds of
-- them together it is not, and their mail is most of what such a sender sends.

create or replace view dmarc.sender_groups as
  with sums as (
    select domain, coalesce(grouped_as, source) as grouped_as, count(*) as sources, min(first_seen) as first_seen, max(last_seen) as last_seen,
           sum(messages)::bigint as messages, sum(passed)::bigint as passed,
           (array_agg(coalesce(name, source) order by name_confidence desc nulls last, messages desc, source))[1] as name,
           (array_agg(identified_by order by name_confidence desc nulls last, messages desc, source))[1] as identified_by,
           (array_agg(evidence order by name_confidence desc nulls last, messages desc, source))[1] as evidence,
           max(name_confidence) as name_confidence,
           sum(messages) filter (where class = 'authorized') as authorized,
           sum(confidence::float8 * messages) filter (where class = 'authorized') as sure_authorized,
           sum(messages) filter (where class = 'forwarded') as forwarded,
           sum(confidence::float8 * messages) filter (where class = 'forwarded') as sure_forwarded,
           sum(messages) filter (where class = 'misaligned') as misaligned,
           sum(confidence::float8 * messages) filter (where class = 'misaligned') as sure_misaligned,
           sum(messages) filter (where class = 'unauthorized') as unauthorized,
           sum(confidence::float8 * messages) filter (where class = 'unauthorized') as sure_unauthorized,
           sum(messages) filter (where class = 'unknown') as unknown,
           sum(confidence::float8 * messages) filter (where class = 'unknown') as sure_unknown
      from ruawatch.sources
     where messages > 0
     group by domain, coalesce(grouped_as, source)),
  judged as (
    select s.*, most.class as most, most.confidence, seen.bound,
           case when most.class <> 'unknown' then most.class
                when seen.bound <= 0.5 or s.sources = 1 then 'unknown'
                -- What most of the mail is of which enough was seen by itself.
                when seen.passes then case when greatest(s.authorized, s.forwarded) = s.authorized then 'authorized'
                                           when s.forwarded > 0 then 'forwarded' else 'unknown' end
                when s.identified_by = 'unauthenticated' then 'unauthorized'
                when greatest(s.misaligned, s.unauthorized, s.forwarded) = s.misaligned then 'misaligned'
                when greatest(s.unauthorized, s.forwarded) = s.unauthorized then 'unauthorized'
                when s.forwarded > 0 then 'forwarded' else 'unknown' end as class
      from sums s
      cross join lateral (
        select class, (sure / mails)::real as confidence
          from (values ('authorized', s.authorized, s.sure_authorized), ('forwarded', s.forwarded, s.sure_forwarded),
                       ('misaligned', s.misaligned, s.sure_misaligned), ('unauthorized', s.unauthorized, s.sure_unauthorized),
                       ('unknown', s.unknown, s.sure_unknown)) by_class (class, mails, sure)
         where mails > 0 order by mails desc, class limit 1) most
      -- The lower bound of the Wilson score interval (95 %), as of a single source: services/analyzer/statistics/confidence.ts.
      cross join lateral (
        select passes, greatest(0, (p + 1.9208 / n - 1.96 * sqrt((p * (1 - p) + 0.9604 / n) / n)) / (1 + 3.8416 / n)) as bound
          from (select s.passed * 2 > s.messages as passes, s.messages::float8 as n,
                       greatest(s.passed, s.messages - s.passed)::float8 / s.messages as p) share) seen)
  select domain, grouped_as, name, class,
         (case when class = most then confidence else round((bound * sources / (sources + 1))::numeric, 2) end)::real as confidence,
         identified_by, evidence, name_confidence, sources, first_seen, last_seen, messages, passed, messages - passed as failed
    from judged;
