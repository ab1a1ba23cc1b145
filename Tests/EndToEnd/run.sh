#!/usr/bin/env bash
# Pipelines and commands as a user types them, on the built products. Prints 'N passed, N failed' at the end.
#   Tests/EndToEnd/run.sh
set -uo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
root="$(cd "$here/../.." && pwd)"
products="$root/.build/release"
tiny="$root/Tests/Goldens/tiny-zeroscope"
clips="${MOTIONTRANSFER_CLIPS:-$root/../shared/clips}"
export PATH="$products:$PATH" GST_PLUGIN_PATH="$products" GST_REGISTRY_FORK=no
work="$(mktemp -d)"
export GST_REGISTRY="$work/registry.bin"
trap 'rm -rf "$work"' EXIT
passed=0 failed=0 skipped=0

pass() { passed=$((passed + 1)) && echo "ok    $1"; }
fail() { failed=$((failed + 1)) && echo "FAIL  $1" && sed 's/^/      /' "$work/log" | tail -n 12; }
skip() { skipped=$((skipped + 1)) && echo "skip  $1"; }
# check NAME COMMAND...: the command succeeds; what the command before it said is in $work/said
check() {
  local name="$1"; shift
  [ ! -e "$work/log" ] || mv "$work/log" "$work/said"
  if timeout 300 "$@" >"$work/log" 2>&1; then pass "$name"; else fail "$name"; fi
}
# status EXPECTED TEXT NAME COMMAND...: exit status and a text in the output
status() {
  local expected="$1" text="$2" name="$3"; shift 3
  timeout 300 "$@" >"$work/log" 2>&1
  local found=$?
  if [ "$found" -eq "$expected" ] && grep -qF -- "$text" "$work/log"; then pass "$name"; else
    echo "status $found, expected $expected with: $text" >>"$work/log"; fail "$name"
  fi
}
# The tensors of a safetensors file, without its header.
tensors() { tail -c "+$(($(od -An -t u8 -N8 "$1") + 9))" "$1"; }
for part in loading identity errors interruption tools examples measure motion clips; do
  # shellcheck source=/dev/null
  source "$here/$part.sh"
done

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
