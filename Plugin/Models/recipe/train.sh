#!/usr/bin/env bash
# The recipe on a machine with a GPU, torch and safetensors; nothing else of this project is needed there but for `start`.
#   train.sh FOLDER SECONDS [STAGE ...]    stages: start scorer autoencoder video tune; default: video tune
# From nothing, in one command: train.sh FOLDER 600 start autoencoder video
# `start` writes corpus and random weights with `motiontransfer`, which is on the PATH. Without it FOLDER holds corpus.safetensors (or .xz), names.json, model/ (where training starts and what it becomes) and, unless its
# stage runs, scorer/. Stages run one after another: side by side they would share the GPU and gain nothing.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
folder="$1" seconds="$2"
shift 2
[ $# -gt 0 ] || set -- video tune
if [ "$1" = start ]; then
  shift
  atlas="$here/../corpus/sprites.rgba"
  motiontransfer train --stage export --run "$folder" --seed 1 --atlas "$atlas" --output "$folder/model"
  motiontransfer train --stage corpus --run "$folder" --seed 1 --atlas "$atlas" --clips "${CLIPS:-150000}"
fi
cd "$folder"
export PYTHONUNBUFFERED=1
[ -e corpus.safetensors ] || xz -dkc corpus.safetensors.xz >corpus.safetensors
for stage in "$@"; do
  case "$stage" in
    scorer) python3 "$here/train_scorer.py" --corpus corpus.safetensors --names names.json --output scorer --seconds "$seconds" ;;
    autoencoder) python3 "$here/train_autoencoder.py" --corpus corpus.safetensors --model model --seconds "$seconds" ;;
    video) python3 "$here/train_video.py" --corpus corpus.safetensors --model model --seconds "$seconds" ${VIDEO_OPTIONS:---graph} ;;
    tune)
      python3 "$here/tune_motion.py" --corpus corpus.safetensors --model model --scorer scorer --seconds 75 \
        --output tune.jsonl --sheet sheet.jpg ;;
    *) echo "unknown stage $stage" >&2; exit 64 ;;
  esac 2>&1 | tee "$stage.log"
done
