# `make demo`: set up and run the whole pipeline.  `make test`: set up and run the tests.
# Both share .venv, which is made from locks/cpu.txt and left alone while that file is unchanged.
PYTHON ?= python3.11
VENV := .venv
DOCS_VENV := .venv-docs
PY := $(VENV)/bin/python
# Where PyTorch publishes its CPU builds; used when the configured index has none.
TORCH_CPU_INDEX ?= https://download.pytorch.org/whl/cpu
INSTALL := $(PY) -m pip install --quiet --disable-pip-version-check --no-deps

.PHONY: demo test test-fast lint docs setup locks check-gpu-lock clean
demo: setup
	$(PY) launch.py

# Fast ones first, a process for each core, with the floor on the coverage of the pure core; then those that start engines.
test: test-fast
	$(PY) -m pytest -m engine

test-fast: setup
	OMP_NUM_THREADS=1 $(PY) -m pytest -m "not engine" --cov -n auto --dist worksteal

lint: setup
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

# The pages of docs/ and the API reference, as build/docs/index.html. Its tools have an environment of their own.
docs: $(DOCS_VENV)/.installed
	$(DOCS_VENV)/bin/sphinx-build -q -W --keep-going -b html docs build/docs

$(DOCS_VENV)/.installed: locks/docs.txt
	test -x $(DOCS_VENV)/bin/python || $(PYTHON) -m venv $(DOCS_VENV)
	$(DOCS_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -r locks/docs.txt
	touch $@

setup: $(VENV)/.installed

$(VENV)/.installed: locks/cpu.txt pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 is needed: set PYTHON=/path/to/python3.11"; exit 1; }
	@command -v g++ >/dev/null || { echo "g++ is needed: vLLM compiles its sampler with it"; exit 1; }
	test -x $(PY) || $(PYTHON) -m venv $(VENV)
	@echo "installing locks/cpu.txt into $(VENV): some minutes and 4 GB, once"
	grep -i '^torch==' locks/cpu.txt > $(VENV)/torch.txt
	$(INSTALL) -r $(VENV)/torch.txt || $(INSTALL) --index-url $(TORCH_CPU_INDEX) -r $(VENV)/torch.txt
	$(INSTALL) -r locks/cpu.txt
	$(INSTALL) --no-build-isolation --editable .
	touch $@

# The locks are compiled with uv (pip install uv), on Linux x86-64 and Python 3.11.
locks:
	sh locks/compile.sh

check-gpu-lock:
	sh locks/check.sh

clean:
	rm -rf $(VENV) $(DOCS_VENV) build runs outputs
