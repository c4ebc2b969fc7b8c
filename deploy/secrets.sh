#!/bin/sh
# Creates the secret files and the ruawatch.yaml that docker-compose.yml mounts, if they are missing, and says
# which ones must be filled in. Only the owner can enter the folder; the files are readable, so that the
# container's user can read them.
set -eu
umask 022
folder=${SECRETS_DIR:-"$(dirname "$0")/secrets"}
settings=${RUAWATCH_YAML:-"$(dirname "$0")/../ruawatch.yaml"}
mkdir -p "$folder"
chmod 700 "$folder"

if [ ! -s "$folder/postgres_password" ]; then
  if [ -s "$folder/database_url" ]; then
    echo "$folder/database_url exists but $folder/postgres_password does not: copy the password from the first into the second." >&2
    exit 1
  fi
  od -An -N24 -tx1 /dev/urandom | tr -d ' \n' >"$folder/postgres_password"
fi
if [ ! -s "$folder/database_url" ]; then
  printf 'postgres://ruawatch:%s@postgres:5432/ruawatch\n' "$(cat "$folder/postgres_password")" >"$folder/database_url"
fi
for name in imap_url smtp_url; do
  [ -e "$folder/$name" ] || : >"$folder/$name"
done
[ -e "$settings" ] || echo '# Settings of ruawatch; ruawatch.example.yaml lists them all. No secrets: all services get this file.' >"$settings"
chmod 444 "$folder/postgres_password" "$folder/database_url"
chmod 644 "$folder/imap_url" "$folder/smtp_url"

[ -s "$folder/imap_url" ] || echo "Write the mailbox into $folder/imap_url, such as imaps://user:password@host/INBOX"
[ -s "$folder/smtp_url" ] || echo "Write the mail server for alerts into $folder/smtp_url, such as smtps://user:password@host"
