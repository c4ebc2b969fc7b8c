-- Whether a row of a day is told by somebody whose word counts: what a person sums up is then what findings rest on.
create or replace view dmarc.reporter_days as
  select domain, source, day, reporter, messages, passed, messages - passed as failed, dkim_aligned, spf_aligned, forwarded,
         failed_forwarded, failed_authenticated, failed_unauthenticated, delivered, quarantined, rejected, failed_delivered,
         signing_domain, trust,
         trust = 'ok' and not exists (
           select from ruawatch.domain_reporters n where n.domain = d.domain and n.reporter = d.reporter and not n.decides) as counts
    from ruawatch.source_days d
   where messages > 0;
