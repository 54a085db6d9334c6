"""``sfray compare`` on finished runs, as a user types it."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from sfray.cli import app
from tests.evaluation.rows import RIGHT, WRONG, question
from tests.evaluation.runs import renamed, write_run

runner = CliRunner()
_ASKED = [*(question(i) for i in range(3)), question(0, level="4")]


def right(q, k):
    return RIGHT, 10


def wrong(q, k):
    return WRONG, 12


@pytest.fixture
def runs(tmp_path):
    """Two methods under two seeds."""
    return [
        str(write_run(tmp_path, f"{name}_{seed}", seed, _ASKED, {"base": wrong, "grpo": answer}))
        for name, answer in (("rl_only", wrong), ("skillfactory", right))
        for seed in (0, 1)
    ]


def test_tables_are_printed_and_files_written(runs, tmp_path):
    out = tmp_path / "out"
    result = runner.invoke(app, ["compare", *runs, "--out", str(out)])
    assert result.exit_code == 0, result.output
    assert "skillfactory − rl_only" in result.output
    assert {p.name for p in out.iterdir()} == {"comparison.json", "comparison.md", "budget.svg", "budget.png"}
    found = json.loads((out / "comparison.json").read_text())
    assert list(found["accuracy"]) == ["rl_only", "skillfactory"]
    assert found["differences"][0]["by_seed"] == [1.0, 1.0]
    text = (out / "comparison.md").read_text()
    assert text.startswith("# rl_only · skillfactory\n\nSeeds 0, 1, the same questions in every seed")
    assert "![Accuracy by tokens](budget.svg)" in text
    assert "| countdown-3 | **+100.0 (+100.0 – +100.0)** | +100.0 +100.0 | 3 / 0 | 0.250 |" in text


def test_models_groups_and_names_can_be_chosen(runs, tmp_path):
    arguments = ["compare", f"method={runs[2]}", "--model", "base", "--model", "grpo", "--group", "countdown-4"]
    result = runner.invoke(app, [*arguments, "--out", str(tmp_path / "out"), "--confidence", "0.9"])
    assert result.exit_code == 0, result.output
    found = json.loads((tmp_path / "out" / "comparison.json").read_text())
    assert (list(found["accuracy"]), list(found["questions"]), found["confidence"]) == (
        ["base", "grpo"],
        ["countdown-4"],
        0.9,
    )
    named = runner.invoke(app, ["compare", f"ours={runs[2]}", runs[0]])
    assert "rl_only − ours" in named.output


def test_the_tokenizer_of_a_model_counts_for_the_curve(runs, tmp_path):
    def chatty(q, k):
        return RIGHT + " and so on" * 20, 100

    folder = write_run(tmp_path, "chatty", 0, _ASKED, {"base": wrong, "grpo": chatty})
    result = runner.invoke(app, ["compare", str(folder), "--tokenizer", "tiny", "--out", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    budget = json.loads((tmp_path / "out" / "comparison.json").read_text())["budget"]
    curve = budget["curves"]["grpo"]["countdown-3"]["mean"]
    assert curve[-1] == 1.0
    assert 0 < next(t for t, a in zip(budget["tokens"], curve, strict=True) if a == 1.0) < 60


def test_errors_are_plain(runs, tmp_path):
    other = write_run(tmp_path, "other", 0, [renamed(q, "Make 16.") for q in _ASKED], {"grpo": right})
    for arguments, message in (
        ([str(tmp_path / "nothing")], "is not the folder of a run: there is no config.yaml"),
        ([runs[0], str(other)], "asked different questions"),
        ([*runs[:2], runs[2]], "skillfactory has no run with run.seed 1"),
        ([runs[0], "--model", "sft"], "no model 'sft' was evaluated"),
    ):
        result = runner.invoke(app, ["compare", *arguments])
        assert result.exit_code == 2
        assert message in result.stderr.replace("\n", " "), result.stderr
