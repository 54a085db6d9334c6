"""Throughput and efficiency by size: from manifests to the table."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from typer.testing import CliRunner

from sfray.cli import app
from sfray.compose import load
from sfray.report.scaling import Measured, Point, measured, scaling, table
from sfray.report.sweep import Scaling
from sfray.store.artifact import Artifact
from sfray.store.folder import RunFolder
from sfray.store.sessions import Span


def one(size: int, amount: int, seconds: float, artifact: str, step: str = "attempts") -> Measured:
    return Measured(step, "engines", size, amount, seconds, Path(artifact))


def test_efficiency_is_the_share_of_the_smallest_sizes_rate_that_each_unit_keeps() -> None:
    found = scaling([one(4, 3_000, 10.0, "c"), one(1, 1_000, 10.0, "a"), one(2, 1_000, 5.0, "b")])
    assert found == {
        ("attempts", "engines"): [Point(1, 1, 100.0, 1.0), Point(2, 1, 200.0, 1.0), Point(4, 1, 300.0, 0.75)]
    }


def test_the_smallest_size_need_not_be_one() -> None:
    (points,) = scaling([one(2, 100, 1.0, "a"), one(8, 200, 1.0, "b")]).values()
    assert [p.efficiency for p in points] == [1.0, 0.5]


def test_runs_of_one_size_count_together_and_a_shared_artifact_once() -> None:
    (points,) = scaling([one(1, 100, 1.0, "a"), one(1, 100, 1.0, "a"), one(1, 100, 3.0, "b")]).values()
    assert points == [Point(1, 2, 50.0, 1.0)]


def test_an_artifact_of_two_sizes_was_made_by_one_of_them() -> None:
    with pytest.raises(ValueError, match=r"attempts: runs with 1 and with 2 engines share a, .* a run.dir of its own"):
        scaling([one(1, 100, 1.0, "a"), one(2, 100, 1.0, "a")])


def test_a_table_compares_each_step_with_itself() -> None:
    made = table(scaling([one(1, 1_000, 1.0, "a"), one(2, 1_500, 1.0, "b"), one(1, 9, 1.0, "c", "eval_base")]))
    assert [[cell.text for cell in row] for row in made.rows] == [
        ["attempts", "1 engines", "1", "1,000", "1.00", "100%"],
        ["", "2 engines", "1", "1,500", "1.50", "75%"],
        ["eval_base", "1 engines", "1", "9", "1.00", "100%"],
    ]


def write_run(root: Path, engines: int, seconds: float) -> Path:
    """A run whose attempts took so long: 5 s of them the start of Ray, 2 s that of the engine."""
    run = RunFolder(root / f"engines{engines}" / "r")
    config = load(["experiment=scaling", f"engine.actors={engines}", "sft.workers=1", f"run.dir={run.path.parent}"])
    run.path.mkdir(parents=True)
    run.config.write_text(yaml.safe_dump(dataclasses.asdict(config)))
    made = Artifact(run.place("sample", "f"), "sample", {}, {})
    made.open()
    plan = json.loads(made.plan_path.read_text())
    plan["sessions"] = [{"began": 100.0, "ended": 100.0}]
    made.plan_path.write_text(json.dumps(plan))
    made.spent(Span(name="ray", began=100.0, ended=105.0), Span(name="engine", began=105.0, ended=107.0))
    made.commit({"rows": 10, "tokens": 4_000})
    manifest = json.loads(made.manifest_path.read_text())
    made.manifest_path.write_text(json.dumps(manifest | {"seconds": seconds}))
    run.link("attempts", made.path)
    return run.path


def test_starts_are_no_work(tmp_path: Path) -> None:
    run = write_run(tmp_path, 2, 17.0)
    (found,) = measured(run)
    assert found == Measured("attempts", "engines", 2, 4_000, 10.0, (run / "attempts").resolve())


def test_the_command_prints_and_draws(tmp_path: Path) -> None:
    runs = [str(write_run(tmp_path, engines, 7.0 + 8 / engines)) for engines in (1, 2)]
    figure = tmp_path / "scaling.svg"
    result = CliRunner().invoke(app, ["scaling", *runs, "--out", str(figure)])
    assert result.exit_code == 0, result.output
    assert [line.split() for line in result.output.splitlines() if "engines" in line] == [
        ["attempts", "1", "engines", "1", "500", "(tokens)", "1.00", "100%"],
        ["2", "engines", "1", "1,000", "(tokens)", "2.00", "100%"],
    ]
    assert "attempts (engines)" in figure.read_text()


def test_the_command_says_what_is_wrong(tmp_path: Path) -> None:
    refused = CliRunner().invoke(app, ["scaling", str(tmp_path), "--out", "figure.gif"])
    assert (refused.exit_code, "--out: figure.gif must end in .png or .svg" in refused.output) == (2, True)
    refused = CliRunner().invoke(app, ["scaling", str(tmp_path)])
    assert (refused.exit_code, "it has no config.yaml" in refused.output.replace("\n", " ")) == (2, True)


def test_the_end_of_a_sweep_prints_the_runs_that_there_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sweep = Scaling(str(tmp_path / "scaling.png"))
    for engines in (1, 2):
        run = write_run(tmp_path, engines, 7.0 + 8 / engines)
        sweep.on_job_end(SimpleNamespace(run=SimpleNamespace(dir=str(run.parent), name=run.name)), None)
    sweep.on_job_end(SimpleNamespace(run=SimpleNamespace(dir=str(tmp_path / "engines4"), name="refused")), None)
    sweep.on_multirun_end(SimpleNamespace())
    assert [line.split()[:2] for line in capsys.readouterr().out.splitlines() if "(tokens)" in line] == [
        ["attempts", "1"],
        ["2", "engines"],
    ]
    assert (tmp_path / "scaling.png").read_bytes().startswith(b"\x89PNG")


def test_a_sweep_without_a_finished_run_ends_as_its_runs_did(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sweep = Scaling(str(tmp_path / "scaling.png"))
    sweep.on_job_end(SimpleNamespace(run=SimpleNamespace(dir=str(tmp_path), name="refused")), None)
    sweep.on_multirun_end(SimpleNamespace())
    assert capsys.readouterr().err.startswith("scaling: no step is finished here")
    assert not (tmp_path / "scaling.png").exists()


def test_each_number_of_engines_has_a_folder_of_its_own_and_as_many_workers() -> None:
    one, two = (load(["experiment=scaling", f"engine.actors={n}"]) for n in (1, 2))
    assert (one.run.dir, one.run.name) == ("runs/scaling/engines1", "workers1-nodes1x1")
    assert (two.run.dir, two.run.name) == ("runs/scaling/engines2", "workers2-nodes1x1")
    assert (two.sft.workers, two.trace.builders) == (2, 2)
    assert load(["experiment=scaling", "engine.actors=2", "sft.workers=1"]).run.name == "workers1-nodes1x1"
