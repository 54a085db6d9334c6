"""An imported run goes on through the pipeline like any other."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sfray import pipeline
from sfray.config import ClusterConfig, Config, ModelConfig, RunConfig
from sfray.interchange.export import export
from sfray.interchange.imported import imported_stage
from sfray.interchange.skillfactory import import_run
from sfray.store import Stage
from tests.interchange.rows import WRONG, row
from tests.traces.rows import write_tokenizer


def test_only_imports_count_as_imported(tmp_path: Path) -> None:
    assert imported_stage(tmp_path, "attempts") is None
    stage = Stage(tmp_path, "attempts", {"sample": {}}, {})
    stage.open()
    stage.commit({})
    assert imported_stage(tmp_path, "attempts") is None


def imported_run(tmp_path: Path) -> Config:
    (tmp_path / "raw.jsonl").write_text("\n".join(map(json.dumps, [row("(3 + 5) * 8"), row("3 + 5", False, (WRONG,))])))
    import_run(str(tmp_path / "raw.jsonl"), tmp_path / "run", "countdown", len)
    return Config(
        stages=["traces"],
        run=RunConfig(name="run", dir=str(tmp_path)),
        model=ModelConfig(path=str(tmp_path / "model")),
        cluster=ClusterConfig(address="local", num_cpus=2, object_store_gib=0.1),
    )


def test_the_pipeline_takes_imported_stages_as_done(tmp_path: Path) -> None:
    stages = pipeline.stages(imported_run(tmp_path))
    assert [n for n in ("questions", "attempts", "reflections", "traces") if stages[n].done] == [
        "questions",
        "attempts",
        "reflections",
    ]
    assert stages["traces"].inputs["attempts"] == stages["attempts"].manifest.fingerprint


@pytest.mark.engine
def test_traces_of_an_import_can_be_exported(tmp_path: Path) -> None:
    config = imported_run(tmp_path)
    write_tokenizer(tmp_path / "model")
    pipeline.run(config)
    assert pipeline.stages(config)["traces"].manifest.counts["traces"] == 1
    assert export(tmp_path / "run", "trl", tmp_path / "out") == {"traces": 1}
