#!/usr/bin/env bash
# Fuzzes the readers of outside files with libFuzzer: safetensors, torch zip and pickle, JSON, tokenizer files, motion
# embeddings. Ends with an error at a trap, a hang of a second, or memory above the limit, and leaves the input that did it.
#   Tests/Fuzz/run.sh [LIMIT [READER ...]]      LIMIT: -max_total_time=60 (seconds each, the default), -runs=10000000, ...
# New inputs that reach new code go to .build/fuzz/corpus; Tests/Fuzz/corpus holds the seeds.
set -euo pipefail
cd "$(dirname "$0")/../.."
limit="${1:--max_total_time=60}"
[ $# -gt 0 ] && shift
readers=("$@")
[ ${#readers[@]} -gt 0 ] || readers=(safetensors torch json tokenizer embedding)
MOTIONTRANSFER_FUZZ=1 swift build -c release --sanitize fuzzer --scratch-path .build/fuzz --product Fuzz
status=0
for reader in "${readers[@]}"; do
  echo "== $reader"
  mkdir -p ".build/fuzz/corpus/$reader"
  # Limits: one second an input, 512 MB in all, 128 MB at once; inputs of up to 64 kB.
  FUZZ_READER="$reader" .build/fuzz/release/Fuzz "$limit" -timeout=1 -rss_limit_mb=512 -malloc_limit_mb=128 \
    -max_len=65536 -print_final_stats=1 -artifact_prefix=".build/fuzz/$reader-" \
    ".build/fuzz/corpus/$reader" "Tests/Fuzz/corpus/$reader" >".build/fuzz/$reader.log" 2>&1 || status=1
  grep -E "^stat::|ERROR|SUMMARY|Fatal|Test unit" ".build/fuzz/$reader.log" || tail -n 5 ".build/fuzz/$reader.log"
done
exit "$status"
