#!/usr/bin/env bash
# Video without a reference: a prompt and, if you like, a motion that was learned before.
#   Pipelines/generate.sh OUTPUT.mkv CLIPS [PROPERTY=VALUE ...]
#   Pipelines/generate.sh foxes.mkv 3 prompt="a fox in the snow" motion-embedding=walk.motion.safetensors
set -euo pipefail
[ $# -ge 2 ] || { sed -n '2,4s/^# \{0,1\}//p' "$0" >&2; exit 64; }
output="$1" clips="$2"
shift 2
frames=16
for property in "$@"; do [[ "$property" == num-frames=* ]] && frames="${property#*=}"; done
gst-launch-1.0 motiongeneratesrc num-frames="$frames" num-buffers=$((clips * frames)) "$@" ! \
  videoconvert ! video/x-raw,format=I420 ! x264enc ! matroskamux ! filesink location="$output"
