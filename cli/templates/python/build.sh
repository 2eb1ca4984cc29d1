#!/bin/sh
# `bulkhead build` runs this script. It installs the tools once, pinned by digest in requirements.txt, and makes {{name}}.wasm.
set -eu

if ! command -v python3 >/dev/null; then
  echo "python3 with venv is needed to build this (Debian: apt-get install python3-venv)" >&2
  exit 1
fi
if ! cmp -s requirements.txt .venv/installed.txt; then
  echo "installing the tools of requirements.txt into .venv (70 MB of disk, once)" >&2
  rm -rf .venv
  python3 -m venv .venv
  .venv/bin/pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: \
    --requirement requirements.txt
  cp requirements.txt .venv/installed.txt
fi
echo "making {{name}}.wasm from lambda_function.py" >&2
VIRTUAL_ENV=.venv .venv/bin/componentize-py --quiet --wit-path wit --world lambda-client \
  componentize --python-path . --output "{{name}}.wasm" component
