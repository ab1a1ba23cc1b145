# GStreamer's own tools work on the elements, and the documentation says what they are.
pages="$root/Sources/MotionTransfer/MotionTransfer.docc"
check "the page of motiontransfer lists its properties" /usr/bin/python3 "$here/property_table.py" motiontransfer "$pages/Element.md"
check "the page of motiongeneratesrc lists its properties" /usr/bin/python3 "$here/property_table.py" motiongeneratesrc "$pages/GeneratorSource.md"
short=(model="$tiny" width=24 height=16 num-frames=4 num-inference-steps=1 prompt="a cat")
check "nothing leaks" env GST_TRACERS="leaks(check-refs=true)" GST_DEBUG="GST_TRACER:7,leaks:7" GST_DEBUG_NO_COLOR=1 GST_LEAKS_TRACER_SIG=0 \
  gst-launch-1.0 videotestsrc num-buffers=10 ! video/x-raw,framerate=8/1 ! motiontransfer mode=apply concurrency=2 "${short[@]}" ! fakesink
check "the leaks tracer found nothing" bash -c "! grep -E 'object-alive, type-name=\(string\)[A-Z]' '$work/said' && grep -q 'GST_TRACER' '$work/said'"
check "the latency tracer works" bash -c "GST_TRACERS='latency(flags=pipeline+element)' GST_DEBUG=GST_TRACER:7 GST_DEBUG_NO_COLOR=1 gst-launch-1.0 \
  videotestsrc num-buffers=8 ! video/x-raw,framerate=8/1 ! motiontransfer mode=apply model='$tiny' width=24 height=16 num-frames=4 \
  num-inference-steps=1 prompt=cat ! fakesink 2>&1 | grep -q 'element-latency.*motiontransfer'"
mkdir -p "$work/dots"
check "pipelines can be drawn" bash -c "GST_DEBUG_DUMP_DOT_DIR='$work/dots' gst-launch-1.0 motiongeneratesrc num-buffers=2 model='$tiny' width=24 \
  height=16 num-frames=2 num-inference-steps=1 prompt=cat ! fakesink && grep -lq motiongeneratesrc '$work'/dots/*.dot"
check "seeks through a demuxer give the frames asked for" /usr/bin/python3 "$here/seeks.py" "$root/Pipelines/reference.mkv" "$tiny"
check "a log says what each clip is" bash -c "GST_DEBUG=motiontransfer:5 GST_DEBUG_NO_COLOR=1 gst-launch-1.0 videotestsrc num-buffers=4 ! \
  video/x-raw,framerate=8/1 ! motiontransfer mode=apply model='$tiny' width=24 height=16 num-frames=4 num-inference-steps=1 prompt=cat ! \
  fakesink 2>&1 | grep -q 'clip 0: .*cat'"
# Installed for one user, found at once, the model with it.
home="$work/home"
check "install for a user" env HOME="$home" XDG_DATA_HOME="$home/.local/share" "$root/Plugin/install.sh" --user --products "$products"
check "gst-inspect finds it at once" env -u GST_PLUGIN_PATH -u MOTIONTRANSFER_MODEL HOME="$home" XDG_DATA_HOME="$home/.local/share" \
  GST_REGISTRY="$work/user.bin" gst-inspect-1.0 motiongeneratesrc
check "the installed command finds its model" env -u MOTIONTRANSFER_MODEL XDG_DATA_HOME="$home/.local/share" "$home/.local/bin/motiontransfer" inspect
check "the man page tells every option" bash -c "for option in \$(motiontransfer help learn | grep -o -- '--[a-z-]*' | sort -u | grep -v -e '^--help' -e '^--version'); do
  grep -qF -- \"\${option//-/\\\\-}\" '$home/.local/share/man/man1/motiontransfer.1' || { echo missing \$option; exit 1; }; done"
check "the completions are there" grep -q motion-embedding "$home/.local/share/bash-completion/completions/motiontransfer"
export PKG_CONFIG_PATH="$home/.local/lib/pkgconfig"
# shellcheck disable=SC2046
check "a C program builds against the installed library" cc -Wall -Werror "$root/Pipelines/embed.c" -o "$work/embed" \
  $(pkg-config --cflags --libs motiontransfer-1.0)
unset PKG_CONFIG_PATH
check "the C program generates" env LD_LIBRARY_PATH="$home/.local/lib" MOTIONTRANSFER_MODEL="$tiny" "$work/embed" "$work/embedded.rgb" "a cat" \
  "$work/cli.safetensors" num-frames=8 width=24 height=16 num-inference-steps=3 debias-mode=none noise-prior=0.5 guidance-scale=9 seed=7
check "it gives the command's bytes" cmp "$work/none.rgb" "$work/embedded.rgb"
check "it tells what is wrong" bash -c "! LD_LIBRARY_PATH='$home/.local/lib' MOTIONTRANSFER_MODEL='$tiny' '$work/embed' '$work/x.rgb' cat \
  '$work/cli.safetensors' colour=red && ! LD_LIBRARY_PATH='$home/.local/lib' MOTIONTRANSFER_MODEL=/nowhere '$work/embed' '$work/x.rgb' cat"
