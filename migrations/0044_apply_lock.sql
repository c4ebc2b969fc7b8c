-- One applier works at a time.
insert into ruawatch.locks (name) values ('apply') on conflict do nothing;
