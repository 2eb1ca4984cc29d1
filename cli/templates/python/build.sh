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
# A change of bulkhead.toml, of event.json or of a text does not change the component.
sources=$(find . \( -name '.?*' -o -name __pycache__ -o -name target \) -prune -o -type f \
  ! -name '*.wasm' ! -name '*.md' ! -name bulkhead.toml ! -name event.json -exec cksum {} + | sort)
if [ -f "{{name}}.wasm" ] && [ "$sources" = "$(cat .venv/made-from.txt 2>/dev/null)" ]; then
  echo "{{name}}.wasm is up to date" >&2
  exit
fi
echo "making {{name}}.wasm from lambda_function.py" >&2
rm -f .venv/made-from.txt
VIRTUAL_ENV=.venv .venv/bin/componentize-py --quiet --wit-path wit --world lambda-client \
  componentize --python-path . --output "{{name}}.wasm" component
echo "$sources" >.venv/made-from.txt
