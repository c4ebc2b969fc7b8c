-- What each mechanism came to, beyond whether it aligned: what broke is found in the mail that fails, not in shares of all mail.
-- Counted from now on; what is older stays at nothing.

-- Messages with no aligned DKIM pass that bear a signature of the domain's own which did not verify; the same of failing mail alone.
alter table ruawatch.source_days add column if not exists dkim_broken bigint not null default 0;
alter table ruawatch.source_days add column if not exists failed_signed bigint not null default 0;
-- Failing messages whose envelope is a mailing list's or a forwarder's by its name.
alter table ruawatch.source_days add column if not exists failed_list bigint not null default 0;
-- Messages for which the SPF record of the domain could not be evaluated: for good, and for the moment.
alter table ruawatch.source_days add column if not exists spf_permerror bigint not null default 0;
alter table ruawatch.source_days add column if not exists spf_temperror bigint not null default 0;
