#!/usr/bin/env bash
# Prompts from a subtitle file: each cue is the prompt of the clips that it covers; elsewhere PROMPT counts.
#   PROMPT="a duck on grass" Pipelines/subtitles.sh INPUT PROMPTS.srt OUTPUT.mkv [PROPERTY=VALUE ...]
set -euo pipefail
[ $# -ge 3 ] || { sed -n '2,3s/^# \{0,1\}//p' "$0" >&2; exit 64; }
input="$1" prompts="$2" output="$3"
shift 3
gst-launch-1.0 filesrc location="$input" ! decodebin ! motiontransfer name=m prompt="${PROMPT:-a duck on grass}" "$@" ! \
  videoconvert ! video/x-raw,format=I420 ! x264enc ! matroskamux ! filesink location="$output" \
  filesrc location="$prompts" ! subparse ! m.text
