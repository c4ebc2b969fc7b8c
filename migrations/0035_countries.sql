-- The country of an address, where asn_file has countries; and of a source that is a network its owner and country, for those who query.

alter table ruawatch.addresses add column if not exists country text;
alter table ruawatch.sources
  add column if not exists asn     bigint,
  add column if not exists owner   text,
  add column if not exists country text;

-- All addresses are compared with the file again, for their countries.
update ruawatch.enrichment set asn_file = null where asn_file is not null;

create or replace view dmarc.addresses as
  select address, name, confirmed, generic, organization, asn, owner, first_seen, last_seen, looked_up_at, next_at, attempts, last_error, country
    from ruawatch.addresses;

create or replace view dmarc.sources as
  select domain, source, class, confidence, why, first_seen, last_seen, messages, passed, messages - passed as failed, classified_at,
         coalesce(name, source) as name, identified_by, evidence, name_confidence, coalesce(grouped_as, source) as grouped_as,
         asn, owner, country
    from ruawatch.sources
   where messages > 0;
