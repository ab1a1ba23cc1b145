#!/usr/bin/env bash
# Long-running conditions on the bundled model: starts, stops, seeks, cancellation, processes that are killed.
#   Tests/Soak/run.sh [--long]       short: a few minutes; long: 1000 starts, 200 seeks, 200 cancellations, 50 kills
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
root="$(cd "$here/../.." && pwd)"
export GST_PLUGIN_PATH="$root/.build/release" PATH="$root/.build/release:$PATH"
starts=60 seeks=60 cancellations=30 kills=5
[ "${1:-}" = --long ] && starts=1000 seeks=200 cancellations=200 kills=50
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
export GST_REGISTRY="$work/registry.bin"
clip="$root/Pipelines/reference.mkv"
motiontransfer learn --reference "$clip" --reference-prompt "a duck on grass" --inversion-steps 2 --ddim-inversion-steps 0 \
  --output "$work/short.safetensors"
status=0
/usr/bin/python3 "$here/soak.py" "$clip" "$work/short.safetensors" "$starts" "$seeks" num-inference-steps=1 || status=1
/usr/bin/python3 "$here/cancellation.py" "$clip" "$cancellations" || status=1
"$here/kill_learning.sh" "$clip" "$kills" || status=1
exit "$status"
