#!/usr/bin/env bash
# Every released model that the documentation names, in its released layout with random weights: loads strictly, generates,
# learns and applies an embedding; seconds and peak memory. AnimateDiff's adapters, and with SPOIL=1 all models, are written
# again with a missing, an extra and a misshapen tensor, which the error must name.
# Not part of Tests/run.sh: it needs up to 5 GB of disk at a time and 8 GB of memory.
#   [FRAMES=2] [SIZE=64] [SPOIL=1] PYTHON=venv/bin/python Tests/Large/released.sh [FOLDER] [MODEL ...]
# PYTHON has the packages of Tests/Goldens/requirements.txt. MODEL: zeroscope, modelscope, videocrafter2, animatediff-v1, -v2, -v3.
set -euo pipefail
root="$(cd "$(dirname "$0")/../.." && pwd)"
folder="${1:-$(mktemp -d)}"
shift || true
models=("${@:-}")
[ -n "${models[0]}" ] || models=(zeroscope modelscope videocrafter2 animatediff-v1 animatediff-v2 animatediff-v3)
export PATH="${PRODUCTS:-$root/.build/release}:$PATH"
# Some machines export these; OpenBLAS would obey them with slower kernels than a user's machine has.
unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE
mkdir -p "$folder"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
frames="${FRAMES:-2}" size="${SIZE:-64}"
head -c $((frames * size * size * 3)) /dev/urandom > "$work/reference.rgb"

write() { "${PYTHON:-python3}" "$root/Tests/Goldens/write_released_folder.py" "$@" | tail -n 1; }

# name, command...: seconds and the peak of resident memory, mapped weights included
measure() {
  local name="$1"; shift
  python3 - "$name" "$@" <<'PYTHON'
import resource, subprocess, sys, time
start = time.time()
done = subprocess.run(sys.argv[2:], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
if done.returncode:
    sys.exit(f"{sys.argv[1]} failed: {done.stderr}")
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(f"  {sys.argv[1]}: {time.time() - start:.1f} s, processor {used.ru_utime + used.ru_stime:.1f} s, "
      f"peak memory {used.ru_maxrss / 1048576:.2f} GB")
PYTHON
}

refused() {
  local how="$1" key="$2"; shift 2
  if motiontransfer generate "$@" --prompt "a fox" --num-frames $frames --width $size --height $size --num-inference-steps 1 \
    --output "$work/out.rgb" 2> "$work/error"; then echo "  a checkpoint with a $how tensor was accepted"; exit 1; fi
  grep -q "$key" "$work/error" || { echo "  the error does not name $key:"; cat "$work/error"; exit 1; }
  echo "  $how: $(tail -n 1 "$work/error" | cut -c 1-200)"
}

declare -A key=([missing]=to_q [extra]=to_extra [misshapen]=to_q)
for model in "${models[@]}"; do
  echo "== $model"
  case "$model" in
    animatediff-*)
      [ -d "$folder/stable-diffusion" ] || write stable-diffusion "$folder/stable-diffusion" > /dev/null
      suffix=$([ "$model" = animatediff-v2 ] || echo .ckpt)
      path="$(write "$model" "$folder/$model$suffix")"
      where=(--model "$folder/stable-diffusion" --motion-adapter "$path") ;;
    *)
      path="$(write "$model" "$folder/$model")"
      where=(--model "$path") ;;
  esac
  clip=("${where[@]}" --num-frames $frames --width $size --height $size)
  measure "one denoising step of $frames frames of ${size}x$size" motiontransfer generate "${clip[@]}" --prompt "a fox" \
    --num-inference-steps 1 --output "$work/plain.rgb"
  measure "one learning step" motiontransfer learn "${clip[@]}" --reference "$work/reference.rgb" --reference-prompt "noise" \
    --inversion-steps 1 --ddim-inversion-steps 1 --output "$work/motion.safetensors"
  measure "the embedding applied" motiontransfer generate "${clip[@]}" --prompt "a fox" --motion-embedding "$work/motion.safetensors" \
    --num-inference-steps 1 --output "$work/moved.rgb"
  rm -rf "${folder:?}/$model" "$folder/$model.ckpt"
  if [ -n "${SPOIL:-}" ] || [[ "$model" = animatediff-* ]]; then
    for how in missing extra misshapen; do
      case "$model" in
        animatediff-*) spoiled="$(write "$model" "$folder/spoiled${suffix}" --spoil $how)"
          refused $how "${key[$how]}" --model "$folder/stable-diffusion" --motion-adapter "$spoiled" ;;
        *) spoiled="$(write "$model" "$folder/spoiled" --spoil $how)"; refused $how "${key[$how]}" --model "$spoiled" ;;
      esac
      rm -rf "$folder/spoiled" "$folder/spoiled.ckpt"
    done
  fi
done
