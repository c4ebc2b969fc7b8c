-- Who a report really came from. `reporter_trust` is the verdict; `trust` is what follows from it: 'ok' counts for the analyzer
-- (authenticated, or not to be checked), 'pending' waits to be verified, 'bad' is kept and shown and judges nothing.
-- What is there already was taken as it came, and stays so.

alter table ruawatch.reports
  add column trust text not null default 'ok' check (trust in ('ok', 'pending', 'bad')),
  -- The domain of the mail's From header, proven when the verdict is not 'unauthenticated'.
  add column trust_domain text;
create index reports_untrusted on ruawatch.reports (domain, received_at) where trust = 'bad';

-- The mails that still have to be verified, and for which report: a mail that brings a known report again may prove it.
create table ruawatch.trust_checks (
  message_key bigint not null,
  report_key  bigint not null,
  attempts    integer not null default 0,
  -- When the sweeper looks after it: soon when its job went missing, later when the name service did not answer.
  due_at      timestamptz not null default now() + interval '1 minute',
  primary key (message_key, report_key)
);
create index trust_checks_due on ruawatch.trust_checks (due_at);
create index trust_checks_report on ruawatch.trust_checks (report_key);
-- While there are some, the analyzer waits for them.
create index trust_checks_fresh on ruawatch.trust_checks (message_key) where attempts = 0;

alter table ruawatch.source_days add column trust text not null default 'ok' check (trust in ('ok', 'pending', 'bad'));
alter table ruawatch.source_days drop constraint source_days_pkey;
alter table ruawatch.source_days add primary key (domain, source, day, reporter, trust);

alter table ruawatch.policy_days add column trust text not null default 'ok' check (trust in ('ok', 'pending', 'bad'));
alter table ruawatch.policy_days drop constraint policy_days_pkey;
alter table ruawatch.policy_days add primary key (domain, day, reporter, policy, trust);

create or replace view dmarc.reports as
  select report_key, message_key, org_name, org_email, report_id, domain, begin_at, end_at,
         policy_p, policy_sp, policy_np, policy_pct, policy_testing, adkim, aspf, discovery_method, generator,
         records, messages, salvaged, reporter_trust, problems, received_at,
         reporter, version, policy_fo, extra_contact_info, errors, duplicates, trust_reason,
         trust, trust_domain
    from ruawatch.reports
   where superseded_by is null;

create or replace view dmarc.superseded_reports as
  select report_key, superseded_by, message_key, org_name, org_email, report_id, domain, begin_at, end_at, records, messages,
         salvaged, problems, received_at, reporter_trust, trust_reason, trust, trust_domain
    from ruawatch.reports
   where superseded_by is not null;

create or replace view dmarc.records as
  select r.report_key, r.n, p.domain, p.org_name, p.begin_at, p.end_at, r.source_ip, r.count, r.disposition, r.dkim_result, r.spf_result,
         coalesce(r.reasons, '[]'::jsonb) as reasons, r.header_from, r.envelope_from, r.envelope_to, r.auth, r.dkim_aligned, r.spf_aligned,
         (r.dkim_aligned or r.spf_aligned) as dmarc_pass, r.source, r.forwarded, r.foreign_dkim, r.foreign_spf, p.trust
    from ruawatch.records r
    join ruawatch.reports p on p.report_key = r.report_key
   where p.superseded_by is null;

create or replace view dmarc.source_days as
  select domain, source, day, sum(messages)::bigint as messages, sum(passed)::bigint as passed, sum(messages - passed)::bigint as failed,
         sum(dkim_aligned)::bigint as dkim_aligned, sum(spf_aligned)::bigint as spf_aligned, sum(forwarded)::bigint as forwarded,
         sum(failed_forwarded)::bigint as failed_forwarded, sum(failed_authenticated)::bigint as failed_authenticated,
         sum(failed_unauthenticated)::bigint as failed_unauthenticated,
         sum(delivered)::bigint as delivered, sum(quarantined)::bigint as quarantined, sum(rejected)::bigint as rejected,
         sum(failed_delivered)::bigint as failed_delivered, count(distinct reporter) as reporters, max(signing_domain) as signing_domain,
         coalesce(sum(messages) filter (where trust <> 'ok'), 0)::bigint as untrusted
    from ruawatch.source_days
   where messages > 0
   group by domain, source, day;

create or replace view dmarc.policy_days as
  select domain, day, reporter, policy, sum(reports)::bigint as reports,
         coalesce(sum(reports) filter (where trust <> 'ok'), 0)::bigint as untrusted
    from ruawatch.policy_days
   where reports > 0
   group by domain, day, reporter, policy;

-- Every report that does not count for the analyzer, whether it stands or not.
create view dmarc.untrusted_reports as
  select r.report_key, r.message_key, r.domain, r.reporter, r.org_name, r.org_email, r.report_id, r.begin_at, r.end_at, r.records,
         r.messages, r.received_at, r.trust, r.reporter_trust, r.trust_reason, r.trust_domain, r.superseded_by
    from ruawatch.reports r
   where r.trust <> 'ok';
