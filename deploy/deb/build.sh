#!/bin/sh
# Makes the .deb from built binaries: build.sh BINARIES OUT. Needs dpkg-deb and nothing else.
#
# COMPRESSION chooses dpkg-deb's; SOURCE_DATE_EPOCH dates the files, so that the same input makes the same package.
set -eu
binaries=$1
out=$2
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$root/Cargo.toml" | head -n 1)
architecture=$(dpkg --print-architecture)
package=$(mktemp -d)
trap 'rm -rf "$package"' EXIT
chmod 0755 "$package"

place() { install -D -m "$1" "$2" "$package/$3"; }
place 0755 "$binaries/opengslb" usr/bin/opengslb
place 0755 "$binaries/opengslb-cli" usr/bin/opengslb-cli
place 0644 "$root/deploy/systemd/opengslb.service" usr/lib/systemd/system/opengslb.service
for grant in overwatch net-admin; do
    place 0644 "$root/deploy/systemd/opengslb.service.d/$grant.conf" "usr/share/doc/opengslb/examples/$grant.conf"
done
place 0644 "$root/examples/agent.yaml" usr/share/doc/opengslb/examples/agent.yaml
place 0644 "$root/examples/overwatch.yaml" usr/share/doc/opengslb/examples/overwatch.yaml
place 0644 "$root/deploy/systemd/sysusers.d/opengslb.conf" usr/share/doc/opengslb/examples/opengslb.sysusers.conf
place 0644 "$root/LICENSE" usr/share/doc/opengslb/copyright
place 0644 "$root/CHANGELOG.md" usr/share/doc/opengslb/CHANGELOG.md
# Until postinst gives it to the service's group, root alone reads it.
place 0600 "$root/examples/overwatch.yaml" etc/opengslb/config.yaml

mkdir "$package/DEBIAN"
chmod 0755 "$package/DEBIAN"
size=$(du -sk "$package" | cut -f 1)
sed -e "s/@VERSION@/$version/" -e "s/@ARCHITECTURE@/$architecture/" -e "s/@SIZE@/$size/" \
    "$here/control" >"$package/DEBIAN/control"
install -m 0644 "$here/conffiles" "$package/DEBIAN/conffiles"
for script in postinst prerm postrm; do install -m 0755 "$here/$script" "$package/DEBIAN/$script"; done
(cd "$package" && find etc usr -type f ! -path etc/opengslb/config.yaml -exec md5sum {} + >DEBIAN/md5sums)
mkdir -p "$out"
dpkg-deb --root-owner-group -Z"${COMPRESSION:-xz}" --build "$package" "$out/opengslb_${version}_$architecture.deb" >/dev/null
echo "$out/opengslb_${version}_$architecture.deb"
