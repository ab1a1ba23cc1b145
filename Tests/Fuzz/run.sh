#!/usr/bin/env bash
# Fuzzes the readers of outside files with libFuzzer: safetensors, torch zip and pickle, JSON, tokenizer files, motion
# embeddings. Stops at the first trap, hang of a second, or megabytes above the limit, and leaves the input that did it.
#   Tests/Fuzz/run.sh [SECONDS PER READER, default 60] [READER ...]
# New inputs that reach new code go to .build/fuzz/corpus; Tests/Fuzz/corpus holds the seeds.
set -euo pipefail
root="$(cd "$(dirname "$0")/../.." && pwd)"
seconds="${1:-60}"
[ $# -gt 0 ] && shift
readers=("$@")
[ ${#readers[@]} -gt 0 ] || readers=(safetensors torch json tokenizer embedding)
cd "$root"
MOTIONTRANSFER_FUZZ=1 swift build -c release --sanitize fuzzer --scratch-path .build/fuzz --product Fuzz
status=0
for reader in "${readers[@]}"; do
  echo "== $reader"
  mkdir -p ".build/fuzz/corpus/$reader"
  # Limits: one second an input, 512 MB in all; inputs of up to 64 kB.
  FUZZ_READER="$reader" .build/fuzz/release/Fuzz -max_total_time="$seconds" -timeout=1 -rss_limit_mb=512 -malloc_limit_mb=128 \
    -max_len=65536 -print_final_stats=1 -verbosity=0 -artifact_prefix=".build/fuzz/$reader-" \
    ".build/fuzz/corpus/$reader" "Tests/Fuzz/corpus/$reader" 2>&1 | tail -n 12 || status=1
done
exit "$status"
