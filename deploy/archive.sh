#!/bin/sh
# Lays out what the archive of a release has, as docs/guide/install.md expects it: archive.sh BINARIES DIRECTORY.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "$2/deploy"
install -m 0755 "$1/opengslb" "$1/opengslb-cli" "$2"
cp -r "$root/deploy/systemd" "$2/deploy"
cp -r "$root/examples" "$root/LICENSE" "$root/CHANGELOG.md" "$2"
