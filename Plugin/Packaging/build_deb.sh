#!/usr/bin/env bash
# Builds the Debian packages with dpkg-buildpackage, which wants debian/ at the top of its tree.
#   Plugin/Packaging/build_deb.sh [OUTPUT FOLDER]      default: .build/debian
# PRODUCTS=FOLDER takes plugin and command that are built already (swift build -c release -Xswiftc -static-stdlib).
set -euo pipefail
root="$(cd "$(dirname "$0")/../.." && pwd)"
source "$root/Pipelines/packages.sh"
install_packages "${build_packages[@]}" debhelper dpkg-dev python3
output="$(mkdir -p "${1:-$root/.build/debian}" && cd "${1:-$root/.build/debian}" && pwd)"
products="${PRODUCTS:-}"
[ -z "$products" ] || products="$(cd "$products" && pwd)"
tree="$(mktemp -d)"
trap 'rm -rf "$tree"' EXIT
mkdir "$tree/motiontransfer"
git -C "$root" ls-files -z -- . ':!Tests' | tar -C "$root" --null -cf - -T - | tar -C "$tree/motiontransfer" -xf -
mv "$tree/motiontransfer/Plugin/Packaging/debian" "$tree/motiontransfer/debian"
(cd "$tree/motiontransfer" && MOTIONTRANSFER_PRODUCTS="$products" dpkg-buildpackage -b -us -uc)
cp "$tree"/*.deb "$output"
ls -l "$output"/*.deb
