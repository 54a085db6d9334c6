#!/bin/sh
# Compiles the locks from pyproject.toml. Needs uv.
set -eu
cd "$(dirname "$0")/.."
common="--quiet --python-version 3.11 --no-header --no-annotate --no-emit-index-url --no-emit-find-links"
# torchvision, torchaudio and torchcodec have no builds that match the CPU build of torch, and
# importing them breaks transformers; triton only slows start-up.
uv pip compile $common ${FIND_LINKS:+--find-links "$FIND_LINKS"} --extra cpu --extra reasoning-gym --extra dev \
    --no-emit-package torchvision --no-emit-package torchaudio --no-emit-package torchcodec --no-emit-package triton \
    pyproject.toml locks/build.in -o locks/cpu.txt
uv pip compile $common --python-platform x86_64-manylinux_2_28 --extra gpu pyproject.toml locks/build.in -o locks/gpu.txt
uv pip compile $common --group pyproject.toml:docs -o locks/docs.txt
