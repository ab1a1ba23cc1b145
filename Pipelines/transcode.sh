#!/usr/bin/env bash
# A whole file: its pictures become generated ones, its sound goes beside them and stays in time.
#   Pipelines/transcode.sh INPUT OUTPUT.mkv [PROPERTY=VALUE ...]
#   Pipelines/transcode.sh walk.mp4 fox.mkv prompt="a fox in the snow" motion-embedding=walk.motion.safetensors
set -euo pipefail
[ $# -ge 2 ] || { sed -n '2,4s/^# \{0,1\}//p' "$0" >&2; exit 64; }
input="$(realpath "$1")" output="$(realpath -m "$2")"
shift 2
# Each value in quotes: prompts have spaces.
filter="motiontransfer"
for property in "$@"; do filter+=" ${property%%=*}='${property#*=}'"; done
gst-launch-1.0 uritranscodebin source-uri="file://$input" dest-uri="file://$output" \
  profile="video/x-matroska:video/x-h264:audio/x-vorbis" video-filter="$filter ! videoconvert"
