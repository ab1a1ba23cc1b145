# On the bundled model: what is generated moves like the reference, and only with the embedding.
if ! motiontransfer inspect >/dev/null 2>&1; then
  skip "motion of the bundled model: no bundled model"
else
  check "learn the demonstration's jump" motiontransfer learn --reference "$root/Pipelines/reference.mkv" \
    --reference-prompt "a duck on grass" --seed 1 --output "$work/jump.safetensors"
  score=0
  control=0
  for prompt in "a fox in the snow" "a star at night" "a pig in the desert"; do
    motiontransfer generate --prompt "$prompt" --seed 3 --motion-embedding "$work/jump.safetensors" --output "$work/moved.rgb" 2>/dev/null
    motiontransfer generate --prompt "$prompt" --seed 3 --output "$work/free.rgb" 2>/dev/null
    with="$(python3 "$here/path_cosine.py" "$work/moved.rgb" 128 128)"
    without="$(python3 "$here/path_cosine.py" "$work/free.rgb" 128 128)"
    echo "      $prompt: cosine with the jump $with, without embedding $without"
    score="$(python3 -c "print($score + $with / 3)")"
    control="$(python3 -c "print($control + $without / 3)")"
  done
  check "the motion is transferred (mean cosine $score, control $control)" \
    python3 -c "import sys; sys.exit(not ($score > 0.8 and $score > $control + 0.3))"
fi
