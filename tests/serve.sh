#!/usr/bin/env bash
# One and the same component under `wasmtime serve` and under the real bootstrap: the same requests, the same answers?
#
# Wants `wasmtime` (crate wasmtime-cli), curl and python3, and what `cargo xtask test` has built. It is no part of that, since
# wasmtime-cli takes long to build. WASMTIME, BULKHEAD and COMPONENT name others.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
target=${CARGO_TARGET_DIR:-target}
wasmtime=${WASMTIME:-wasmtime}
bulkhead=${BULKHEAD:-$target/release/bulkhead}
component=${COMPONENT:-$target/wasm32-wasip2/release/wstd-service.wasm}
work=$(mktemp -d)
trap 'kill "${server:-}" 2>/dev/null || true; rm -rf "$work"' EXIT
cp "$component" "$work/service.wasm"

# What `wasmtime serve` says where it listens: a free port, since it is asked for port 0.
"$wasmtime" serve -S cli --addr 127.0.0.1:0 "$work/service.wasm" 2>"$work/log" &
server=$!
for _ in $(seq 100); do
  address=$(sed -n 's#.*http://\([0-9.:]*\)/.*#\1#p' "$work/log")
  [ -n "$address" ] && break
  sleep 0.1
done
[ -n "$address" ] || { cat "$work/log"; echo "wasmtime serve does not listen"; exit 1; }

failed=0
ask() {
  local method=$1 path=$2 body=$3
  curl --silent --request "$method" --data-binary "$body" --write-out '\n%{http_code} %{content_type}' \
    --header 'content-type: text/plain' --header 'expect:' "http://$address$path" >"$work/wasmtime"
  METHOD=$method URL_PATH=$path BODY=$body python3 - >"$work/event.json" <<'PYTHON'
import json, os
method, path = os.environ["METHOD"], os.environ["URL_PATH"]
http = {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "curl"}
print(json.dumps({
    "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": "",
    "headers": {"host": "127.0.0.1", "content-type": "text/plain"},
    "requestContext": {"http": http, "stage": "$default", "requestId": "1"},
    "body": os.environ["BODY"], "isBase64Encoded": False,
}))
PYTHON
  "$bulkhead" invoke service --root "$work" --event "@$work/event.json" 2>/dev/null | python3 -c '
import json, sys
answer = json.load(sys.stdin)
print(answer["body"], end="")
print("\n%s %s" % (answer["statusCode"], answer["headers"]["content-type"]), end="")' >"$work/bootstrap"
  printf '%s %s %s\n' "$method" "$path" "$body"
  sed 's/^/  wasmtime serve   /' "$work/wasmtime"; echo
  sed 's/^/  bootstrap        /' "$work/bootstrap"; echo
  cmp "$work/wasmtime" "$work/bootstrap" || failed=1
}
ask GET / ''
ask POST /shout 'hello, 🚢'
ask DELETE /nothing ''
[ "$failed" = 0 ] && echo "the same component gave the same answers under both"
exit "$failed"
