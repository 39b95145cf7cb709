#!/bin/sh
# The flaky database: attached from outside while it serves a pool of connections; slowed down, cut off, given back.
set -eu
cd "$(dirname "$0")"
. ../lab/common.sh
lines() { docker logs --tail "$1" "$id_pool"; }
goes_well() { lines 3 | grep -c ': ok ' | grep -qx 3; }
has_failed() { lines 3 | grep -q 'failed'; }
is_slow() { lines 3 | grep -c ': ok [1-9][0-9][0-9] ms' | grep -qx 3; }

until_true 30 wobble status
until_true 30 goes_well

say "== attached while it runs: nobody notices"
wobble attach "container:$id_database" --port 5432 --name db
check "the pool goes on" goes_well

say "== 50 ms each way: a query takes a round trip"
wobble set db both delay 50ms >/dev/null
until_true 20 is_slow
lines 3
check "100 ms each" is_slow

say "== cut off"
wobble set db both loss 100% >/dev/null
until_true 30 has_failed
lines 3

say "== given back: the pool makes new connections"
wobble reset db >/dev/null
until_true 30 goes_well
wobble connections --port 5432 --limit 10

say "== detached: as if nothing had been"
wobble detach db
until_true 20 goes_well
check "its rules are its own again" sh -c '[ "$(printf "%s\n" "$1" | grep -c lookup)" -eq 3 ]' sh "$(on database ip rule)"
