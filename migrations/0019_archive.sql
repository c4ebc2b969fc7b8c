-- The raw archive is bounded: what is no report goes after a time of its own, and it goes first when the archive is larger than it may be.

-- When the bytes of a mail were deleted by one of these limits; null while they are there, or went with their whole month.
alter table ruawatch.messages add column if not exists raw_gone_at timestamptz;
-- What may be deleted, the oldest first.
create index if not exists messages_droppable on ruawatch.messages (state, message_key) where state in ('ignored', 'quarantined') and raw_gone_at is null;

-- The bytes of each month of raw mail, so that their sum is had without a look at the mails. Null: to be measured again.
create table if not exists ruawatch.raw_stock (
  partition text primary key,
  bytes     bigint,
  -- The size of the partition's file of rows when it was measured: while it is the same, nothing was added.
  file_size bigint
);
