#!/bin/sh
# Writes the files of the three-region demo, with a mesh key and tokens of their own, and says how to start it: demo.sh [DIRECTORY].
#
# The files are those of Azure's machines with this demo's addresses; only their owner and group may read them.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=${1:-$here/made}
umask 027
mkdir -p "$out"
secret() { head -c "$1" /dev/urandom | base64 | tr -d '\n'; }
key=$(secret 32) eu_west=$(secret 18) ap_southeast=$(secret 18)
fill() { # template, name, address, region, token
    sed -e "s|\${name}|$2|; s|\${address}|$3|; s|\${region}|$4|; s|\${token}|$5|; s|\${overwatch}|10.1.1.10|" \
        -e "s|\${state}|/var/lib/opengslb|; s|\${mesh_key}|$key|; s|\${eu_west}|$eu_west|; s|\${ap_southeast}|$ap_southeast|" \
        "$here/../azure/config/$1.yaml"
}
# A process that is nobody does not take port 53.
fill overwatch overwatch 10.1.1.10 us-east '' | sed 's|10.1.1.10:53$|10.1.1.10:5353|' >"$out/overwatch.yaml"
# Its own commands come over the control socket; clients of this machine over the published port.
fill agent backend-eu-west 10.2.1.10 eu-west "$eu_west" >"$out/backend-eu-west.yaml"
fill agent backend-eu-west-2 10.2.1.11 eu-west "$eu_west" >"$out/backend-eu-west-2.yaml"
fill agent backend-ap-southeast 10.3.1.10 ap-southeast "$ap_southeast" >"$out/backend-ap-southeast.yaml"
echo "OPENGSLB_GROUP=$(id -g) docker compose -f $here/compose.yaml up"
