-- What findings about mail logs need of each row: when its first and its last message began, and whose the key is.
alter table ruawatch.sending_days
  add column if not exists first_at timestamptz not null default now(),
  add column if not exists last_at timestamptz not null default now(),
  -- d= of the signature that `selector` is of; '' of unsigned mail.
  add column if not exists signing_domain text not null default '';

create or replace view dmarc.sending_days as
select d.cluster, d.environment, d.workload, d.domain, d.selector, d.day, d.sent, d.signed, d.unsigned, d.aligned, d.deferred,
       d.refused, d.refused_dmarc,
       coalesce((select jsonb_object_agg(r.recipient_domain, r.sent)
                   from ruawatch.sending_day_recipients r
                  where (r.cluster, r.environment, r.workload, r.domain, r.selector, r.day)
                      = (d.cluster, d.environment, d.workload, d.domain, d.selector, d.day) and r.sent > 0), '{}') as by_recipient,
       d.signing_domain, d.first_at, d.last_at
  from ruawatch.sending_days d
 where d.sent + d.deferred + d.refused > 0;
