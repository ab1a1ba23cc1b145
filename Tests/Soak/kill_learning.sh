#!/usr/bin/env bash
# Kills learning at random moments: the embedding file is the old one or a whole new one, and learning goes on from its
# checkpoint to the same bytes that it gives undisturbed.
#   Tests/Soak/kill_learning.sh CLIP KILLS
set -euo pipefail
clip="$1" kills="$2"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
learning=(learn --reference "$clip" --reference-prompt "a duck on grass" --inversion-steps 60 --seed 3
  --learning-checkpoint "$work/state" --checkpoint-seconds 0.05 --output "$work/learned.safetensors")
motiontransfer learn --reference "$clip" --reference-prompt "a duck on grass" --inversion-steps 60 --seed 3 \
  --output "$work/expected.safetensors" 2>>"$work/log"
echo "old" >"$work/learned.safetensors"
killed=0 resumed=0
while [ "$killed" -lt "$kills" ]; do
  # Not a function: the process itself shall be killed, not a shell around it.
  motiontransfer "${learning[@]}" 2>>"$work/log" &
  job=$!
  sleep "$(python3 -c "import random; print(random.uniform(0.1, 3))")"
  kill -KILL "$job" 2>/dev/null || true
  status=0
  wait "$job" 2>/dev/null || status=$?
  case "$status" in
  137) killed=$((killed + 1)) ;;
  0) ;;
  *) tail -n 3 "$work/log" >&2 && exit 1 ;;
  esac
  # Nothing but the old file or the whole new one under the name.
  if [ "$(head -c 3 "$work/learned.safetensors" | tr -d '\0')" != old ]; then
    cmp "$work/learned.safetensors" "$work/expected.safetensors"
    resumed=$((resumed + 1))
    echo "old" >"$work/learned.safetensors"
  fi
done
motiontransfer "${learning[@]}" 2>>"$work/log"
cmp "$work/learned.safetensors" "$work/expected.safetensors"
[ ! -e "$work/state" ]
echo "killed $killed times, ended with the bytes of an undisturbed run ($((resumed + 1)) whole runs)"
