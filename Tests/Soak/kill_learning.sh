#!/usr/bin/env bash
# Kills learning at random moments: the embedding file is the old one or a whole new one, and learning goes on from its
# checkpoint to the same bytes that it gives undisturbed.
#   Tests/Soak/kill_learning.sh CLIP KILLS
set -euo pipefail
clip="$1" kills="$2"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
learn() {
  motiontransfer learn --reference "$clip" --reference-prompt "a duck on grass" --inversion-steps 60 --seed 3 \
    --learning-checkpoint "$work/state" --checkpoint-seconds 0.05 --output "$1" 2>>"$work/log"
}
motiontransfer learn --reference "$clip" --reference-prompt "a duck on grass" --inversion-steps 60 --seed 3 \
  --output "$work/expected.safetensors" 2>>"$work/log"
echo "old" >"$work/learned.safetensors"
killed=0 resumed=0
while [ "$killed" -lt "$kills" ]; do
  learn "$work/learned.safetensors" &
  job=$!
  sleep "$(python3 -c "import random; print(random.uniform(0.1, 3))")"
  if kill -KILL "$job" 2>/dev/null; then killed=$((killed + 1)); fi
  wait "$job" 2>/dev/null || true
  # Nothing but the old file or the whole new one under the name.
  if [ "$(cat "$work/learned.safetensors" | head -c 3)" != old ]; then
    cmp "$work/learned.safetensors" "$work/expected.safetensors"
    resumed=$((resumed + 1))
    echo "old" >"$work/learned.safetensors"
  elif [ -e "$work/state" ]; then motiontransfer inspect "$work/state" >/dev/null
  fi
done
learn "$work/learned.safetensors"
cmp "$work/learned.safetensors" "$work/expected.safetensors"
[ ! -e "$work/state" ]
echo "killed $killed times, ended with the bytes of an undisturbed run ($((resumed + 1)) whole runs)"
