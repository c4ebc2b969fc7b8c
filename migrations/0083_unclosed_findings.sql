-- Who resolves a finding by hand may take that back.

alter table ruawatch.finding_acts drop constraint if exists finding_acts_act_check;
alter table ruawatch.finding_acts add constraint finding_acts_act_check
  check (act in ('acknowledged', 'unacknowledged', 'outgrown', 'snoozed', 'unsnoozed', 'closed', 'unclosed', 'judged', 'assigned', 'unassigned')) not valid;
