#!/usr/bin/env bash
# A whole file: its pictures become generated ones, its sound goes beside them and stays in time.
#   Pipelines/transcode.sh INPUT OUTPUT.mkv [PROPERTY=VALUE ...]
#   Pipelines/transcode.sh walk.mp4 fox.mkv prompt="a fox in the snow" motion-embedding=walk.motion.safetensors
set -euo pipefail
[ $# -ge 2 ] || { sed -n '2,4s/^# \{0,1\}//p' "$0" >&2; exit 64; }
uri() { /usr/bin/python3 -c 'import pathlib, sys; print(pathlib.Path(sys.argv[1]).resolve().as_uri())' "$1"; }
input="$(uri "$1")" output="$(uri "$2")"
shift 2
# A backslash before each character that a pipeline description could take for its own.
escaped() { sed 's/[^a-zA-Z0-9]/\\&/g' <<<"$1"; }
filter="motiontransfer"
for property in "$@"; do filter+=" ${property%%=*}=$(escaped "${property#*=}")"; done
filter+=" ! videoconvert"
# The whole filter is a value in quotes itself.
filter="${filter//\\/\\\\}"
gst-launch-1.0 uritranscodebin source-uri="$input" dest-uri="$output" \
  profile="video/x-matroska:video/x-raw,format=I420->video/x-h264:audio/x-vorbis" video-filter="\"${filter//\"/\\\"}\""
