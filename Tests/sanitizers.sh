#!/usr/bin/env bash
# The element tests under AddressSanitizer and ThreadSanitizer, and pipelines under valgrind. Each builds anew: slow.
#   Tests/sanitizers.sh [address] [thread] [valgrind]      default: all three
set -euo pipefail
cd "$(dirname "$0")/.."
runs=("$@")
[ ${#runs[@]} -gt 0 ] || runs=(address thread valgrind)
for run in "${runs[@]}"; do
  echo "== $run"
  case "$run" in
  address)
    # Leaks are valgrind's part: it knows GLib's own one-time allocations.
    ASAN_OPTIONS=detect_leaks=0 swift test -c release -Xswiftc -enable-testing --scratch-path .build/address --sanitize address \
      --filter ElementTests
    ;;
  thread)
    TSAN_OPTIONS="suppressions=$PWD/Tests/thread.suppressions" swift test -c release -Xswiftc -enable-testing \
      --scratch-path .build/thread --sanitize thread --filter ElementTests
    ;;
  valgrind)
    swift build -c release -Xswiftc -static-stdlib
    # Without AVX-512, which valgrind does not know.
    export GST_PLUGIN_PATH="$PWD/.build/release" MOTIONTRANSFER_INSTRUCTION_SET=avx2 OPENBLAS_NUM_THREADS=1
    export OPENBLAS_CORETYPE=Haswell MOTIONTRANSFER_MODEL="$PWD/Tests/Goldens/tiny-zeroscope" GST_REGISTRY_FORK=no
    work="$(mktemp -d)"
    trap 'rm -rf "$work"' EXIT
    export GST_REGISTRY="$work/registry.bin"
    gst-inspect-1.0 motiontransfer >"$work/inspect"
    check() {
      G_SLICE=always-malloc valgrind --leak-check=full --show-leak-kinds=definite --errors-for-leak-kinds=definite \
        --error-exitcode=9 --suppressions=/usr/share/glib-2.0/valgrind/glib.supp gst-launch-1.0 "$@" 2>&1 |
        grep -E "definitely|ERROR SUMMARY|FATAL|WARNING" || true
      [ "${PIPESTATUS[0]}" -eq 0 ]
    }
    small="width=24 height=16 num-frames=4 n-threads=1"
    source="videotestsrc num-buffers=10 ! video/x-raw,width=24,height=16,framerate=8/1"
    # shellcheck disable=SC2086
    check $source ! motiontransfer $small prompt=cat reference-prompt=ball inversion-steps=2 num-inference-steps=1 \
      motion-embedding="$work/m.safetensors" ! fakesink
    # shellcheck disable=SC2086
    check $source ! motiontransfer $small prompt=cat mode=apply num-inference-steps=1 concurrency=2 \
      motion-embedding="$work/m.safetensors" ! fakesink
    # shellcheck disable=SC2086
    check motiongeneratesrc $small prompt=cat num-inference-steps=1 num-buffers=6 ! fakesink
    ;;
  *) echo "$0: found $run, expected address, thread or valgrind" >&2 && exit 64 ;;
  esac
done
