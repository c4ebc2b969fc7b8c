-- Alerts that the mail server refuses are made again later, as other mails: which events a mail is about, and
-- of an event, how often its mail was refused, why, and when it is due again.
alter table ruawatch.outbox add column if not exists events bigint[];
alter table ruawatch.finding_events
  add column if not exists refusals integer not null default 0,
  add column if not exists refusal text,
  add column if not exists retry_at timestamptz;
