-- The rollups as they are kept, by reporter: sums over days or sources are taken from these in one step. dmarc.source_days adds up the
-- reporters of every day first, which takes most of the time of such a query.
create view dmarc.reporter_days as
  select domain, source, day, reporter, messages, passed, messages - passed as failed, dkim_aligned, spf_aligned, forwarded,
         failed_forwarded, failed_authenticated, failed_unauthenticated, delivered, quarantined, rejected, failed_delivered,
         signing_domain, trust
    from ruawatch.source_days
   where messages > 0;

-- For "which records of this source fail?". Most records pass: an index on the others alone costs COPY little.
create index records_failed on ruawatch.records (source) where not (dkim_aligned or spf_aligned);
