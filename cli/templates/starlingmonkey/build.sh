#!/bin/sh
# `bulkhead build` runs this script. It installs the tools once, pinned by digest in package-lock.json, and makes {{name}}.wasm.
set -eu

if ! command -v npm >/dev/null; then
  echo "Node.js 18 or later with npm is needed to build this (Debian: apt-get install nodejs npm)" >&2
  exit 1
fi
if ! cmp -s package-lock.json node_modules/installed.json; then
  echo "installing the tools of package-lock.json into node_modules (210 MB of disk, once)" >&2
  npm ci --ignore-scripts --no-audit --no-fund
  cp package-lock.json node_modules/installed.json
fi
# A change of bulkhead.toml, of event.json or of a text does not change the component.
sources=$(find . \( -name '.?*' -o -name node_modules -o -name target \) -prune -o -type f \
  ! -name '*.wasm' ! -name '*.md' ! -name bulkhead.toml ! -name event.json -exec cksum {} + | sort)
if [ -f "{{name}}.wasm" ] && [ "$sources" = "$(cat node_modules/made-from.txt 2>/dev/null)" ]; then
  echo "{{name}}.wasm is up to date" >&2
  exit
fi
echo "making {{name}}.wasm from index.js" >&2
rm -f node_modules/made-from.txt
# `fetch-event` is disabled because it would make the component an HTTP service. `http` stays enabled for `fetch`.
node_modules/.bin/componentize-js component.js --wit wit --world-name lambda-environment --disable fetch-event --out "{{name}}.wasm"
echo "$sources" >node_modules/made-from.txt
