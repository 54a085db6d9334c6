"""Names that only a registry can tell."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

import pytest

from sfray.config import Config
from sfray.preflight import preflight
from sfray.validation import ConfigError


def test_preflight_names_every_wrong_key() -> None:
    config = Config()
    broken = dataclasses.replace(
        config,
        task=dataclasses.replace(config.task, name="countdwon"),
        trace=dataclasses.replace(config.trace, recipe="algoritm1"),
        evaluate=dataclasses.replace(config.evaluate, n_by_task={"maths": 4}),
    )
    with pytest.raises(ConfigError) as caught:
        preflight(broken)
    text = str(caught.value)
    assert "did you mean 'countdown'?" in text
    assert "algorithm1" in text
    assert "evaluate.n_by_task.maths: no such task; did you mean 'math500'?" in text


def test_a_check_imports_no_engine_and_nothing_else_that_is_slow() -> None:
    heavy = ["ray", "torch", "vllm", "transformers", "datasets", "numpy", "pyarrow", "scipy", "matplotlib"]
    code = f"import sys, sfray.cli, sfray.compose, sfray.preflight; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
