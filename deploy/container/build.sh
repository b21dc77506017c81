#!/bin/sh
# Builds the image's last stages from binaries that are there, without a network and without a daemon: build.sh BINARIES [IMAGE].
#
# BINARIES is a directory with static opengslb and opengslb-cli, as `cargo xtask release` leaves them. Needs buildah; SKIPPED,
# aloud, where it is missing. What it finds is printed, and a fault ends it with 1.
set -eu
binaries=$1
image=${2:-opengslb}
here=$(cd "$(dirname "$0")" && pwd)
command -v buildah >/dev/null || { echo "SKIPPED: buildah is missing" >&2; exit 0; }
# What is mounted in the image's root goes with this process.
[ -n "${OPENGSLB_INSIDE:-}" ] || exec unshare --mount env OPENGSLB_INSIDE=1 "$0" "$@"
context=$(mktemp -d)
trap 'rm -rf "$context"' EXIT
mkdir "$context/bin" "$context/state"
cp "$binaries/opengslb" "$binaries/opengslb-cli" "$context/bin/"
cp /etc/ssl/certs/ca-certificates.crt "$context/"
build() { buildah --storage-driver "${STORAGE_DRIVER:-vfs}" "$@"; }
# Stages that nothing is taken from are not built: no Rust, no registry.
build build --isolation chroot --format docker --build-arg BINARIES=release-files --tag "$image" \
    --file "$here/Dockerfile" "$context"
build inspect --type image --format '{{.Docker.Config.User}} {{.Docker.Config.Entrypoint}} {{.Docker.Config.Cmd}}' "$image"
# What is in it, started as its user, from its own root.
container=$(build from --pull-never "$image")
root=$(build mount "$container")
(cd "$root" && find . -type f | sort)
[ "$(stat -c %u:%g "$root/var/lib/opengslb")" = 65532:65532 ] || { echo "its state is not its own" >&2; exit 1; }
# What every container has.
mkdir -p "$root/proc" "$root/dev"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
inside() { chroot --userspec=65532:65532 "$root" "$@"; }
inside /usr/bin/opengslb --version
inside /usr/bin/opengslb-cli --version

# As its entry point and an overwatch's health check run it, on ports that the system chooses.
mkdir -p "$root/etc/opengslb"
cat >"$root/etc/opengslb/config.yaml" <<'Y'
mode: overwatch
overwatch:
  identity: {node_id: in-a-container}
  agent_tokens: [{service: app.example.com, token: replace-me-with-a-long-random-text}]
  gossip: {bind_address: "127.0.0.1:0", encryption_key: cmVwbGFjZSB0aGlzOiAzMiByYW5kb20gYnl0ZXMgISE=}
  geolocation: {default_region: eu-west}
dns: {listen_address: "127.0.0.1:0", zones: [example.com]}
regions: [{name: eu-west}]
domains: [{name: app.example.com, regions: [eu-west]}]
Y
chown 65532:65532 "$root/etc/opengslb/config.yaml"
chmod 0600 "$root/etc/opengslb/config.yaml"
chroot --userspec=65532:65532 "$root" /usr/bin/opengslb --config /etc/opengslb/config.yaml 2>"$context/said" &
pid=$!
trap 'kill $pid 2>/dev/null || true; rm -rf "$context"' EXIT
tries=0
until inside /usr/bin/opengslb-cli live 2>/dev/null; do
    tries=$((tries + 1))
    [ $tries -lt 100 ] || { cat "$context/said"; exit 1; }
    sleep 0.1
done
kill $pid
wait $pid
umount "$root/proc"
umount --recursive "$root/dev"
build rm "$container" >/dev/null
echo "$image: built; as 65532 it starts, its health check passes, and it ends"
