#!/usr/bin/env bash
# One denoising step and one learning step with ZeroScope's real configuration (1.41 billion parameters in the UNet) and
# random fp16 weights; reports seconds and peak memory. Not part of Tests/run.sh: it needs 4 GB of disk and 16 GB of memory.
#   PYTHON=venv/bin/python Tests/Large/zeroscope.sh [FOLDER]
# PYTHON has the packages of Tests/Goldens/requirements.txt; FOLDER keeps the written model, default: a temporary one.
set -euo pipefail
root="$(cd "$(dirname "$0")/../.." && pwd)"
folder="${1:-$(mktemp -d)/zeroscope}"
export PATH="$root/.build/release:$PATH"
# Some machines export these; OpenBLAS would obey them with slower kernels than a user's machine has.
unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE

memory=$(awk '/MemAvailable/ { print int($2 / 1048576) }' /proc/meminfo)
mkdir -p "$(dirname "$folder")"
disk=$(df --output=avail -BG "$(dirname "$folder")" | tail -n 1 | tr -dc 0-9)
if [ "$memory" -lt 16 ] || { [ ! -d "$folder" ] && [ "$disk" -lt 5 ]; }; then
  echo "skipped: found $memory GB of memory and $disk GB of disk, expected 16 and 5"
  exit 0
fi
[ -d "$folder" ] || "${PYTHON:-python3}" "$root/Tests/Goldens/write_released_folder.py" zeroscope "$folder"
motiontransfer inspect "$folder" | grep -E "^(unet|native|machine)"

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
size=(--model "$folder" --num-frames 8 --width 256 --height 256)
gst-launch-1.0 -q videotestsrc pattern=ball num-buffers=8 ! video/x-raw,format=RGB,width=256,height=256 ! \
  filesink location="$work/reference.rgb"
measure() {
  local name="$1" status=0; shift
  python3 - "$@" <<'PYTHON' || status=$?
import os, resource, subprocess, sys, time
start = time.time()
process = subprocess.Popen(sys.argv[1:], stderr=subprocess.PIPE, text=True)
stages = []
for line in process.stderr:
    stages.append((line.strip(), time.time()))
status = process.wait()
stages.append(("end", time.time()))
for (stage, begin), (_, end) in zip(stages, stages[1:]):
    print(f"  {stage}: {end - begin:.1f} s")
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1048576
print(f"  whole command: {time.time() - start:.1f} s, peak memory {peak:.2f} GB (mapped weights included)")
sys.exit(status)
PYTHON
  [ "$status" -eq 0 ] || { echo "$name failed"; exit 1; }
}
echo "one denoising step, 8 frames of 256x256, no guidance:"
measure generate motiontransfer generate "${size[@]}" --prompt "a fox" --num-inference-steps 1 --guidance-scale 1 --output "$work/out.rgb"
echo "one learning step, 8 frames of 256x256, the default sites:"
measure learn motiontransfer learn "${size[@]}" --reference "$work/reference.rgb" --reference-prompt "a ball" --inversion-steps 1 \
  --ddim-inversion-steps 0 --output "$work/motion.safetensors"
