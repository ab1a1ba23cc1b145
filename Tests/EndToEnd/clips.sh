# Real videos as references: learned in one process, applied in another, on the bundled model.
if ! motiontransfer inspect >/dev/null 2>&1; then
  skip "real clips: no bundled model"
elif [ ! -d "$clips" ]; then
  skip "real clips: no folder $clips"
else
  for clip in "$clips"/*.mp4; do
    name="$(basename "$clip" .mp4)"
    check "learn from $name" gst-launch-1.0 filesrc location="$clip" ! decodebin ! motiontransfer mode=learn \
      inversion-steps=10 motion-embedding="$work/$name.safetensors" ! fakesink
    check "apply $name" gst-launch-1.0 filesrc location="$clip" ! decodebin ! motiontransfer mode=apply \
      prompt="a frog on grass" num-inference-steps=4 motion-embedding="$work/$name.safetensors" ! videoconvert ! \
      video/x-raw,format=I420 ! x264enc ! mp4mux ! filesink location="$work/$name.mp4"
    check "a video came out of $name" bash -c "test \$(stat -c %s '$work/$name.mp4') -gt 1000"
  done
fi
