#!/bin/sh
# Makes all that a release has from static binaries: release.sh BINARIES OUT.
#
#   opengslb_VERSION_ARCHITECTURE.deb   opengslb-VERSION-MACHINE-linux.tar.gz
#   sbom.cdx.json (CycloneDX 1.5)       SHA256SUMS
#
# `cargo xtask release` builds the binaries first.
set -eu
binaries=$1
out=$2
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/.." && pwd)
version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$root/Cargo.toml" | head -n 1)
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git -C "$root" log -1 --format=%ct)}
export SOURCE_DATE_EPOCH
for program in opengslb opengslb-cli; do
    # Static ones have no interpreter; others would want the glibc of this machine.
    if readelf -l "$binaries/$program" | grep -q INTERP; then
        echo "$binaries/$program is not static" >&2
        exit 1
    fi
done
rm -rf "$out"
mkdir -p "$out"
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
mkdir "$stage/bin"
for program in opengslb opengslb-cli; do
    strip --strip-debug -o "$stage/bin/$program" "$binaries/$program"
done

"$here/deb/build.sh" "$stage/bin" "$out"

name=opengslb-$version-$(uname -m)-linux
"$here/archive.sh" "$stage/bin" "$stage/$name"
tar --create --directory "$stage" --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" "$name" |
    gzip -n9 >"$out/$name.tar.gz"
echo "$out/$name.tar.gz"

# Everything that is linked in, with its licence as its authors state it.
cd "$root"
cargo tree --locked --package opengslb --edges normal,build --prefix none --format '{p}|{l}' |
    awk -F '|' -v version="$version" '
        { split($1, part, " "); sub(/^v/, "", part[2]); key = part[1] "@" part[2] }
        part[1] != "" && !(key in seen) {
            seen[key] = 1
            licence = $2; gsub(/["\\]/, "", licence); gsub("/", " OR ", licence)
            line[++count] = sprintf("    {\"type\": \"library\", \"name\": \"%s\", \"version\": \"%s\", \"purl\": \"pkg:cargo/%s@%s\", \"licenses\": [{\"expression\": \"%s\"}]}", part[1], part[2], part[1], part[2], licence)
        }
        END {
            print "{\n  \"bomFormat\": \"CycloneDX\",\n  \"specVersion\": \"1.5\",\n  \"version\": 1,"
            printf "  \"metadata\": {\"component\": {\"type\": \"application\", \"name\": \"opengslb\", \"version\": \"%s\"}},\n", version
            print "  \"components\": ["
            for (at = 1; at <= count; at++) print line[at] (at < count ? "," : "")
            print "  ]\n}"
        }' >"$out/sbom.cdx.json"
echo "$out/sbom.cdx.json"
cd "$OLDPWD"

(cd "$out" && sha256sum -- *.deb *.tar.gz *.json >SHA256SUMS)
echo "$out/SHA256SUMS"
