#!/bin/sh
# Puts distances before a container's interface: distance.sh NETWORK=MILLISECONDS... What goes to a network waits so long; what comes from it
# does not, so this is the whole round trip. Needs CAP_NET_ADMIN and a kernel with netem.
set -eu
tc qdisc replace dev eth0 root handle 1: prio bands 8 priomap 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0
band=2
for pair in "$@"; do
    tc qdisc add dev eth0 parent "1:$band" handle "$band:" netem limit 10000 delay "${pair#*=}ms"
    tc filter add dev eth0 parent 1: protocol ip prio "$band" u32 match ip dst "${pair%=*}" flowid "1:$band"
    band=$((band + 1))
done
