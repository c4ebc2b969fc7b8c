-- A mark that was counted as a death stays until its worker says that it lives, which takes the count back, or for a day.
alter table ruawatch.parsing add column counted boolean not null default false;
