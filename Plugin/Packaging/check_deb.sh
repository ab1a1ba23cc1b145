#!/usr/bin/env bash
# Installs the Debian packages in a clean Debian 12 without a Swift toolchain and does the main job there. Needs root.
#   Plugin/Packaging/check_deb.sh [FOLDER WITH .deb FILES]      default: .build/debian
set -euo pipefail
root="$(cd "$(dirname "$0")/../.." && pwd)"
packages="${1:-$root/.build/debian}"
source "$root/Pipelines/packages.sh"
install_packages debootstrap
machine="$(mktemp -d)"
trap 'rm -rf "$machine"' EXIT
debootstrap --variant=minbase bookworm "$machine" >/dev/null
cp "$packages"/*.deb "$root/Pipelines/reference.mkv" "$machine/tmp"
inside() { chroot "$machine" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 HOME=/root "$@"; }
inside apt-get update -qq
inside bash -c "DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends /tmp/*.deb gstreamer1.0-tools \
  gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-ugly gstreamer1.0-libav >/dev/null"
! inside bash -c "command -v swift"
inside gst-inspect-1.0 motiontransfer >/dev/null
inside gst-inspect-1.0 motiongeneratesrc >/dev/null
inside motiontransfer inspect
inside gst-launch-1.0 -q filesrc location=/tmp/reference.mkv ! decodebin ! motiontransfer prompt="a fox in the snow" \
  reference-prompt="a duck on grass" inversion-steps="${STEPS:-20}" motion-embedding=/tmp/duck.safetensors ! videoconvert ! \
  video/x-raw,format=I420 ! x264enc ! mp4mux ! filesink location=/tmp/fox.mp4
inside motiontransfer inspect /tmp/duck.safetensors
inside bash -c "test \$(stat -c %s /tmp/fox.mp4) -gt 1000"
inside test -e /usr/share/man/man1/motiontransfer.1.gz
echo "the packages work in a clean Debian"
