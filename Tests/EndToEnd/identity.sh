# The element and the command line give identical bytes, and the same line twice does, too.
size="width=24 height=16"
options=(--model "$tiny" --num-frames 8 --width 24 --height 16)
learning=(--sites all --inversion-steps 6 --learning-rate 0.05 --ddim-inversion-steps 3 --seed 5)
launch() { timeout 300 gst-launch-1.0 -q "$@"; }
raw() { echo "filesrc location=$1 ! rawvideoparse format=rgb $size framerate=8/1"; }

launch videotestsrc pattern=ball num-buffers=8 ! "video/x-raw,format=RGB,width=24,height=16,framerate=8/1" ! \
  filesink location="$work/reference.rgb"
check "learn writes an embedding" motiontransfer learn "${options[@]}" "${learning[@]}" \
  --reference "$work/reference.rgb" --reference-prompt "a ball" --log-losses "$work/losses" \
  --output "$work/cli.safetensors"
check "one loss per line" bash -c "test \$(wc -l <'$work/losses') -eq 6"
check "inspect shows the embedding" bash -c "motiontransfer inspect '$work/cli.safetensors' | grep -q 'final-loss: '"
# shellcheck disable=SC2046
check "the element learns" timeout 300 gst-launch-1.0 $(raw "$work/reference.rgb") ! motiontransfer mode=learn \
  model="$tiny" $size num-frames=8 sites=all inversion-steps=6 learning-rate=0.05 ddim-inversion-steps=3 seed=5 \
  reference-prompt="a ball" motion-embedding="$work/element.safetensors" ! filesink location="$work/passed.rgb"
check "element and command learn the same tensors" cmp <(tensors "$work/cli.safetensors") <(tensors "$work/element.safetensors")
check "learning passes the input through" cmp "$work/reference.rgb" "$work/passed.rgb"

for mode in difference normalize none camera; do
  check "generate, $mode" motiontransfer generate "${options[@]}" --prompt "a cat" --motion-embedding "$work/cli.safetensors" \
    --debias-mode "$mode" --noise-prior 0.5 --num-inference-steps 3 --guidance-scale 9 --seed 7 --output "$work/$mode.rgb"
  # shellcheck disable=SC2046
  check "the element applies, $mode" timeout 300 gst-launch-1.0 $(raw "$work/reference.rgb") ! motiontransfer mode=apply \
    model="$tiny" $size num-frames=8 prompt="a cat" motion-embedding="$work/cli.safetensors" debias-mode="$mode" \
    noise-prior=0.5 num-inference-steps=3 guidance-scale=9 seed=7 ! filesink location="$work/$mode-element.rgb"
  check "element and command give the same bytes, $mode" cmp "$work/$mode.rgb" "$work/$mode-element.rgb"
done
# Low-rank additions to keys, learned and applied by the element.
# shellcheck disable=SC2046
check "the element learns a TAP file" timeout 300 gst-launch-1.0 $(raw "$work/reference.rgb") ! motiontransfer mode=learn \
  model="$tiny" $size num-frames=8 method=tap lora-rank=4 inversion-steps=3 ddim-inversion-steps=0 seed=5 reference-prompt="a ball" \
  learning-checkpoint="$work/tap.state" motion-embedding="$work/tap.safetensors" ! fakesink
check "the file says that it is TAP's" bash -c "motiontransfer inspect '$work/tap.safetensors' | grep -q 'method: tap'"
# shellcheck disable=SC2046
check "the element applies it" timeout 300 gst-launch-1.0 $(raw "$work/reference.rgb") ! motiontransfer mode=apply \
  model="$tiny" $size num-frames=8 prompt="a cat" motion-embedding="$work/tap.safetensors" lora-scale=2 \
  appearance-highway=reference highway-scale=1.3 apply-until=0.5 context-length=6 context-overlap=2 num-inference-steps=4 \
  noise-prior=0 seed=7 ! filesink location="$work/tap-element.rgb"
check "generate applies it" motiontransfer generate "${options[@]}" --prompt "a cat" --motion-embedding "$work/tap.safetensors" \
  --lora-scale 2 --appearance-highway reference --highway-scale 1.3 --apply-until 0.5 --context-length 6 --context-overlap 2 \
  --num-inference-steps 4 --noise-prior 0 --seed 7 --output "$work/tap.rgb"
check "element and command give the same bytes with TAP" cmp "$work/tap.rgb" "$work/tap-element.rgb"
check "the modes differ" bash -c "test \$(md5sum '$work'/{difference,normalize,none,camera}.rgb | cut -c1-32 | sort -u | wc -l) -eq 4"
motiontransfer generate "${options[@]}" --prompt "a cat" --motion-embedding "$work/cli.safetensors" --debias-mode none \
  --noise-prior 0.5 --num-inference-steps 3 --guidance-scale 9 --seed 7 --output "$work/again.rgb" 2>/dev/null
check "the same line twice gives the same bytes" cmp "$work/none.rgb" "$work/again.rgb"
for output in frames/ clip.mp4 clip.mkv; do
  check "generate writes $output" motiontransfer generate "${options[@]}" --prompt "a cat" --num-inference-steps 1 \
    --output "$work/$output"
done
check "eight PNG frames" bash -c "test \$(ls '$work/frames' | wc -l) -eq 8"
