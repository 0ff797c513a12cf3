#!/bin/sh
# Makes the databases and accounts of Dagster and of the ledger, once, in an empty server. Passwords
# come from a file in the form of PGPASSFILE: host:port:database:user:password.
set -eu
while IFS=: read -r _host _port database user password; do
    case "$user" in dagster | ledger) ;; *) continue ;; esac
    psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --set database="$database" --set user="$user" \
        --set password="$password" --dbname postgres <<'SQL'
CREATE ROLE :"user" LOGIN PASSWORD :'password';
CREATE DATABASE :"database" OWNER :"user";
REVOKE ALL ON DATABASE :"database" FROM PUBLIC;
SQL
done < "${PGPASS_OF_ACCOUNTS:-/run/secrets/pgpass_database}"
