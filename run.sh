#!/usr/bin/env bash
# Sets everything up on a Debian 12 machine, builds, and shares its desktop by a link.
#
#   ./run.sh                       with a display: that one; without: a desktop of its own
#   ./run.sh --no-install          only name what is missing
#   ./run.sh --desktop virtual …   anything that `removid direct` takes
#   ./run.sh web                   a team's router, a trial login and one host, all on this machine
set -euo pipefail
cd "$(dirname "$0")"
. deploy/setup.sh

mode=direct
if [ "${1:-}" = web ]; then mode=web; shift; fi
flags=()
for flag in "$@"; do
  case $flag in
    --no-install) INSTALL=no ;;
    --help) sed -n '2,8s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) flags+=("$flag") ;;
  esac
done

needs_desktop=no
[ $mode = direct ] || needs_desktop=yes
case " ${flags[*]-} " in
  *' --desktop virtual '* | *' --desktop=virtual '*) needs_desktop=yes ;;
  *' --desktop '* | *' --desktop='* | *' --display '* | *' --config '*) ;;
  *) [ -n "${DISPLAY:-}" ] || needs_desktop=yes ;;
esac
packages="$BUILD_PACKAGES $ENCODER_PACKAGES $(rust_packages)"
[ $needs_desktop = no ] || packages="$packages $DESKTOP_PACKAGES"
if [ $mode = web ]; then
  command -v node >/dev/null || packages="$packages nodejs"
  command -v npm >/dev/null || packages="$packages npm"
fi
# shellcheck disable=SC2086 # a list of names
install_packages $packages
check_rust
[ $needs_desktop = no ] || desktop_user

say 'Building (the first time takes some minutes)'
if [ $mode = web ]; then
  cargo build --release --locked -p host-agent --bin removid -p team-router --bin removid-router
  (cd deploy/trial && npm ci --no-audit --no-fund --silent)
  . deploy/trial/web.sh
  run_web "${flags[@]+"${flags[@]}"}"
fi
cargo build --release --locked -p host-agent --bin removid
exec "${CARGO_TARGET_DIR:-target}/release/removid" direct "${flags[@]+"${flags[@]}"}"
