#!/usr/bin/env bash
# The main job on a fresh machine: learns how the duck of reference.mkv jumps and makes another subject jump like it
# in another place. Installs the Debian packages that it misses, builds, and runs gst-launch on the bundled model.
#   Pipelines/demo.sh [FOLDER]        writes into FOLDER, default: demo
# Other prompts, seeds and modes: PROMPT="a pig in the snow" SEED=7 DEBIAS=normalize Pipelines/demo.sh
set -euo pipefail
root="$(cd "$(dirname "$0")/.." && pwd)"
folder="${1:-demo}"
prompt="${PROMPT:-a fox in the snow}"
seed="${SEED:-3}"
debias="${DEBIAS:-auto}"
reference="${REFERENCE:-$root/Pipelines/reference.mkv}"
reference_prompt="${REFERENCE_PROMPT:-a duck on grass}"

source "$root/Pipelines/packages.sh"
install_packages "${build_packages[@]}" "${run_packages[@]}" imagemagick

echo "== building"
swift build --package-path "$root" -c release -Xswiftc -static-stdlib
export GST_PLUGIN_PATH="$root/.build/release${GST_PLUGIN_PATH:+:$GST_PLUGIN_PATH}"
mkdir -p "$folder"
embedding="$folder/motion.safetensors"
# MPEG-TS: mp4mux would write the time of day, and the same line twice shall give the same bytes.
video="$folder/result.ts"
rm -f "$embedding"

echo "== learning the motion of $reference and generating \"$prompt\""
# Neither branch may wait for the other: an encoder that looks ahead would stop the tee.
unbounded="max-size-time=0 max-size-buffers=0 max-size-bytes=0"
# The whole job is this line: the element learns from the first clip, saves the embedding and applies it.
gst-launch-1.0 filesrc location="$reference" ! decodebin ! \
  motiontransfer prompt="$prompt" reference-prompt="$reference_prompt" motion-embedding="$embedding" \
    seed="$seed" debias-mode="$debias" ! \
  tee name=frames ! queue $unbounded ! videoconvert ! video/x-raw,format=I420 ! x264enc tune=zerolatency ! mpegtsmux ! \
    filesink location="$video" \
  frames. ! queue $unbounded ! pngenc ! multifilesink location="$folder/result-%02d.png"

echo "== contact sheet"
gst-launch-1.0 -q filesrc location="$reference" ! decodebin ! videoconvert ! pngenc ! \
  multifilesink location="$folder/reference-%02d.png"
count=$(find "$folder" -name 'result-*.png' | wc -l)
[ "$count" -gt 8 ] && count=8
sheet=()
for row in reference result; do
  for frame in $(seq 0 $((count - 1))); do sheet+=("$folder/$row-$(printf %02d "$frame").png"); done
done
montage "${sheet[@]}" -filter point -resize 128x128! -tile "${count}x2" -geometry +2+2 "$folder/sheet.png"
rm -f "$folder"/reference-*.png "$folder"/result-*.png

echo "reference:     $reference"
echo "video:         $video"
echo "embedding:     $embedding"
echo "contact sheet: $folder/sheet.png (above: the reference; below: the result)"
