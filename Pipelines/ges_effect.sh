#!/usr/bin/env bash
# In an editing timeline: the effect gives as many frames as it takes, so that clip lengths stay.
#   Pipelines/ges_effect.sh INPUT OUTPUT.mkv [PROPERTY=VALUE ...]
set -euo pipefail
[ $# -ge 2 ] || { sed -n '2,3s/^# \{0,1\}//p' "$0" >&2; exit 64; }
input="$(realpath "$1")" output="$(realpath -m "$2")"
shift 2
effect="motiontransfer"
for property in "$@"; do effect+=" ${property// /\\ }"; done
ges-launch-1.0 +clip "$input" +effect "videoconvert ! $effect ! videoconvert" -o "file://$output" \
  -f "video/x-matroska:video/x-raw,format=I420->video/x-h264"
