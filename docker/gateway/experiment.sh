#!/bin/sh
# Handshake and close: how a TCP connection is made and unmade, each step seen in the log; and what keep-alive saves.
set -eu
cd "$(dirname "$0")"
. ../lab/common.sh
link=eth0-eth1
url=http://10.78.2.2/hostname
url6=http://[fd78:2::2]/hostname

until_true 30 wobble status
until_true 30 on client curl -sS -o /dev/null --max-time 2 "$url"
until_true 30 on client curl -sS -o /dev/null --max-time 2 "$url6"

say "== 50 ms each way: the handshake takes a round trip"
wobble set "$link" both delay 50ms >/dev/null
seconds=$(connect_time client "$url")
check "connected after $seconds s" between 0.1 "$seconds" 1
seconds=$(connect_time client "$url6")
check "by IPv6 after $seconds s" between 0.1 "$seconds" 1
check "each family in the log" has "$(wobble --json connections --port 80 --limit 2)" '"address": "fd78:1::2"'

say "== the log has each step, on both ends"
id=$(connections 80 | head -n 1)
closed() { wobble --json show "$id" | grep -q '"to": "TIME_WAIT"'; }
until_true 10 closed
wobble show "$id"
transitions=$(wobble --json show "$id")
for state in SYN_SENT SYN_RECEIVED ESTABLISHED FIN_WAIT_1 FIN_WAIT_2 CLOSE_WAIT LAST_ACK TIME_WAIT; do
  check "a transition to $state" has "$transitions" "\"to\": \"$state\""
done

say "== three requests: HTTP/1.1 keeps one connection, HTTP/1.0 makes three"
before=$(count_connections 80)
on client curl -sS --http1.1 -o /dev/null -o /dev/null -o /dev/null "$url" "$url" "$url"
kept=$(($(count_connections 80) - before))
check "keep-alive: $kept connection" [ "$kept" -eq 1 ]
on client curl -sS --http1.0 -o /dev/null -o /dev/null -o /dev/null "$url" "$url" "$url"
made=$(($(count_connections 80) - before - kept))
check "HTTP/1.0: $made connections" [ "$made" -eq 3 ]

say "== nothing passes a cut link"
wobble set "$link" both loss 100% >/dev/null
check "no connection" fails connect_time client "$url"
check "nor by IPv6" fails connect_time client "$url6"
wobble reset "$link" >/dev/null
