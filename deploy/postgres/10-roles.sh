#!/bin/sh
# Run once, by the image of PostgreSQL, when it has made an empty cluster: two roles and the
# database. `stageward_owner` owns the tables and only migrates; `stageward` serves, with the rights
# that `migrate` grants it, so that nothing which serves can rewrite the record.
set -eu
psql --no-psqlrc --set ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --dbname postgres <<'SQL'
\getenv owner_password STAGEWARD_OWNER_PASSWORD
\getenv serving_password STAGEWARD_DATABASE_PASSWORD
create role stageward_owner login password :'owner_password';
create role stageward login password :'serving_password';
-- Sorted by PostgreSQL itself: an image with another C library moves no index entry.
create database stageward owner stageward_owner template template0
  encoding 'UTF8' locale_provider builtin builtin_locale 'C.UTF-8' locale 'C';
revoke all on database stageward from public;
grant connect on database stageward to stageward;
SQL
