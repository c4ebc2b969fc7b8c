-- How far each own domain has come with its mail authentication, and its next step: written by the analyzer, from what the watcher saw of the
-- records and what reports say. Can be built again.

-- What the check of the newest round says of the records, as far as the posture rests on it; null before the first such round.
alter table ruawatch.dns_checks add column if not exists records jsonb;
-- The MTA-STS record's id, and the digest of the policy when that id was first seen.
alter table ruawatch.dns_checks add column if not exists sts_id text;
alter table ruawatch.dns_checks add column if not exists sts_digest text;

create table if not exists ruawatch.postures (
  domain     text primary key,
  spf        text not null,
  dkim       text not null,
  dmarc      text not null,
  bimi       text not null,
  mta_sts    text not null,
  tls_rpt    text not null,
  stage      text not null,
  next_step  text not null,
  -- The next step in a sentence, and the TXT record to publish; without a value it is to be removed.
  advice     text not null,
  publish_name  text,
  publish_value text,
  blocked_by text[] not null,
  -- Since when the stage is what it is.
  since      timestamptz not null,
  -- When DNS was asked; null: nobody asked.
  checked_at timestamptz,
  written_at timestamptz not null
);

create or replace view dmarc.posture as
  select domain, spf, dkim, dmarc, bimi, mta_sts, tls_rpt, stage, next_step, advice, publish_name, publish_value, blocked_by, since, checked_at,
         written_at
    from ruawatch.postures;
