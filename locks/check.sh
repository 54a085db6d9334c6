#!/bin/sh
# Checks that locks/gpu.txt still resolves and satisfies the `gpu` extra; downloads metadata only.
set -eu
cd "$(dirname "$0")/.."
exec "${PYTHON:-.venv/bin/python}" -m pip install --dry-run --quiet --disable-pip-version-check \
    --ignore-installed --no-deps --target /tmp/sfray-gpu-check --requirement locks/gpu.txt
