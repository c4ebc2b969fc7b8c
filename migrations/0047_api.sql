-- Tokens for programs, passkeys, company sign-in, and mails about new sign-ins.

-- Whose token it is: a person's. Programs with accounts of their own may come later.
alter table ruawatch.person_tokens add column if not exists kind text not null default 'person' check (kind in ('person'));
-- The domains that the token is for, with the names below them; null for all that the person sees.
alter table ruawatch.person_tokens add column if not exists domains text[];
alter table ruawatch.person_tokens add column if not exists ended_by text;
create index if not exists person_tokens_person on ruawatch.person_tokens (person_key) where ended_at is null;

-- What a person ends one session by: the hash of its token stays in the table.
alter table ruawatch.sessions add column if not exists session_key bigint generated always as identity;

-- Who a person is at the company's provider (OpenID Connect). The refresh token is encrypted with a key made of the
-- client's secret, which is not in the database.
alter table ruawatch.people add column if not exists oidc_issuer text;
alter table ruawatch.people add column if not exists oidc_subject text;
alter table ruawatch.people add column if not exists oidc_refresh bytea;
-- When the provider last confirmed the person and their groups.
alter table ruawatch.people add column if not exists oidc_checked_at timestamptz;
create unique index if not exists people_oidc on ruawatch.people (oidc_issuer, oidc_subject) where ended_at is null;

-- What a passkey has to sign, once.
create table if not exists ruawatch.challenges (
  challenge_hash bytea primary key,
  -- Who adds a passkey; null where somebody signs in.
  person_key     bigint references ruawatch.people on delete cascade,
  ends_at        timestamptz not null
);

-- Sign-ins from a browser or network that the person had not used before, until the alerter has made the mail.
create table if not exists ruawatch.new_sign_ins (
  sign_in_key bigint generated always as identity primary key,
  name        text not null,
  email       text not null,
  at          timestamptz not null,
  how         text not null,
  address     inet,
  agent       text
);
create index if not exists console_acts_person on ruawatch.console_acts (person_key) where act = 'signed_in';
