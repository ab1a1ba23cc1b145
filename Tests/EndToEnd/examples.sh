# What lies in Pipelines runs: Python, C, transcoding with sound, editing, playback, subtitles, controllers.
examples="$root/Pipelines"
clip="$work/example.mkv"
# 24 pictures and three seconds of ticking sound.
launch videotestsrc pattern=ball num-buffers=24 ! "video/x-raw,width=96,height=64,framerate=8/1" ! x264enc tune=zerolatency ! \
  queue ! matroskamux name=mux ! filesink location="$clip" \
  audiotestsrc wave=ticks num-buffers=24 samplesperbuffer=5512 ! "audio/x-raw,rate=44100" ! vorbisenc ! queue ! mux.
small=(model="$tiny" width=24 height=16 num-frames=8 num-inference-steps=1)
moved=("${small[@]}" motion-embedding="$work/cli.safetensors")
frames() { /usr/bin/python3 "$here/timestamps.py" "$1" video | wc -l; }
settings=()
for setting in "${moved[@]}"; do settings+=(--set "$setting"); done

check "example: Python" "$examples/transfer.py" "$clip" "$work/python.mkv" "a cat" "a dog" "${settings[@]}"
check "each clip took its prompt" bash -c "grep -q 'clip 0: a cat' '$work/said' && grep -q 'clip 2: a dog' '$work/said'"
check "as many pictures came out" test "$(frames "$work/python.mkv")" -eq 24
# shellcheck disable=SC2046
check "example: C compiles" cc -Wall -Werror "$examples/transfer.c" -o "$work/transfer" $(pkg-config --cflags --libs gstreamer-1.0)
check "example: C" "$work/transfer" "$clip" "$work/c.mkv" "a cat" "${moved[@]}"
check "both give the same times" cmp <(/usr/bin/python3 "$here/timestamps.py" "$work/python.mkv" video) \
  <(/usr/bin/python3 "$here/timestamps.py" "$work/c.mkv" video)
# A path and a prompt of all that shells, addresses and pipeline descriptions take for their own.
odd="$work/50% #1.mkv" saying="it's a \"cat\" \\ on! grass"
cp "$clip" "$odd"
check "example: transcoding" env GST_DEBUG=motiontransfer:5 GST_DEBUG_NO_COLOR=1 \
  "$examples/transcode.sh" "$odd" "$work/transcoded.mkv" prompt="$saying" "${moved[@]}"
check "its prompt arrived" grep -qF "seed 0, $saying" "$work/said"
check "pictures keep their times" cmp <(/usr/bin/python3 "$here/timestamps.py" "$clip" video) <(/usr/bin/python3 "$here/timestamps.py" "$work/transcoded.mkv" video)
check "sound stays in time" /usr/bin/python3 "$here/ticks.py" "$clip" "$work/transcoded.mkv"
printf '1\n00:00:00,000 --> 00:00:01,000\na cat\n\n2\n00:00:02,000 --> 00:00:03,000\na dog\n' >"$work/prompts.srt"
check "example: subtitles as prompts" env PROMPT="a bird" GST_DEBUG=motiontransfer:6 GST_DEBUG_NO_COLOR=1 "$examples/subtitles.sh" \
  "$clip" "$work/prompts.srt" "$work/subtitles.mkv" "${moved[@]}"
check "each cue was a prompt" bash -c "grep -q 'clip 0: .*a cat' '$work/said' && grep -q 'clip 1: .*a bird' '$work/said' && grep -q 'clip 2: .*a dog' '$work/said'"
check "example: generating" "$examples/generate.sh" "$work/generated.mkv" 2 prompt="a cat" "${moved[@]}"
check "two clips of eight" test "$(frames "$work/generated.mkv")" -eq 16
check "example: controller" "$examples/controller.py" "$work/controlled.mkv" "a cat" "$work/cli.safetensors" "${small[@]}"
check "the controller moved the property" grep -q "motion-scale at the end: 0.750" "$work/said"
check "example: playbin" "$examples/playbin.py" --sinks fake "$clip" prompt="a cat" "${moved[@]}"
check "playbin saw every frame" grep -q "24 frames in, 24 out" "$work/said"
if command -v gst-play-1.0 >/dev/null; then
  check "example: gst-play" env VIDEOSINK="fakesink" AUDIOSINK="fakesink" GST_DEBUG=motiontransfer:5 GST_DEBUG_NO_COLOR=1 \
    "$examples/play.sh" "$odd" prompt="$saying" "${moved[@]}"
  check "its prompt arrived" grep -qF "seed 0, $saying" "$work/said"
else skip "gst-play is not installed"; fi
if command -v ges-launch-1.0 >/dev/null; then
  check "example: editing services" "$examples/ges_effect.sh" "$clip" "$work/edited.mkv" prompt="a cat" "${moved[@]}"
  # Three seconds at the timeline's 30 frames a second.
  check "the timeline keeps its length" test "$(frames "$work/edited.mkv")" -ge 89
else skip "the editing services are not installed"; fi
for video in python c transcoded subtitles generated controlled edited; do
  [ ! -e "$work/$video.mkv" ] || check "players show $video" gst-launch-1.0 -q filesrc location="$work/$video.mkv" ! matroskademux ! \
    h264parse ! "video/x-h264,chroma-format=(string)4:2:0" ! fakesink
done
