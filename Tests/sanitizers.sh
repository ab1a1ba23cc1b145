#!/usr/bin/env bash
# The plugin under AddressSanitizer, ThreadSanitizer and valgrind: learning, applying, several clips at once, the source,
# errors, starts, stops and seeks. Each of the first two is a build of its own: slow.
#   Tests/sanitizers.sh [address] [thread] [valgrind]      default: all three
set -euo pipefail
root="$(cd "$(dirname "$0")/.." && pwd)"
cd "$root"
runs=("$@")
[ ${#runs[@]} -gt 0 ] || runs=(address thread valgrind)
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
export MOTIONTRANSFER_MODEL="$root/Tests/Goldens/tiny-zeroscope" GST_REGISTRY="$work/registry.bin" GST_REGISTRY_FORK=no
# Leaks are valgrind's part: it knows GLib's own one-time allocations.
export ASAN_OPTIONS=detect_leaks=0:exitcode=9 TSAN_OPTIONS="suppressions=$root/Tests/thread.suppressions exitcode=9"
status=0

# check NAME EXPECTED COMMAND...: exit status as EXPECTED and nothing reported
check() {
  local name="$1" expected="$2" found=0; shift 2
  "${under[@]}" "$@" >"$work/log" 2>&1 || found=$?
  if [ "$found" -eq "$expected" ] && ! grep -qE "ERROR: AddressSanitizer|WARNING: ThreadSanitizer" "$work/log"; then
    echo "ok    $name"
  else
    status=1
    echo "FAIL  $name: status $found"
    grep -v "^ok" "$work/log" | head -n 80
  fi
}

for run in "${runs[@]}"; do
  echo "== $run"
  case "$run" in
  address | thread)
    products="$root/.build/$run/release"
    swift build -c release --scratch-path ".build/$run" --sanitize "$run" --product gstmotiontransfer
    # gst-launch and Python know nothing of sanitizers: the library goes in front of them.
    toolchain="$(dirname "$(dirname "$(readlink -f "$(command -v swift)")")")"
    libraries=("$(find "$toolchain" -name "libclang_rt.${run:0:1}san-x86_64.so" | head -n 1)")
    # ThreadSanitizer's asks for symbols of these.
    [ "$run" = address ] || libraries+=("$toolchain"/lib/swift/linux/lib{dispatch,BlocksRuntime}.so)
    under=(env LD_PRELOAD="${libraries[*]}")
    ;;
  valgrind)
    products="$work/plugin"
    swift build -c release -Xswiftc -static-stdlib --product gstmotiontransfer
    # Without debug information, some of which valgrind cannot read.
    mkdir -p "$products"
    strip -s -o "$products/libgstmotiontransfer.so" "$root/.build/release/libgstmotiontransfer.so"
    # valgrind does not know AVX-512.
    under=(env MOTIONTRANSFER_INSTRUCTION_SET=avx2 OPENBLAS_NUM_THREADS=1 OPENBLAS_CORETYPE=Haswell G_SLICE=always-malloc
      valgrind --leak-check=full --show-leak-kinds=definite --errors-for-leak-kinds=definite --error-exitcode=9
      --suppressions=/usr/share/glib-2.0/valgrind/glib.supp --suppressions="$root/Tests/valgrind.suppressions")
    ;;
  *) echo "$0: found $run, expected address, thread or valgrind" >&2 && exit 64 ;;
  esac
  export GST_PLUGIN_PATH="$products"
  rm -f "$work"/*.*
  # Into the registry; under valgrind it would tell of GStreamer's own leaks.
  inspect=("${under[@]}" gst-inspect-1.0 motiontransfer)
  [ "$run" != valgrind ] || inspect=(gst-inspect-1.0 motiontransfer)
  "${inspect[@]}" >"$work/inspect" 2>&1 || { cat "$work/inspect" && exit 1; }
  source=(videotestsrc num-buffers=10 ! "video/x-raw,width=24,height=16,framerate=8/1")
  generated=(width=24 height=16 num-frames=4 n-threads=2 num-inference-steps=2)
  small=("${generated[@]}" sites=all)
  motion="$work/m.safetensors"
  check "learning and applying" 0 gst-launch-1.0 "${source[@]}" ! motiontransfer "${small[@]}" prompt=cat \
    reference-prompt=ball inversion-steps=2 ddim-inversion-steps=2 motion-embedding="$motion" ! fakesink
  check "learning alone" 0 gst-launch-1.0 "${source[@]}" ! motiontransfer "${small[@]}" mode=learn inversion-steps=2 ddim-inversion-steps=2 \
    learning-checkpoint="$work/state" motion-embedding="$work/n.safetensors" ! fakesink
  check "clips at once" 0 gst-launch-1.0 "${source[@]}" ! motiontransfer "${small[@]}" prompt=cat mode=apply concurrency=2 \
    preview-interval=1 motion-embedding="$motion" ! fakesink
  check "two elements" 0 gst-launch-1.0 "${source[@]}" ! tee name=t ! queue ! motiontransfer "${small[@]}" prompt=cat mode=apply \
    motion-embedding="$motion" ! fakesink t. ! queue ! motiontransfer "${small[@]}" prompt=dog mode=apply ! fakesink
  check "the source" 0 gst-launch-1.0 motiongeneratesrc "${generated[@]}" prompt=cat num-buffers=6 ! fakesink
  head -c 500 "$motion" >"$work/short.safetensors"
  check "a truncated embedding" 1 gst-launch-1.0 "${source[@]}" ! motiontransfer "${small[@]}" prompt=cat mode=apply \
    motion-embedding="$work/short.safetensors" ! fakesink
  # Under valgrind Python reports itself.
  [ "$run" = valgrind ] || check "starts, stops and seeks" 0 /usr/bin/python3 Tests/Soak/soak.py Pipelines/reference.mkv "$motion" 12 20 \
    width=24 height=16 num-frames=4 num-inference-steps=2
done
exit "$status"
