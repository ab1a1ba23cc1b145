#!/usr/bin/env bash
# Installs the plugin, the command line with its man page and shell completions, the bundled model, and the C library.
#   Plugin/install.sh [--user | --system] [--products FOLDER]
# --user     (default) into ~/.local, where gst-inspect-1.0 finds the plugin at once
# --system   into PREFIX (default /usr/local) and GStreamer's own plugin folder
# --products the folder of what `swift build` made; default: built here, which needs Swift 6.3
# DESTDIR is put before all paths, for packages.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
root="$(cd "$here/.." && pwd)"
mode=user products=""
while [ $# -gt 0 ]; do
  case "$1" in
  --user | --system) mode="${1#--}" ;;
  --products) products="$(cd "${2:?a folder}" && pwd)" && shift ;;
  *) sed -n '2,7s/^# \{0,1\}//p' "$0" >&2 && exit 64 ;;
  esac
  shift
done
if [ -z "$products" ]; then
  swift build --package-path "$root" -c release -Xswiftc -static-stdlib
  products="$root/.build/release"
fi
if [ "$mode" = user ]; then
  data="${XDG_DATA_HOME:-$HOME/.local/share}" programs="$HOME/.local/bin"
  plugins="$data/gstreamer-1.0/plugins"
  libraries="$HOME/.local/lib" headers="$HOME/.local/include"
else
  prefix="${PREFIX:-/usr/local}"
  data="$prefix/share" programs="$prefix/bin"
  plugins="$(pkg-config --variable=pluginsdir gstreamer-1.0)"
  libraries="${LIBDIR:-$prefix/lib}" headers="$prefix/include"
fi
target="${DESTDIR:-}"

put() { install -D -m "$1" "$2" "$target$3" && echo "$target$3"; }
temporary="$(mktemp -d)"
trap 'rm -rf "$temporary"' EXIT
command="$products/motiontransfer"
strip -s -o "$temporary/plugin.so" "$products/libgstmotiontransfer.so"
strip -s -o "$temporary/command" "$command"
put 644 "$temporary/plugin.so" "$plugins/libgstmotiontransfer.so"
put 755 "$temporary/command" "$programs/motiontransfer"

# For embedders in C.
strip --strip-unneeded -o "$temporary/library" "$products/libmotiontransfer-1.0.so"
put 755 "$temporary/library" "$libraries/libmotiontransfer-1.0.so"
put 644 "$root/Sources/CMotionTransfer/motiontransfer.h" "$headers/motiontransfer.h"
sed -e "s|@libdir@|$libraries|" -e "s|@includedir@|$headers|" "$here/Packaging/motiontransfer-1.0.pc.in" >"$temporary/pc"
put 644 "$temporary/pc" "$libraries/pkgconfig/motiontransfer-1.0.pc"

# Both are made from what the command says of itself.
"$command" --experimental-dump-help | python3 "$here/Packaging/man.py" >"$temporary/man"
put 644 "$temporary/man" "$data/man/man1/motiontransfer.1"
completion() { "$command" --generate-completion-script "$1" >"$temporary/$1" && put 644 "$temporary/$1" "$data/$2"; }
completion bash bash-completion/completions/motiontransfer
completion zsh zsh/vendor-completions/_motiontransfer
completion fish fish/vendor_completions.d/motiontransfer.fish

(cd "$here/Models/default" && find . -type f) | while read -r file; do
  put 644 "$here/Models/default/$file" "$data/motiontransfer/models/default/${file#./}"
done
put 644 "$here/Models/corpus/NOTICE" "$data/motiontransfer/models/default/NOTICE"
