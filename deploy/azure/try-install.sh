#!/bin/bash
# Carries out what cloud-init has a machine do, for each role, on a copy of this one: try-install.sh [ARCHIVE].
#
# The copy is an overlay in a mount namespace; this machine is not changed. Its `systemctl` only says what it was told.
# Needs root, curl and setcap. Not tried is what only a booted machine has: systemd itself, packages, the network.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
archive=$(realpath "${1:-$(ls "$here"/../../target/release-files/opengslb-*-linux.tar.gz)}")
for tool in unshare curl setcap getcap setpriv; do
    command -v "$tool" >/dev/null || { echo "SKIPPED: $tool is missing" >&2; exit 0; }
done
if [ -z "${OPENGSLB_INSIDE:-}" ]; then
    exec unshare --mount env OPENGSLB_INSIDE=1 "$0" "$archive"
fi
work=$(mktemp -d)
mount -t tmpfs tmpfs "$work"
cp "$archive" "$work/archive.tar.gz"
sha256=$(sha256sum "$archive" | cut -d ' ' -f 1)

fill() { sed -e "s|\${name}|$1|; s|\${address}|127.0.0.1|; s|\${region}|eu-west|; s|\${overwatch}|127.0.0.1|" \
    -e 's|${state}|/var/lib/opengslb|; s|${mesh_key}|uP2s0mVn6p3q8Xr1Yt4wZb7eHc9kLd0fGj5aQx2iNyU=|' \
    -e 's|${[a-z_]*}|0123456789abcdefghij|' "$2"; }

for role in overwatch agent traffic; do
    mkdir -p "$work/$role/upper" "$work/$role/work" "$work/$role/root"
    root=$work/$role/root
    mount -t overlay overlay -o "lowerdir=/,upperdir=$work/$role/upper,workdir=$work/$role/work" "$root"
    mkdir -p "$root/etc/opengslb/demo" "$root/archive"
    cp "$work/archive.tar.gz" "$root/archive/"
    install -m 0755 "$here/cloud-init/install.sh" "$root/usr/local/sbin/opengslb-install"
    cp "$here/config/topology.yaml" "$root/etc/opengslb/demo/topology.yaml"
    [ "$role" = traffic ] || fill backend-eu-west "$here/config/$role.yaml" >"$root/etc/opengslb/config.yaml"
    chmod 0600 "$root"/etc/opengslb/config.yaml 2>/dev/null || true
    rm -f "$root/usr/bin/systemctl"
    printf '#!/bin/sh\necho "systemctl $*" >>/said\n' >"$root/usr/bin/systemctl"
    chmod 0755 "$root/usr/bin/systemctl"
    # /dev and /proc are the machine's own.
    mount --rbind /dev "$root/dev"
    mount --rbind /proc "$root/proc"

    chroot "$root" /usr/local/sbin/opengslb-install "$role" file:///archive/archive.tar.gz "$sha256"
    if chroot "$root" /usr/local/sbin/opengslb-install "$role" file:///archive/archive.tar.gz "${sha256//[0-9]/0}" 2>/dev/null; then
        echo "$role: another checksum was taken"
        exit 1
    fi
    case $role in
    traffic)
        [ "$(readlink "$root/usr/local/bin/test-cluster")" = opengslb ]
        # It is the lab's program: it knows the machines, and finds that none answers.
        said=$(chroot "$root" env OPENGSLB_LAB=/etc/opengslb/demo timeout 20 test-cluster 2>&1 || true)
        grep -q "Overwatch DNS responding" <<<"$said" || { echo "$said"; exit 1; }
        ;;
    agent)
        chroot "$root" getcap /usr/local/bin/opengslb | tee /dev/stderr | grep -q 'cap_net_admin[=+]ep'
        grep -q '^systemctl enable --now opengslb$' "$root/said"
        # As the unit starts it: no new rights, and only those of the drop-in.
        grep -q '^CapabilityBoundingSet=CAP_NET_ADMIN$' "$root/etc/systemd/system/opengslb.service.d/net-admin.conf"
        chroot "$root" setpriv --reuid opengslb --regid opengslb --clear-groups --no-new-privs \
            --inh-caps=-all,+net_admin --ambient-caps=-all,+net_admin --bounding-set=-all,+net_admin \
            /usr/local/bin/opengslb check-config --config /etc/opengslb/config.yaml
        ;;
    overwatch)
        grep -q '^systemctl restart systemd-resolved$' "$root/said"
        grep -q '^DNSStubListener=no$' "$root/etc/systemd/resolved.conf.d/opengslb.conf"
        grep -q '^ExecStart=/usr/local/bin/opengslb ' "$root/etc/systemd/system/opengslb.service"
        ;;
    esac
    echo "$role: installed"
done
