-- Alerts by webhook go through the outbox too.

alter table ruawatch.outbox drop constraint outbox_kind_check;
alter table ruawatch.outbox
  -- Mail: a finding, a digest of what the cap held back. Webhook: an event, several in one post.
  add constraint outbox_kind_check check (kind in ('finding', 'digest', 'event', 'events')),
  -- The name of the webhook in the settings; null for mail. Its address and secret are not kept here.
  add column webhook text;

-- When it was made into posts for the webhooks there were then, or found to need none.
alter table ruawatch.finding_events add column posted_at timestamptz;
update ruawatch.finding_events set posted_at = at;
create index finding_events_unposted on ruawatch.finding_events (event_key) where posted_at is null;
