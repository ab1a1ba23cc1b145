# The plugin loads everywhere and describes itself.
plugin="$products/libgstmotiontransfer.so"
check "gst-inspect finds the element" gst-inspect-1.0 motiontransfer
gst-inspect-1.0 motiontransfer >"$work/inspect" 2>&1
check "every property is described" bash -c "test \$(grep -cE '^  [a-z][a-z-]* +: ' '$work/inspect') -gt 50 && ! grep -E '^  [a-z][a-z-]* +: ' '$work/inspect' | grep -vE ': .{12,}'"
check "no Swift library is needed" bash -c "! ldd '$plugin' | grep -i swift"
check "only the descriptor is exported" bash -c \
  "test \"\$(nm -D --defined-only '$plugin' | grep ' [A-Z] ' | grep -cv gst_plugin_motiontransfer)\" -eq 0"
check "the stripped plugin stays under 20 MB" bash -c \
  "strip -s -o '$work/stripped.so' '$plugin' && test \$(stat -c %s '$work/stripped.so') -lt 20000000"
check "it loads where no model is" env -u MOTIONTRANSFER_MODEL bash -c \
  "mkdir -p '$work/alone' && cp '$plugin' '$work/alone' && GST_PLUGIN_PATH='$work/alone' gst-inspect-1.0 motiontransfer"
check "the command describes the model" bash -c "motiontransfer inspect | grep -q UNet3DConditionModel"
