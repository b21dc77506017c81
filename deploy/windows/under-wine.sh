#!/usr/bin/env bash
# Builds the agent for Windows and runs it under wine, as far as wine goes: the tests of the collector, and the service from its
# installation to its removal, with an overwatch of this machine that hears it. Wine times no connection, so what it shows is that
# this is said and that everything else works.
#
# Needs Debian's rustc-web, cargo-web, rust-web-src, gcc-mingw-w64-x86-64, wine and python3. SKIPPED, aloud, where they are missing.
set -euo pipefail
cd "$(dirname "$0")/../.."

for tool in /usr/bin/cargo x86_64-w64-mingw32-gcc wine python3 curl jq; do
    command -v "$tool" >/dev/null || { echo "SKIPPED: under wine: $tool is missing"; exit 0; }
done

overwatch_program=${OVERWATCH:-$PWD/target/debug/opengslb}
[ -x "$overwatch_program" ] || cargo build --quiet --locked --bin opengslb

# Debian's compiler comes with std's source, and none is built for Windows.
windows() {
    env PATH=/usr/bin:/bin RUSTC_BOOTSTRAP=1 AWS_LC_SYS_PREBUILT_NASM=1 CARGO_PROFILE_DEV_DEBUG=0 CARGO_INCREMENTAL=0 \
        CARGO_TARGET_DIR="$target" CARGO_TARGET_X86_64_PC_WINDOWS_GNU_RUNNER=wine \
        cargo "$1" --quiet --locked -Zbuild-std=std,panic_unwind --target x86_64-pc-windows-gnu "${@:2}"
}
target=${WINDOWS_TARGET_DIR:-$PWD/target/windows}
export WINEDEBUG=-all

work=$(mktemp -d)
export WINEPREFIX=$work/wine
overwatch='' backend=''
cleanup() {
    exec 6>&- 7>&- 8>&- 9>&- || true
    for pid in $overwatch $backend; do kill "$pid" 2>/dev/null || true; done
    wineserver -k 2>/dev/null || true
    rm -rf "$work"
}
trap cleanup EXIT

until_true() { # seconds, what, command...
    local seconds=$1 what=$2
    shift 2
    for ((i = 0; i < seconds * 5; i++)); do
        if "$@" >/dev/null 2>&1; then return 0; fi
        sleep 0.2
    done
    echo "FAILED: $what" >&2
    return 1
}

echo "== build"
windows build -p opengslb
programs=$target/x86_64-pc-windows-gnu/debug

echo "== wine"
wine wineboot -i >/dev/null 2>&1 || true
wineserver -w
system=$WINEPREFIX/drive_c/windows/system32
if [ ! -e "$system/bcryptprimitives.dll" ]; then
    # Wine before 10 lacks the one function of it that std wants.
    cat >"$work/random.c" <<'C'
#include <windows.h>
BOOLEAN NTAPI SystemFunction036(PVOID, ULONG);
__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE to, SIZE_T length) {
    while (length) {
        ULONG part = length > 0x10000000 ? 0x10000000 : (ULONG)length;
        if (!SystemFunction036(to, part)) return FALSE;
        to += part;
        length -= part;
    }
    return TRUE;
}
C
    x86_64-w64-mingw32-gcc -O2 -shared -o "$system/bcryptprimitives.dll" "$work/random.c" -ladvapi32
fi

echo "== the collector's tests"
windows test -p tcpstat

echo "== an overwatch, a server and three clients of it"
free() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
mesh_port=$(free) api_port=$(free) dns_port=$(free) server_port=$(free)
key=$(head -c 32 /dev/urandom | base64)
token=$(head -c 18 /dev/urandom | base64)
mkdir "$work/data"
cat >"$work/overwatch.yaml" <<Y
mode: overwatch
overwatch:
  data_dir: $work/data
  identity: {cert_path: $work/data/a.crt, key_path: $work/data/a.key}
  agent_tokens:
    - {service: app.example.com, token: "$token", regions: [eu-west]}
  gossip: {bind_address: "127.0.0.1:$mesh_port", encryption_key: "$key"}
  geolocation: {default_region: eu-west}
dns: {listen_address: "127.0.0.1:$dns_port", zones: [example.com]}
regions: [{name: eu-west}]
domains: [{name: app.example.com, routing_algorithm: learned_latency, regions: [eu-west]}]
api: {enabled: true, address: "127.0.0.1:$api_port"}
metrics: {enabled: false}
Y
chmod 600 "$work/overwatch.yaml"
"$overwatch_program" --config "$work/overwatch.yaml" 2>"$work/overwatch.log" &
overwatch=$!
(cd "$work/data" && exec python3 -c '
import socket, sys
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
held = []
while True:
    held.append(server.accept())
' "$server_port") &
backend=$!
until_true 10 "the server listens" bash -c "exec 3<>/dev/tcp/127.0.0.1/$server_port"
exec 7<>"/dev/tcp/127.0.0.1/$server_port" 8<>"/dev/tcp/127.0.0.1/$server_port" 9<>"/dev/tcp/127.0.0.1/$server_port"

echo "== the service"
# Wine ends its services with the last program of a user: one waits for words that never come.
mkfifo "$work/words"
wine cmd <"$work/words" >/dev/null 2>&1 &
exec 6>"$work/words"
home=$WINEPREFIX/drive_c/opengslb
mkdir -p "$home"
cp "$programs/opengslb.exe" "$home/"
cat >"$home/config.yaml" <<Y
mode: agent
agent:
  identity:
    agent_id: under-wine
    service_token: "$token"
    region: eu-west
    cert_path: 'C:\opengslb\agent.crt'
    key_path: 'C:\opengslb\agent.key'
  backends:
    - service: app.example.com
      address: 127.0.0.1
      port: $server_port
      health_check: {type: tcp, interval: 1s, timeout: 1s}
  heartbeat: {interval: 1s}
  gossip: {encryption_key: "$key", overwatch_nodes: ["127.0.0.1:$mesh_port"]}
  latency_learning: {enabled: true, poll_interval: 1s}
metrics: {enabled: false}
Y
opengslb() { wine 'C:\opengslb\opengslb.exe' "$@"; }
opengslb check-config
opengslb service install
opengslb service start
api() { curl -sf "http://127.0.0.1:$api_port/api/v1/overwatch/$1"; }
log=$home/logs/agent.log
until_true 60 "the log says that the times are not to be had" \
    grep -q "IPv4 connections without their times: not supported: " "$log" || { cat "$home"/logs/* "$work/overwatch.log"; exit 1; }
grep -o "latency learning.*" "$log" | head -1
until_true 60 "its server is healthy" bash -c \
    "curl -sf http://127.0.0.1:$api_port/api/v1/overwatch/backends | jq -e '.backends[0].effective_status == \"healthy\"'" || { api backends; cat "$log"; exit 1; }
until_true 60 "its table of connections is told" bash -c \
    "curl -sf http://127.0.0.1:$api_port/api/v1/overwatch/agents | jq -e '.agents[0].open_connections >= 3'" || { api agents; cat "$log"; exit 1; }
api agents | jq -c '.agents[0] | {agent_id, open_connections}'
api backends | jq -c '.backends[0] | {address, port, effective_status}'
opengslb service stop
grep -q "agent stops" "$log" || { cat "$log"; exit 1; }
opengslb service remove
if opengslb service start 2>/dev/null; then echo "FAILED: it is still there" >&2; exit 1; fi
echo "under wine: installed, started, heard by the overwatch, stopped, removed"
