-- Mails that the milter could not judge, without the addresses of their senders.
create or replace view dmarc.unjudged_mails as
select note_key, at, outcome, why, queue_id, peer_ip, header_from_domain from ruawatch.milter_unjudged;
