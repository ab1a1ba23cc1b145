# A measurement goes on where it stopped, and says what it cannot use.
measure=(motiontransfer measure --model "$tiny" --scorer "$root/Plugin/Models/scorer" --pairs "$root/Plugin/Models/corpus/pairs.json"
  --method-file "$root/Plugin/Models/corpus/methods.json" --atlas "$root/Plugin/Models/corpus/sprites.rgba" --output "$work/measured"
  --references hop,ball --prompts 1 --num-frames 4 --width 64 --height 64 --set sites=all
  --set inversion-steps=2 --set ddim-inversion-steps=2 --set num-inference-steps=2)
if [ ! -e "$root/Plugin/Models/scorer/scorer.safetensors" ]; then
  skip "measure: no bundled scorer"
else
  status 0 "4 clips, 4 to generate" "measure two pairs" "${measure[@]}" --seeds 1
  status 0 "8 clips, 4 to generate" "measure goes on where it stopped" "${measure[@]}" --seeds 2
  check "measure leaves tables and sheets" bash -c "grep -q '^| recommended | 4 |' '$work/measured/table.md' &&
    file '$work/measured/sheets/hop/frame-00000.png' | grep -q PNG"
  status 64 "expected some of control" "measure names the methods that there are" "${measure[@]}" --methods mine
  status 64 "found no option colour" "measure says which option there is not" "${measure[@]}" --set colour=red
fi
