# Ctrl-C ends long work at once and leaves no file.
long=(--model "$tiny" --num-frames 8 --width 96 --height 96)
motiontransfer generate "${long[@]}" --prompt "a cat" --num-inference-steps 900 --output "$work/long.rgb" >"$work/log" 2>&1 &
job=$!
sleep 2
kill -INT "$job"
wait "$job"
code=$?
if [ "$code" -eq 130 ] && [ ! -e "$work/long.rgb" ]; then pass "an interrupted command exits with 130"; else
  echo "status $code, expected 130" >>"$work/log"; fail "an interrupted command exits with 130"
fi
gst-launch-1.0 videotestsrc num-buffers=8 ! video/x-raw,width=96,height=96 ! motiontransfer model="$tiny" num-frames=8 width=96 \
  height=96 mode=apply prompt="a cat" num-inference-steps=900 ! fakesink >"$work/log" 2>&1 &
job=$!
sleep 2
start=$(date +%s%N)
kill -INT "$job"
wait "$job"
elapsed=$((($(date +%s%N) - start) / 1000000))
if [ "$elapsed" -lt 3000 ]; then pass "an interrupted pipeline ends ($elapsed ms)"; else fail "an interrupted pipeline ends"; fi
