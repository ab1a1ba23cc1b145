# Installs the Debian packages that it is given, where they are missing. Sourced by the scripts.
install_packages() {
  local missing=()
  for package in "$@"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q "ok installed" || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return
  echo "Installing: ${missing[*]}"
  local root=()
  [ "$(id -u)" -eq 0 ] || root=(sudo)
  "${root[@]}" apt-get update -qq
  DEBIAN_FRONTEND=noninteractive "${root[@]}" apt-get install -y -qq "${missing[@]}" >/dev/null
}

# To build.
build_packages=(libgstreamer1.0-dev libgstreamer-plugins-base1.0-dev libglib2.0-dev libopenblas-dev pkg-config)
# To run: gst-launch, decoders, encoders, muxers.
run_packages=(gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad
  gstreamer1.0-plugins-ugly gstreamer1.0-libav)
# For the examples in Pipelines and their tests.
example_packages=(python3-gi gir1.2-gstreamer-1.0 gcc libc6-dev gstreamer1.0-plugins-base-apps ges1.0-tools)
