# The plugin loads everywhere and describes itself.
plugin="$products/libgstmotiontransfer.so"
check "gst-inspect finds the element" gst-inspect-1.0 motiontransfer
gst-inspect-1.0 motiontransfer >"$work/inspect" 2>&1
for property in prompt negative-prompt reference-prompt model motion-embedding mode debias-mode noise-prior \
  motion-scale sites inversion-steps ddim-inversion-steps learning-rate num-inference-steps guidance-scale \
  guidance-rescale seed num-frames width height short-clip n-threads stats concurrency processing-latency vae-tiling feed-forward-chunk memory-budget gradient-checkpointing qos preview-interval motion-adapter learning-checkpoint first-frame query-key-scale \
  value-scale apply-from apply-until resample noise-initialization scheduler embedding-design loss timestep-sampling arithmetic convolution; do
  check "property $property is described" grep -qE "^  $property *: .{12,}" "$work/inspect"
done
check "no Swift library is needed" bash -c "! ldd '$plugin' | grep -i swift"
check "only the descriptor is exported" bash -c \
  "test \"\$(nm -D --defined-only '$plugin' | grep ' [A-Z] ' | grep -cv gst_plugin_motiontransfer)\" -eq 0"
check "the stripped plugin stays under 20 MB" bash -c \
  "strip -s -o '$work/stripped.so' '$plugin' && test \$(stat -c %s '$work/stripped.so') -lt 20000000"
check "it loads where no model is" env -u MOTIONTRANSFER_MODEL bash -c \
  "mkdir -p '$work/alone' && cp '$plugin' '$work/alone' && GST_PLUGIN_PATH='$work/alone' gst-inspect-1.0 motiontransfer"
check "the command describes the model" bash -c "motiontransfer inspect | grep -q UNet3DConditionModel"
