-- Since when most mail of a source fails that is the domain's own: until now it stood in the sentence about its class alone,
-- and pages that told it counted again, otherwise. The analyzer writes it with the class, at the source's next report.

alter table ruawatch.sources add column if not exists failing_since date;

create or replace view dmarc.sources as
  select domain, source, class, confidence, why, first_seen, last_seen, messages, passed, messages - passed as failed, classified_at,
         coalesce(name, source) as name, identified_by, evidence, name_confidence, coalesce(grouped_as, source) as grouped_as,
         asn, owner, country, failing_since
    from ruawatch.sources
   where messages > 0;
