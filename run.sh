#!/usr/bin/env bash
# Sets everything up on a Debian 12 machine, builds, and shares its desktop by a link.
#
#   ./run.sh                       with a display: that one; without: a desktop of its own
#   ./run.sh --no-install          only name what is missing
#   ./run.sh --desktop virtual …   anything that `removid direct` takes
set -euo pipefail
cd "$(dirname "$0")"
. deploy/setup.sh

flags=()
for flag in "$@"; do
  case $flag in
    --no-install) INSTALL=no ;;
    --help) sed -n '2,7s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) flags+=("$flag") ;;
  esac
done

needs_desktop=no
case " ${flags[*]-} " in
  *' --desktop virtual '* | *' --desktop=virtual '*) needs_desktop=yes ;;
  *' --desktop '* | *' --desktop='* | *' --display '* | *' --config '*) ;;
  *) [ -n "${DISPLAY:-}" ] || needs_desktop=yes ;;
esac
packages="$BUILD_PACKAGES $ENCODER_PACKAGES $(rust_packages)"
[ $needs_desktop = no ] || packages="$packages $DESKTOP_PACKAGES"
# shellcheck disable=SC2086 # a list of names
install_packages $packages
check_rust
[ $needs_desktop = no ] || desktop_user

say 'Building (the first time takes some minutes)'
cargo build --release --locked -p host-agent --bin removid
exec "${CARGO_TARGET_DIR:-target}/release/removid" direct "${flags[@]+"${flags[@]}"}"
