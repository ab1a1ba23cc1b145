#!/usr/bin/env bash
# Plays a file as if it were another: gst-play-1.0 with the element in front of the video sink.
#   Pipelines/play.sh INPUT [PROPERTY=VALUE ...]
# VIDEOSINK, AUDIOSINK: other sinks than GStreamer's choice.
set -euo pipefail
[ $# -ge 1 ] || { sed -n '2,4s/^# \{0,1\}//p' "$0" >&2; exit 64; }
input="$1"
shift
sink="motiontransfer"
# A backslash before each character that a pipeline description could take for its own.
escaped() { sed 's/[^a-zA-Z0-9]/\\&/g' <<<"$1"; }
for property in "$@"; do sink+=" ${property%%=*}=$(escaped "${property#*=}")"; done
# Clips come later than the sound: the sink shows them when they are there.
gst-play-1.0 --no-interactive --videosink="videoconvert ! $sink ! videoconvert ! ${VIDEOSINK:-autovideosink}" \
  --audiosink="${AUDIOSINK:-autoaudiosink}" "$input"
