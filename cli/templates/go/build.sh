#!/bin/sh
# `bulkhead build` runs this script. It makes {{name}}.wasm with the installed Go, or else with the Go that requirements.txt pins.
set -eu

go=go
if ! command -v go >/dev/null; then
  if ! command -v python3 >/dev/null; then
    echo "Go 1.22 or later is needed to build this (https://go.dev/dl), or python3 with venv, which installs it" >&2
    exit 1
  fi
  if ! cmp -s requirements.txt .venv/installed.txt; then
    echo "installing the Go of requirements.txt into .venv (280 MB of disk, once)" >&2
    rm -rf .venv
    python3 -m venv .venv
    .venv/bin/pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: \
      --requirement requirements.txt
    cp requirements.txt .venv/installed.txt
  fi
  go=.venv/bin/go
fi
echo "making {{name}}.wasm from main.go" >&2
GOOS=wasip1 GOARCH=wasm "$go" build -trimpath -o "{{name}}.wasm" .
