-- The console: who may sign in, what they may see, their sessions, and what they did. Tokens are kept as their
-- SHA-256: whoever reads the tables can sign in with nothing in them.
create table if not exists ruawatch.people (
  person_key   bigint generated always as identity primary key,
  -- What a person signs in with, in lower case.
  name         text not null,
  email        text,
  role         text not null check (role in ('viewer', 'operator', 'admin')),
  -- Sees everything, also what belongs to no domain; otherwise the domains in person_domains.
  all_domains  boolean not null default false,
  -- scrypt, with its parameters and salt; null until a password is chosen.
  password     text,
  -- RFC 6238; in use once it is confirmed. The last step that was used, so that no code is used twice.
  totp_secret  bytea,
  totp_since   timestamptz,
  totp_step    bigint,
  -- Sign-ins that failed since the last that did not.
  failures     integer not null default 0,
  locked_until timestamptz,
  created_at   timestamptz not null,
  created_by   text not null,
  ended_at     timestamptz,
  ended_by     text
);
create unique index if not exists people_name on ruawatch.people (name) where ended_at is null;

create table if not exists ruawatch.person_domains (
  person_key bigint not null references ruawatch.people on delete cascade,
  -- Stands for the names below it, too.
  domain     text not null,
  primary key (person_key, domain)
);

-- A link that is used once: to choose a password, or (the demo's) to sign in. Without a person: to make the first
-- account.
create table if not exists ruawatch.person_links (
  token_hash bytea primary key,
  person_key bigint references ruawatch.people on delete cascade,
  purpose    text not null check (purpose in ('password', 'sign_in')),
  created_at timestamptz not null,
  ends_at    timestamptz not null
);

create table if not exists ruawatch.sessions (
  token_hash bytea primary key,
  person_key bigint not null references ruawatch.people on delete cascade,
  created_at timestamptz not null,
  -- To within a minute.
  used_at    timestamptz not null,
  ends_at    timestamptz not null,
  address    inet,
  agent      text
);
create index if not exists sessions_person on ruawatch.sessions (person_key);
create index if not exists sessions_end on ruawatch.sessions (ends_at);

-- Tokens for programs.
create table if not exists ruawatch.person_tokens (
  token_key  bigint generated always as identity primary key,
  token_hash bytea not null unique,
  person_key bigint not null references ruawatch.people on delete cascade,
  name       text not null,
  scopes     text[] not null,
  created_at timestamptz not null,
  created_by text not null,
  used_at    timestamptz,
  ends_at    timestamptz not null,
  ended_at   timestamptz
);

create table if not exists ruawatch.passkeys (
  credential_id bytea primary key,
  person_key    bigint not null references ruawatch.people on delete cascade,
  public_key    bytea not null,
  counter       bigint not null,
  transports    text[] not null default '{}',
  name          text not null,
  created_at    timestamptz not null,
  used_at       timestamptz
);

-- What people did in the console beside what ruawatch.finding_acts has. Rows are added, never changed.
create table if not exists ruawatch.console_acts (
  act_key    bigint generated always as identity primary key,
  at         timestamptz not null,
  person_key bigint,
  by_name    text not null,
  act        text not null,
  domain     text,
  object     text,
  detail     jsonb not null default '{}'
);
create index if not exists console_acts_at on ruawatch.console_acts (at);
