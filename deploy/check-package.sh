#!/bin/bash
# Installs the .deb in a clean Debian root, runs its service's command there, and purges it: check-package.sh [DEB].
# Without DEB, the one that `cargo xtask release` made.
#
# Needs root and debootstrap. What it finds is printed; a fault ends it with 1. Where a tool is missing, that is said, and
# nothing is proven.
set -euo pipefail
deb=${1:-$(ls "$(dirname "$0")"/../target/release-files/opengslb_*.deb)}
deb=$(realpath "$deb")
for tool in debootstrap chroot systemd-analyze dig setpriv unshare; do
    command -v "$tool" >/dev/null || { echo "SKIPPED: $tool is missing" >&2; exit 0; }
done
# What is mounted in the root goes with this process.
[ -n "${OPENGSLB_INSIDE:-}" ] || exec unshare --mount env OPENGSLB_INSIDE=1 "$0" "$deb"
root=$(mktemp -d)
chmod 0755 "$root"
pid=
finish() {
    [ -z "$pid" ] || kill "$pid" 2>/dev/null || true
    umount "$root/proc" 2>/dev/null || true
    rm -rf "$root"
}
trap finish EXIT
debootstrap --variant=minbase bookworm "$root" ${DEBIAN_MIRROR:+"$DEBIAN_MIRROR"} >"$root.log" 2>&1 ||
    { cat "$root.log"; exit 1; }
rm -f "$root.log"
everything() { (cd "$root" && find . -path ./proc -prune -o -path './var/log/*' -prune -o -path './var/lib/dpkg/*' -prune -o \
    -path './var/cache/*' -prune -o ! -name '*-' -print | sort); }
everything >"$root/../$(basename "$root").before"
before="$root/../$(basename "$root").before"
users=$(cat "$root/etc/passwd" "$root/etc/group" | sort)

cp "$deb" "$root/tmp.deb"
chroot "$root" dpkg -i /tmp.deb
rm "$root/tmp.deb"
[ "$(stat -c '%a %U' "$root/usr/bin/opengslb")" = "755 root" ]
group=$(chroot "$root" getent group opengslb | cut -d : -f 3)
[ "$(stat -c '%a %u %g' "$root/etc/opengslb/config.yaml")" = "640 0 $group" ]
[ "$(stat -c '%a' "$root/var/lib/opengslb")" = 700 ]

unit="$root/usr/lib/systemd/system/opengslb.service"
# The paths in it are those of the root.
verified=$(mktemp -d)
sed "s|^ExecStart=/usr|ExecStart=$root/usr|" "$unit" >"$verified/opengslb.service"
systemd-analyze verify --man=no "$verified/opengslb.service"
rm -rf "$verified"
echo "systemd-analyze verify: well"
systemd-analyze security --offline=yes --no-pager "$unit" | tail -n 1

# What the unit starts, as the unit's user, with a configuration whose port needs no right.
command=$(sed -n 's/^ExecStart=//p' "$unit")
sed -i -e 's|listen_address: ":53"|listen_address: "127.0.0.1:0"|' -e 's|0.0.0.0:7946|127.0.0.1:0|' \
    -e 's|127.0.0.1:8080|127.0.0.1:0|' -e 's|127.0.0.1:9090|127.0.0.1:0|' "$root/etc/opengslb/config.yaml"
# shellcheck disable=SC2086 # the command has words
mount -t proc proc "$root/proc"
chroot --userspec=opengslb:opengslb "$root" $command >"$root/said" 2>&1 &
pid=$!
for _ in $(seq 100); do
    port=$(sed -n 's/.*answering DNS on [^ "]*:\([0-9]*\).*/\1/p' "$root/said" | head -n 1)
    [ -z "$port" ] || break
    sleep 0.1
done
[ -n "$port" ] || { cat "$root/said"; exit 1; }
answer=$(dig @127.0.0.1 -p "$port" example.com SOA +short)
[ -n "$answer" ] || { cat "$root/said"; exit 1; }
echo "$command, as opengslb, answers: $answer"
kill "$pid"
wait "$pid" || true
pid=
umount "$root/proc"
rm "$root/said"

chroot "$root" dpkg --purge opengslb
everything | diff "$before" -
[ "$users" = "$(cat "$root/etc/passwd" "$root/etc/group" | sort)" ]
rm "$before"
echo "purged: nothing is left"
