#!/bin/sh
# Run once by the database image when its volume is empty: one database and one owner for each node.
set -eu
for party in bureau bank; do
  if [ "$party" = bureau ]; then password=$BUREAU_DATABASE_PASSWORD; else password=$BANK_DATABASE_PASSWORD; fi
  psql --username postgres --set ON_ERROR_STOP=1 --set party="$party" --set password="$password" <<'SQL'
CREATE ROLE :"party" LOGIN PASSWORD :'password';
CREATE DATABASE :"party" OWNER :"party" ENCODING 'UTF8' TEMPLATE template0;
REVOKE CONNECT ON DATABASE :"party" FROM PUBLIC;
SQL
done
