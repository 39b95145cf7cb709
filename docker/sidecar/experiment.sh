#!/bin/sh
# The slow API: the same request without and with a 3G network before it.
set -eu
cd "$(dirname "$0")"
. ../lab/common.sh
link=host
url=http://app/services

until_true 30 wobble status
until_true 30 on client curl -sS -o /dev/null --max-time 2 "$url"

say "== as it is"
seconds=$(connect_time client "$url")
check "connected after $seconds s" between 0 "$seconds" 0.09

say "== 50 ms each way"
wobble set "$link" both delay 50ms >/dev/null
seconds=$(connect_time client "$url")
check "connected after $seconds s" between 0.1 "$seconds" 1

say "== 3G"
wobble apply "$link" 3g >/dev/null
seconds=$(on client curl -sS -o /dev/null -w '%{time_total}' --max-time 20 "$url")
check "the answer took $seconds s" between 0.15 "$seconds" 20
id=$(connections 80 | head -n 1)
closed() { wobble --json show "$id" | grep -q '"to": "TIME_WAIT"'; }
until_true 10 closed
wobble show "$id"

say "== an app behind a cut link"
wobble set "$link" both loss 100% >/dev/null
check "no connection" fails connect_time client "$url"
wobble reset "$link" >/dev/null
seconds=$(connect_time client "$url")
check "connected again after $seconds s" between 0 "$seconds" 0.09
