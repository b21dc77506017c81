#!/bin/sh
# Installs OpenGSLB for one role and starts it: install.sh ROLE URL SHA256.
#
# ROLE is overwatch, agent or traffic. Run by cloud-init, once. Every step says what it does; the first that fails
# ends it, and `cloud-init status` says so.
set -eu
role=$1 url=$2 sha256=$3
say() { echo "opengslb-install: $*"; }

say "fetching $url"
archive=$(mktemp)
unpacked=$(mktemp -d)
curl --fail --silent --show-error --location --retry 5 --output "$archive" "$url"
echo "$sha256  $archive" | sha256sum --check --quiet
tar --extract --gzip --file "$archive" --directory "$unpacked" --strip-components 1
install -m 0755 "$unpacked/opengslb" "$unpacked/opengslb-cli" /usr/local/bin

if [ "$role" = traffic ]; then
    # The lab's own programs, with this demo's machines.
    for program in test-cluster generate-traffic; do
        say "$program"
        ln -sf opengslb "/usr/local/bin/$program"
    done
    echo 'OPENGSLB_LAB=/etc/opengslb/demo' >>/etc/environment
    exit 0
fi

say "the user, and what is its own"
getent group opengslb >/dev/null || groupadd --system opengslb
getent passwd opengslb >/dev/null ||
    useradd --system --gid opengslb --home-dir /var/lib/opengslb --no-create-home --shell /usr/sbin/nologin opengslb
install -d -m 0700 -o opengslb -g opengslb /var/lib/opengslb
chown root:opengslb /etc/opengslb /etc/opengslb/config.yaml
chmod 0750 /etc/opengslb
chmod 0640 /etc/opengslb/config.yaml

say "the unit"
sed 's|^ExecStart=/usr/bin/|ExecStart=/usr/local/bin/|' "$unpacked/systemd/opengslb.service" \
    >/etc/systemd/system/opengslb.service
mkdir -p /etc/systemd/system/opengslb.service.d
if [ "$role" = agent ]; then
    grant=net-admin
    setcap cap_net_admin+ep /usr/local/bin/opengslb
else
    grant=overwatch
    # The stub of systemd-resolved holds port 53 of this machine.
    if [ -d /etc/systemd/resolved.conf.d ] || systemctl is-active --quiet systemd-resolved 2>/dev/null; then
        say "freeing port 53"
        mkdir -p /etc/systemd/resolved.conf.d
        printf '[Resolve]\nDNSStubListener=no\n' >/etc/systemd/resolved.conf.d/opengslb.conf
        ln -sf /run/systemd/resolve/resolv.conf /etc/resolv.conf
        systemctl restart systemd-resolved
    fi
fi
install -m 0644 "$unpacked/systemd/opengslb.service.d/$grant.conf" /etc/systemd/system/opengslb.service.d/

say "self-test"
/usr/local/bin/opengslb check-config --config /etc/opengslb/config.yaml
systemctl daemon-reload
systemctl enable --now opengslb
systemctl is-active opengslb
rm -rf "$archive" "$unpacked"
say "done"
