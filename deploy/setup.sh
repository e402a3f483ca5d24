# Shell functions of run.sh and test.sh: what a Debian machine must have, and how it gets it.
# Sourced, not run.

MIN_RUST=1.95

say() { printf '\033[1m%s\033[0m\n' "$*" >&2; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

# Runs as root, directly or by sudo.
as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"
  elif command -v sudo >/dev/null; then sudo "$@"
  else die "this needs root: $* (install sudo, or run as root)"
  fi
}

installed() { [ "$(dpkg-query -Wf '${db:Status-Abbrev}' "$1" 2>/dev/null | cut -c1-2)" = ii ]; }

# The packages named that are not there, one a line.
missing() { for package in "$@"; do installed "$package" || printf '%s\n' "$package"; done; }

# Whether the cargo in PATH is new enough.
rust_is_new_enough() {
  command -v cargo >/dev/null && command -v rustc >/dev/null || return 1
  local have
  have=$(rustc --version 2>/dev/null | awk '{print $2}')
  [ "$(printf '%s\n%s\n' "$MIN_RUST" "$have" | sort -V | head -n1)" = "$MIN_RUST" ]
}

# Packages of a Rust toolchain, where none is new enough: Debian 12's security archive has one. Its further parts
# that are named are wanted whenever it is Debian's.
rust_packages() {
  rust_is_new_enough && ! installed rustc-web && return
  printf '%s\n' cargo-web rustc-web "$@"
}

BUILD_PACKAGES='gcc libc6-dev pkg-config ca-certificates libgstreamer1.0-dev libgstreamer-plugins-base1.0-dev'
ENCODER_PACKAGES='gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly gstreamer1.0-pulseaudio pulseaudio-utils'
DESKTOP_PACKAGES='xvfb openbox xterm fonts-dejavu-core'
# A second sound server beside one that a person uses would take that one's place: only where there is none.
if ! command -v pipewire-pulse >/dev/null; then DESKTOP_PACKAGES="$DESKTOP_PACKAGES pulseaudio"; fi

# Installs what is missing of the packages named; with INSTALL=no it only names them and stops.
install_packages() {
  local need
  need=$(missing "$@")
  [ -n "$need" ] || return 0
  command -v apt-get >/dev/null || die "this machine is no Debian; install by hand: $(echo $need)"
  say "Needed and not there: $(echo $need)"
  [ "${INSTALL:-yes}" = yes ] || { echo "Install them with: apt-get install $(echo $need)" >&2; exit 1; }
  as_root env DEBIAN_FRONTEND=noninteractive apt-get update -q >&2 ||
    say 'The list of packages could not be renewed; trying with the old one'
  # shellcheck disable=SC2086 # a list of names
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends $need >&2 ||
    die "packages could not be installed: $(echo $need)"
}

check_rust() {
  rust_is_new_enough ||
    die "Rust $MIN_RUST or newer is needed; Debian 12's security archive has it as rustc-web, or take rustup"
}

# A desktop of its own never runs as root: it gets a user who can do nothing else.
desktop_user() {
  [ "$(id -u)" = 0 ] && [ -z "${SUDO_UID:-}" ] && ! id removid >/dev/null 2>&1 || return 0
  [ "${INSTALL:-yes}" = yes ] || {
    echo 'Make the desktop'"'"'s user with: useradd --system --create-home --shell /bin/bash removid' >&2
    exit 1
  }
  say 'Making the user removid, whose desktop it will be'
  useradd --system --create-home --shell /bin/bash removid
}
