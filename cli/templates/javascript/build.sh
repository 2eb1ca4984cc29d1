#!/bin/sh
# What `bulkhead build` runs: installs the tools, which package-lock.json pins by digest, once; then makes {{name}}.wasm.
set -eu

if ! command -v npm >/dev/null; then
  echo "Node.js 18 or later with npm is needed to build this (Debian: apt-get install nodejs npm)" >&2
  exit 1
fi
if ! cmp -s package-lock.json node_modules/installed.json; then
  echo "installing what package-lock.json names into node_modules (210 MB of disk, once)" >&2
  npm ci --ignore-scripts --no-audit --no-fund
  cp package-lock.json node_modules/installed.json
fi
echo "making {{name}}.wasm of index.js" >&2
# Without `fetch-event`, which would make an HTTP service of it. `http` stays: it is what `fetch` is made of.
node_modules/.bin/componentize-js component.js --wit wit --world-name lambda --disable fetch-event --out "{{name}}.wasm"
