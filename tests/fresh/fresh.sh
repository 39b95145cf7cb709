#!/usr/bin/env bash
# fresh.sh [COMMAND ...]: README's commands, ./dev run and ./dev test, or those that are named, in a minimal Debian with nothing
# but git in it: an empty home, a /run and /tmp of its own, no compiler cache. Its packages come from where this machine has its
# own. Needs root and mmdebstrap; what is made is removed at the end.
set -euo pipefail
cd "$(dirname "$0")/../.."

if [ -z "${WOBBLE_FRESH:-}" ]; then  # what is mounted from here on goes with this mount namespace
  exec env WOBBLE_FRESH=1 unshare --mount --propagation private bash "tests/fresh/fresh.sh" "$@"
fi

sources=()
for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.{list,sources}; do
  if grep -qs bookworm "$file"; then sources+=("$file"); fi
done
[ ${#sources[@]} -gt 0 ] || { echo "skipped: this machine has no package sources of Debian bookworm"; exit 77; }

folder=$(mktemp -d "${TMPDIR:-/tmp}/wobble-fresh-$$-XXXXXX")
root="$folder/root"
clean_up() {
  for place in dev proc sys run tmp; do umount --recursive --lazy "$root/$place" 2>/dev/null || true; done
  rm -rf --one-file-system "$folder"
}
trap clean_up EXIT

mmdebstrap --quiet --variant=minbase --include=git,ca-certificates bookworm "$root" "${sources[@]}"
cp /etc/resolv.conf "$root/etc/resolv.conf"
grep -ls Acquire /etc/apt/apt.conf.d/* | xargs -r cp -t "$root/etc/apt/apt.conf.d"
if [ -n "$(ls -A /usr/local/share/ca-certificates 2>/dev/null)" ]; then  # whom this machine trusts beside the usual
  cp -r /usr/local/share/ca-certificates "$root/usr/local/share"
  chroot "$root" update-ca-certificates >/dev/null
fi
if command -v npm >/dev/null; then echo "registry=$(npm config get registry)" >"$root/root/.npmrc"; fi
for place in dev proc sys; do mount --rbind "/$place" "$root/$place"; done
for place in run tmp; do mount -t tmpfs tmpfs "$root/$place"; done
git clone --quiet . "$root/root/wobble"

inside=(chroot "$root" env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin TERM=dumb \
  NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt bash -c 'cd /root/wobble && exec ./dev "$@"' dev)

# ./dev run, until it says where its page is; it must end well when it is asked to.
run() {
  "${inside[@]}" run >"$folder/run.log" 2>&1 &
  local process=$!
  until grep -q 'http://127.0.0.1:' "$folder/run.log"; do
    kill -0 "$process" 2>/dev/null || { cat "$folder/run.log"; return 1; }
    sleep 1
  done
  kill -TERM "$process"
  wait "$process"
}

[ $# -gt 0 ] || set -- run test
for command in "$@"; do
  began=$SECONDS
  if [ "$command" = run ]; then run; else "${inside[@]}" "$command"; fi
  echo "./dev $command: done after $((SECONDS - began)) s"
done
