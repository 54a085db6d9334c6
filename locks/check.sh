#!/bin/sh
# Checks that every pin of locks/gpu.txt can be had for this Python; downloads metadata only.
# That the pins satisfy pyproject.toml is tested by tests/test_requirements.py, that they go together was uv's work.
set -eu
cd "$(dirname "$0")/.."
exec "${PYTHON:-.venv/bin/python}" -m pip install --dry-run --quiet --disable-pip-version-check \
    --ignore-installed --no-deps --target /tmp/sfray-gpu-check --requirement locks/gpu.txt
