# For the experiments: sourced by each, in its own folder. COMPOSE is docker-compose, or "docker compose" (v2).

docker() { command "${DOCKER:-docker}" "$@"; }
# id_SERVICE: the container of each service
eval "$(docker inspect -f 'id_{{index .Config.Labels "com.docker.compose.service"}}={{.Id}}' \
  $(${COMPOSE:-docker-compose} ps -q))"

on() { eval "container=\$id_$1"; shift; docker exec "$container" "$@" </dev/null; }
wobble() { on wobble wobble "$@"; }
say() { printf '%s\n' "$*"; }

# check WHAT CONDITION...: a line, and the end if it does not hold.
check() {
  what=$1; shift
  if "$@"; then say "ok: $what"; else say "FAILED: $what" >&2; exit 1; fi
}

# until_true SECONDS COMMAND...
until_true() {
  left=$1; shift
  until "$@" >/dev/null 2>&1; do
    left=$((left - 1))
    [ "$left" -gt 0 ] || { say "FAILED: not in time: $*" >&2; exit 1; }
    sleep 1
  done
}

# between LEAST VALUE MOST, decimal numbers
between() { awk -v a="$1" -v b="$2" -v c="$3" 'BEGIN { exit !(a <= b && b <= c) }'; }

# ids of connections to a port, newest first
connections() { wobble --json connections --port "$1" --limit 1000 | sed -n 's/^      "id": \([0-9]*\),$/\1/p'; }
count_connections() { connections "$1" | wc -l; }

# connect_time SERVICE URL: in seconds
connect_time() { on "$1" curl -sS -o /dev/null -w '%{time_connect}' --max-time 5 "$2"; }

has() { case $1 in *"$2"*) ;; *) return 1 ;; esac; }
fails() { ! "$@" >/dev/null 2>&1; }
