#!/usr/bin/env bash
# run.sh BUILD_FOLDER SECONDS: each fuzzer for so long, from the kept corpus; what it finds new is kept in the build folder.
set -euo pipefail
corpus="$(cd "$(dirname "$0")" && pwd)/corpus"
cd "$1/tests/fuzz"
for fuzzer in packet_fuzzer link_fuzzer conditions_fuzzer capture_fuzzer ledger_fuzzer request_fuzzer; do
  mkdir -p "found/$fuzzer"
  echo "== $fuzzer, $2 s"
  "./$fuzzer" -max_total_time="$2" -print_final_stats=1 -max_len=65536 "found/$fuzzer" "$corpus/$fuzzer"
done
