#!/usr/bin/env bash
# Makes the Debian packages removid and removid-router from programs that are built already.
#
#   deploy/debian/build.sh [FOLDER]     into that folder, else target/debian
#
# Needs dpkg-dev, binutils, node, and what `cargo fetch --locked` brings. Build on the oldest Debian that is to run it.
set -euo pipefail
cd "$(dirname "$0")/../.."
umask 022

out=$(realpath -m "${1:-target/debian}")
bin="${CARGO_TARGET_DIR:-target}/release"
version=$(sed -n '/^\[workspace.package\]/,/^$/s/^version = "\(.*\)"$/\1/p' Cargo.toml)
architecture=$(dpkg --print-architecture)
# The same input gives the same packages.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || stat -c %Y Cargo.lock)}
export SOURCE_DATE_EPOCH
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$out"

# put MODE SOURCE PLACE: into the package that is being made.
put() { install -D -m "$1" "$2" "$tree/$3"; }

# What both have: the program without what only a debugger wants, and its papers.
begin() {
  tree="$work/$1"
  local doc="$tree/usr/share/doc/$1"
  put 755 "$bin/$1" "usr/bin/$1"
  strip --strip-unneeded --remove-section=.comment "$tree/usr/bin/$1"
  put 644 deploy/debian/copyright "usr/share/doc/$1/copyright"
  put 644 README.md "usr/share/doc/$1/README.md"
  put 644 docs/web-mode.md "usr/share/doc/$1/web-mode.md"
  put 644 CHANGELOG.md "usr/share/doc/$1/CHANGELOG.md"
  printf '%s (%s) unstable; urgency=medium\n\n  * What changed is in CHANGELOG.md beside this file.\n\n -- %s  %s\n' "$1" "$version" \
    "$(sed -n 's/^Maintainer: //p' "deploy/debian/$1.control")" "$(date -uR -d "@$SOURCE_DATE_EPOCH")" | gzip -9n > "$doc/changelog.gz"
  node deploy/debian/libraries.mjs "$2" | gzip -9n > "$doc/libraries.gz"
  chmod 644 "$doc"/*.gz
}

# The package's own files are in place: its control files, and the archive.
finish() {
  local name=$1 depends script
  mkdir -p "$tree/DEBIAN" "$work/shlibs/debian"
  printf 'Source: removid\n\nPackage: %s\nArchitecture: any\n' "$name" > "$work/shlibs/debian/control"
  depends=$(cd "$work/shlibs" && dpkg-shlibdeps -O "$tree/usr/bin/$name" | sed -n 's/^shlibs:Depends=//p')
  [ -n "$depends" ]
  sed -e "s/@VERSION@/$version/" -e "s/@ARCHITECTURE@/$architecture/" -e "s/@DEPENDS@/$depends/" \
    -e "s/@SIZE@/$(du -sk --apparent-size "$tree" | cut -f1)/" "deploy/debian/$name.control" > "$tree/DEBIAN/control"
  for script in postinst prerm postrm; do
    [ ! -f "deploy/debian/$name.$script" ] || put 755 "deploy/debian/$name.$script" "DEBIAN/$script"
  done
  [ ! -d "$tree/etc" ] || (cd "$tree" && find etc -type f -printf '/%p\n' | LC_ALL=C sort) > "$tree/DEBIAN/conffiles"
  (cd "$tree" && find . -path ./DEBIAN -prune -o -type f -printf '%P\0' | LC_ALL=C sort -z | xargs -0 md5sum) > "$tree/DEBIAN/md5sums"
  dpkg-deb --root-owner-group --build "$tree" "$out/${name}_${version}_$architecture.deb"
}

begin removid host-agent
put 644 deploy/systemd/removid-agent.service usr/lib/systemd/user/removid-agent.service
put 644 deploy/example/direct.toml usr/share/doc/removid/examples/direct.toml
finish removid

begin removid-router team-router
put 644 deploy/systemd/removid-router.service lib/systemd/system/removid-router.service
put 644 deploy/debian/removid-router.sysusers usr/lib/sysusers.d/removid-router.conf
put 644 deploy/example/router.toml etc/removid/router.toml.example
put 644 deploy/coturn/turnserver.conf usr/share/doc/removid-router/examples/turnserver.conf
put 644 deploy/proxy/nginx.conf usr/share/doc/removid-router/examples/nginx.conf
finish removid-router
