-- What every mail of a finding's thread has in its subject. Null: a mail that an older version made, or one that starts no thread.
alter table ruawatch.outbox add column if not exists thread text;
