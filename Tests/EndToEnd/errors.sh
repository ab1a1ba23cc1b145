# Bad input gives the documented error and exit status, and leaves nothing behind.
generate=(motiontransfer generate --model "$tiny" --num-frames 8 --width 24 --height 16 --prompt "a cat"
  --num-inference-steps 1 --output "$work/bad.rgb")
status 64 "prompt" "no prompt" motiontransfer generate --model "$tiny" --prompt " " --num-frames 2 --width 16 --height 16 --output "$work/bad.rgb"
status 64 "--output" "no output" motiontransfer generate --prompt "a cat"
status 64 "debias" "an unknown mode" "${generate[@]}" --debias-mode sideways
status 64 "multiple of" "an odd size" "${generate[@]}" --width 25
status 64 "num-frames" "zero frames" "${generate[@]}" --num-frames 0
status 64 "noise-prior" "a noise prior without noise" "${generate[@]}" --noise-prior 0.5
status 66 "not a folder" "a missing model" "${generate[@]}" --model "$work/nowhere"
status 66 "No such file" "a missing reference" motiontransfer learn --model "$tiny" --reference "$work/nowhere.mp4" \
  --num-frames 2 --width 16 --height 16 --output "$work/bad.safetensors"
status 65 "tokens" "not a video" bash -c "echo tokens >'$work/text.mp4'; motiontransfer learn --model '$tiny' \
  --reference '$work/text.mp4' --num-frames 2 --width 16 --height 16 --output '$work/bad.safetensors' || { s=\$?; echo tokens; exit \$s; }"
status 65 "expected at least" "too few frames" motiontransfer learn --model "$tiny" --reference "$work/reference.rgb" \
  --num-frames 9 --width 24 --height 16 --output "$work/bad.safetensors"
status 65 "learned with 8 frames of 24x16" "an embedding of another size" "${generate[@]}" --width 32 --motion-embedding "$work/cli.safetensors"
status 65 "does not have" "an embedding of another model" "${generate[@]}" --model "$root/Tests/Goldens/tiny-vpred" \
  --motion-embedding "$work/cli.safetensors"
head -c 1000 "$work/cli.safetensors" >"$work/short.safetensors"
status 65 "short.safetensors" "a truncated embedding" "${generate[@]}" --motion-embedding "$work/short.safetensors"
cp -r "$tiny" "$work/broken" && head -c 5000 "$tiny/unet/diffusion_pytorch_model.safetensors" >"$work/broken/unet/diffusion_pytorch_model.safetensors"
status 65 "diffusion_pytorch_model.safetensors" "a truncated model" "${generate[@]}" --model "$work/broken"
cp -r "$tiny" "$work/hostile" && rm "$work"/hostile/unet/*.safetensors && cp "$root/Tests/Goldens/checkpoints/command.bin" \
  "$work/hostile/unet/diffusion_pytorch_model.bin"
status 65 "diffusion_pytorch_model.bin" "a pickle that would run a command" "${generate[@]}" --model "$work/hostile"
status 73 "make it first" "an output folder that is not there" motiontransfer learn "${options[@]}" "${learning[@]}" \
  --inversion-steps 1 --reference "$work/reference.rgb" --output "$work/nowhere/x.safetensors"
status 64 "no published format" "a format that the method does not have" motiontransfer learn "${options[@]}" "${learning[@]}" \
  --method vmc --reference "$work/reference.rgb" --output "$work/x.pt"
check "nothing is left behind" bash -c "! ls -A '$work' | grep -E 'bad|partial'"

# The same in pipelines: an error message in the right domain, no crash.
source_caps="video/x-raw,width=24,height=16,framerate=8/1"
pipeline() {
  local text="$1" name="$2"; shift 2
  timeout 120 gst-launch-1.0 videotestsrc num-buffers=8 ! "$source_caps" ! motiontransfer num-frames=8 "$@" ! \
    fakesink >"$work/log" 2>&1
  local found=$?
  # 1: an error while running, 255: a state change that failed; a crash would be 128 and more
  if [[ "$found" =~ ^(1|255)$ ]] && grep -qF -- "$text" "$work/log"; then pass "$name"; else
    echo "status $found, expected 1 or 255 with: $text" >>"$work/log"; fail "$name"
  fi
}
small=(model="$tiny" width=24 height=16)
pipeline "prompt" "pipeline without prompt" "${small[@]}"
pipeline "not a folder" "pipeline with a missing model" prompt=x model="$work/nowhere"
pipeline "short.safetensors" "pipeline with a truncated embedding" "${small[@]}" prompt=x motion-embedding="$work/short.safetensors"
pipeline "multiple of" "pipeline with an odd size" model="$tiny" height=16 prompt=x width=25
pipeline "selects no block" "pipeline with sites that are not there" "${small[@]}" prompt=x sites=1280
pipeline "ways" "pipeline with an unknown mode" "${small[@]}" prompt=x debias-mode=sideways
pipeline "does not have" "pipeline with an embedding of another model" model="$root/Tests/Goldens/tiny-vpred" width=24 height=16 \
  prompt=x motion-embedding="$work/cli.safetensors"
pipeline "noise-prior" "pipeline with properties that contradict each other" "${small[@]}" prompt=x mode=apply noise-prior=0.5
check "pipeline that needs more memory than there is" bash -c "! gst-launch-1.0 videotestsrc ! motiontransfer model='$tiny' num-frames=256 \
  width=4096 height=4096 prompt=x ! fakesink >'$work/memory' 2>&1 && grep -q 'take at least' '$work/memory'"
# A disk that fills up while the embedding is saved: the old file stays, nothing lies beside it.
if unshare -rm true 2>/dev/null; then
  mkdir -p "$work/disk"
  check "a full disk" unshare -rm bash -c '
    mount -t tmpfs -o size=16k none "$0/disk" && echo old >"$0/disk/x.safetensors" && head -c 8000 /dev/zero >"$0/disk/ballast"
    timeout 120 gst-launch-1.0 videotestsrc num-buffers=8 ! "$1" ! motiontransfer mode=learn sites=all inversion-steps=1 ddim-inversion-steps=0 \
      num-frames=8 motion-embedding="$0/disk/x.safetensors" "${@:2}" ! fakesink && exit 9
    [ "$(cat "$0/disk/x.safetensors")" = old ] && [ "$(ls -A "$0/disk" | wc -l)" -eq 2 ]' "$work" "$source_caps" "${small[@]}"
  check "a full disk is said to be one" grep -q "No space left" "$work/said"
else
  skip "a full disk: no user namespaces here"
fi
check "zero frames end well" timeout 60 gst-launch-1.0 videotestsrc num-buffers=0 ! motiontransfer model="$tiny" prompt=x ! fakesink
