-- Rights with the mark of this installation that a target has, that no grant is for, and that could not be ended there.
create table if not exists ruawatch.stray_rights (
  kind   text not null,
  -- The target in the settings, and the name of the right there.
  server text not null,
  name   text not null,
  since  timestamptz not null,
  -- What the target answered last.
  answer text not null,
  primary key (kind, server, name)
);

create or replace view dmarc.stray_rights as select kind, server, name, since, answer from ruawatch.stray_rights;
