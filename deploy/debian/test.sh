#!/usr/bin/env bash
# Installs the Debian packages in a bare Debian 12, uses them, and purges them.
#
#   deploy/debian/test.sh [TREE]      as root, after a build; needs debootstrap and Debian's archive
#
# With TREE, the bare Debian is kept there for the next time; what is tried is a copy of it.
set -euo pipefail
cd "$(dirname "$0")/../.."

fail() { printf 'error: %s\n' "$*" >&2; exit 1; }
[ "$(id -u)" = 0 ] || fail 'a bare Debian is unpacked and entered by root'
# Mounts that are made here end with this script, however it ends.
[ -n "${REMOVID_OWN_MOUNTS:-}" ] || REMOVID_OWN_MOUNTS=1 exec unshare --mount --propagation private "$0" "$@"

work=$(mktemp -d)
trap 'umount -l "$work/tree/proc" "$work/tree/dev" 2>/dev/null || true; rm -rf --one-file-system "$work"' EXIT
bare=${1:-$work/bare}
tree="$work/tree"
# The archive that this machine is set to.
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -v -e security -e updates | head -n 1)

deploy/debian/build.sh "$work/debs"
if command -v lintian >/dev/null; then
  lintian --fail-on error --suppress-tags no-manual-page "$work"/debs/*.deb 2>&1 | { grep -v 'root privileges' || true; }
fi
[ -d "$bare/etc" ] || debootstrap --variant=minbase bookworm "$bare" ${mirror:+"$mirror"} > "$work/debootstrap.log" 2>&1 ||
  { tail -n 20 "$work/debootstrap.log" >&2; fail 'no bare Debian'; }
cp -a "$bare" "$tree"
cp /etc/resolv.conf "$tree/etc/resolv.conf"
[ ! -e /etc/apt/apt.conf ] || cp /etc/apt/apt.conf "$tree/etc/apt/"
mount -t proc proc "$tree/proc"
mount --rbind /dev "$tree/dev"
printf '#!/bin/sh\nexit 101\n' > "$tree/usr/sbin/policy-rc.d"
chmod 755 "$tree/usr/sbin/policy-rc.d"
cp "$work"/debs/*.deb "$tree/root/"

inside() { chroot "$tree" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 HOME=/root DEBIAN_FRONTEND=noninteractive "$@"; }
quietly() { inside "$@" > "$work/log" 2>&1 || { tail -n 30 "$work/log" >&2; fail "$*"; }; }
# Every name in the tree that speaks of us, but for what this test put there and apt's and dpkg's records of what was.
traces() { (cd "$tree" && find . \( -path ./proc -o -path ./dev -o -path ./root -o -path ./var/log \) -prune -o -name '*removid*' -print; grep -H removid etc/passwd etc/group etc/shadow) || true; }

[ -z "$(traces)" ] || fail 'the bare tree is not bare'
quietly apt-get update
quietly sh -c 'apt-get install -y --no-install-recommends /root/removid_*.deb /root/removid-router_*.deb'
quietly dpkg --audit
[ ! -s "$work/log" ] || fail "dpkg finds faults: $(cat "$work/log")"

inside removid --help > "$work/log"
grep -q 'removid' "$work/log" || fail 'removid --help says nothing'
inside systemd-analyze verify /lib/systemd/system/removid-router.service
[ -L "$tree/etc/systemd/system/multi-user.target.wants/removid-router.service" ] || fail 'the router is not enabled'

# The console's commands as the router's own user, on a configuration with a secret that only that user reads.
inside sh -c 'umask 077; head -c 32 /dev/urandom | base64 > /etc/removid/turn-secret; chown removid-router: /etc/removid/turn-secret'
inside sh -c 'sed -e "s/^passkeys = false/passkeys = true/" -e "/^\[\[provider\]\]/,/^acr-values/d" -e "/^admins/d" /etc/removid/router.toml.example > /etc/removid/router.toml'
inside setpriv --reuid removid-router --regid removid-router --clear-groups removid-router check-config ||
  fail 'check-config refuses the example'
link=$(inside setpriv --reuid removid-router --regid removid-router --clear-groups removid-router user invite ada --admin)
case $link in https://desk.example.org/invite#*) ;; *) fail "no invitation: $link" ;; esac
# The twin: a misspelt key is refused.
inside sh -c 'echo "lissen = 1" > /root/wrong.toml'
if inside removid-router check-config --config /root/wrong.toml 2> "$work/log"; then fail 'a wrong configuration was taken'; fi

# Removed, it keeps what an administrator would miss; purged, nothing but the secret that somebody put there.
quietly apt-get remove -y removid removid-router
[ ! -e "$tree/usr/bin/removid" ] && [ ! -e "$tree/usr/bin/removid-router" ] || fail 'a program stayed'
[ -s "$tree/var/lib/removid-router/router.db" ] && [ -s "$tree/etc/removid/router.toml" ] || fail 'removing took the state'
inside rm /etc/removid/turn-secret
quietly dpkg --purge removid removid-router
left=$(traces)
[ -z "$left" ] || fail "a purge left: $left"
echo 'Both packages install on a bare Debian 12, work, and are purged without a trace'
