-- When reports were last read for the check of a domain's records; null: never.
alter table ruawatch.dns_checks add column if not exists seen_at timestamptz;

-- What the newest check of each own domain's records found.
create or replace view dmarc.dns_findings as
  select c.domain, f ->> 'code' as code, f ->> 'severity' as severity, f ->> 'name' as name, f ->> 'message' as message,
         f ->> 'text' as part, f ->> 'publish' as publish, (f ->> 'since')::timestamptz as since, c.checked_at
    from ruawatch.dns_checks c cross join lateral jsonb_array_elements(c.findings) f;
