#!/usr/bin/env bash
# Installs what the tests need and runs every test that fits; `./test.sh full` adds the long ones.
#
#   ./test.sh                 everything below
#   ./test.sh format lint …   only these suites, by the names in the list at the end
set -euo pipefail
cd "$(dirname "$0")"
. deploy/setup.sh

export REMOVID_FULL=
if [ "${1:-}" = full ]; then export REMOVID_FULL=1; shift; fi

tools='chromium firefox-esr xdotool x11-utils x11-xkb-utils python3-gi gir1.2-gtk-3.0 x11-xserver-utils x11-apps imagemagick iproute2 iptables nftables openssl libnss3-tools procps git xclip coturn nginx-light postgresql pulseaudio pipewire pipewire-pulse wireplumber dbus-daemon util-linux systemd python3-seccomp python3-yaml'
[ -z "$REMOVID_FULL" ] || tools="$tools debootstrap lintian dpkg-dev binutils"
command -v node >/dev/null || tools="$tools nodejs"
command -v npm >/dev/null || tools="$tools npm"
# shellcheck disable=SC2046,SC2086 # lists of names
install_packages $BUILD_PACKAGES $ENCODER_PACKAGES $DESKTOP_PACKAGES $tools $(rust_packages rustfmt-web rust-web-clippy)
check_rust
desktop_user
cargo clippy --version >/dev/null 2>&1 || die 'clippy is missing: rustup component add clippy, or the package rust-web-clippy'
cargo fmt --version >/dev/null 2>&1 || die 'rustfmt is missing: rustup component add rustfmt, or the package rustfmt-web'

packages() { (cd "$1" && { [ -f node_modules/.package-lock.json ] && [ node_modules/.package-lock.json -nt package-lock.json ] || npm ci --no-audit --no-fund; }); }

suite_format() { cargo fmt --all --check; }
# The second implementation of the peer connections; only host-agent and tests are built again for it.
webrtc='--features host-agent/transport-webrtc,tests/transport-webrtc'

# shellcheck disable=SC2086 # a list of flags
suite_lint() {
  cargo clippy --release --locked --workspace --all-targets -- -D warnings
  cargo clippy --release --locked --workspace --all-targets $webrtc -- -D warnings
}
suite_build() { cargo build --release --locked --workspace --all-targets; }
# The list of sources and licences covers every platform's, so all of them must be here, not only what is built.
suite_rust() {
  cargo fetch --locked
  cargo fetch --locked --manifest-path oracle/Cargo.toml
  cargo test --release --locked --workspace
  CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}/oracle" cargo test --locked --manifest-path oracle/Cargo.toml
}
suite_page() { packages web-client && (cd web-client && npm run --silent check && npm test); }
# Real browsers on real displays now and then lose a race that is not ours. A file that failed is run once more, by
# itself, and the report names it; more than three files, or a second failure, is no such race.
suite_browser() {
  packages tests/browser
  packages deploy/trial
  local told files
  told=$(mktemp)
  if node --test --test-concurrency=1 tests/browser/*.test.mjs | tee "$told"; then rm "$told"; return 0; fi
  files=$(sed -n "/^ *not ok /,/location:/s/.*location: '.*\/\(tests\/browser\/[a-z0-9-]*\.test\.mjs\).*/\1/p" "$told" | sort -u)
  rm "$told"
  [ -n "$files" ] && [ "$(wc -w <<<"$files")" -le 3 ] || return 1
  say "once more: ${files//$'\n'/ }"
  # shellcheck disable=SC2086 # a list of files
  node --test --test-concurrency=1 $files || return 1
  printf '%s\n' $files >>"$unsteady"
}
# shellcheck disable=SC2086 # a list of flags
suite_transport() {
  packages tests/browser
  local built="${CARGO_TARGET_DIR:-target}/release/removid" program
  program="$(realpath -m "$built-webrtc")"
  cargo build --release --locked --workspace $webrtc
  cp "$built" "$program"
  grep -aq transport/webrtc/ "$program" || die 'the second transport was not built in'
  # The usual program lies in its place again before anything can fail.
  cargo build --release --locked --workspace
  cargo test --release --locked --workspace $webrtc --lib --test transport webrtc
  REMOVID_PROGRAM="$program" node --test tests/browser/picture.test.mjs
}

# Units and container files, with the programs that were built.
suite_deploy() { node --test tests/deploy/*.test.mjs; }
# A bare Debian comes from its archive: only with `full`.
suite_packages() { [ -n "$REMOVID_FULL" ] || { say 'packages: only with full'; return 0; }; as_root env PATH="$PATH" CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}" deploy/debian/test.sh; }

names=("$@")
[ ${#names[@]} -gt 0 ] || names=(format lint build rust page browser transport deploy packages)
report=
failed=
failures=
log=$(mktemp)
unsteady=$(mktemp)
trap 'rm -f "$log" "$unsteady"' EXIT
for name in "${names[@]}"; do
  declare -F "suite_$name" >/dev/null || die "there is no suite $name; there are format lint build rust page browser transport deploy packages"
  say "== $name"
  start=$SECONDS
  # Not `if suite`: that would switch off `set -e` inside.
  set +e; (set -e; "suite_$name") 2>&1 | tee "$log"; code=${PIPESTATUS[0]}; set -e
  [ $code = 0 ] && word=passed || { word=FAILED; failed=1; }
  report+=$(printf '%-9s %-7s %5d s' "$name" "$word" $((SECONDS - start)))$'\n'
  [ $code = 0 ] || { failures=$(grep -E -A8 '^ *not ok |^test .*FAILED|panicked at|^error(\[|:)' "$log" | head -n 80 || true); break; }
done
# Last, where a reader looks: what failed among thousands of lines.
[ -z "$failures" ] || printf '\n%s\n' "$failures"
printf '\n%s' "$report"
[ ! -s "$unsteady" ] || printf 'UNSTEADY: passed only the second time, which is a fault to be found: %s\n' "$(tr '\n' ' ' <"$unsteady")"
[ -z "$failed" ]
