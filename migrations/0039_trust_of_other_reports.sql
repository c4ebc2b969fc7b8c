-- Whether TLS and failure reports come from whom they name, as for aggregate reports. Those that are stored already
-- wait for "ruawatch verify".
alter table ruawatch.tls_reports
  add column if not exists reporter_trust text,
  add column if not exists trust text not null default 'pending',
  add column if not exists trust_reason text,
  add column if not exists trust_domain text;
alter table ruawatch.failure_reports
  add column if not exists reporter_trust text,
  add column if not exists trust text not null default 'pending',
  add column if not exists trust_reason text,
  add column if not exists trust_domain text;

-- As trust_checks: reports that wait for the verification of one of the mails that brought them.
create table if not exists ruawatch.other_checks (
  message_key bigint not null,
  kind        text not null check (kind in ('tls', 'failure')),
  report_key  bigint not null,
  attempts    integer not null default 0,
  due_at      timestamptz not null default now() + interval '1 minute',
  primary key (message_key, kind, report_key)
);
create index if not exists other_checks_due on ruawatch.other_checks (due_at);
create index if not exists other_checks_report on ruawatch.other_checks (kind, report_key);

create or replace view dmarc.tls_reports as
  select r.tls_report_key, p.n, r.message_key, r.org_name, r.contact_info, r.report_id, r.begin_at, r.end_at, p.policy_domain, p.policy_type,
         coalesce(p.policy_string, '[]'::jsonb) as policy_string, coalesce(p.mx_host, '[]'::jsonb) as mx_host, p.successful_sessions,
         p.failed_sessions, coalesce(p.failures, 0) as failures, r.problems, r.received_at, r.duplicates,
         r.reporter_trust, r.trust, r.trust_reason, r.trust_domain
    from ruawatch.tls_reports r
    left join ruawatch.tls_policies p on p.tls_report_key = r.tls_report_key
   where r.superseded_by is null;

create or replace view dmarc.superseded_tls_reports as
  select r.tls_report_key, p.n, r.superseded_by, r.message_key, r.org_name, r.contact_info, r.report_id, r.begin_at, r.end_at,
         p.policy_domain, p.policy_type, p.successful_sessions, p.failed_sessions, coalesce(p.failures, 0) as failures, r.problems,
         r.received_at, r.duplicates, r.reporter_trust, r.trust, r.trust_reason, r.trust_domain
    from ruawatch.tls_reports r
    left join ruawatch.tls_policies p on p.tls_report_key = r.tls_report_key
   where r.superseded_by is not null;

create or replace view dmarc.failure_reports as
  select failure_key, message_key, received_at, reporter, domain, source_ip, arrived_at, auth_failure, identity_alignment, delivery_result,
         authentication_results, dkim_domain, dkim_selector, dkim_identity, original_mail_from, original_rcpt_to, original_envelope_id,
         header_from, subject, message_id, incidents, user_agent, form, redacted, problems, duplicates,
         reporter_trust, trust, trust_reason, trust_domain
    from ruawatch.failure_reports;
