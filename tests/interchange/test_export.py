"""Exports: exact rows, and that those who read them do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from datasets import load_dataset

from sfray.interchange import export as export_module
from sfray.interchange.export import export
from sfray.interchange.layout import LAYOUTS
from sfray.io.arrow import to_table
from sfray.io.parquet import write_table
from sfray.prompts import load
from sfray.records import Question, Trace
from sfray.store.artifact import Artifact
from sfray.tasks.registry import verify

GOLD = '{"numbers": [3, 5], "target": 8}'
USER, ASSISTANT = "Make 8, “please”.", "<think>\n…\n</think>\n\n<answer>\n3 + 5\n</answer>"
TURNS = [{"role": "user", "content": USER}, {"role": "assistant", "content": ASSISTANT}]


def trace(number: int) -> Trace:
    return Trace(
        id=f"q#algorithm1.{number}",
        question_id="q",
        recipe="algorithm1",
        prompt=USER,
        text=ASSISTANT,
        answer="3 + 5",
        attempts=["q/plain/0"],
        reflections=["r"],
        n_correct=1,
        n_incorrect=0,
        tokens=20,
    )


def made(folder: Path, stage: str, counts: dict[str, int], config: dict | None = None) -> Path:
    """Three traces in three parts, by whatever stage."""
    artifact = Artifact(folder, stage, config or {"prompts": load().digest}, {})
    artifact.open()
    for shard, count in enumerate((2, 0, 1)):
        artifact.write_shard(shard, to_table(Trace, [trace(3 * shard + i) for i in range(count)]))
    artifact.commit(counts)
    return folder


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    made(folder / "traces", "traces", {"traces": 3})
    asked = Artifact(folder / "questions", "questions", {"imported": "questions"}, {})
    asked.open()
    asked.commit({"rl": 3, "eval": 1})
    for split, count in (("rl", 3), ("eval", 1)):
        questions = [
            Question(id=f"q{i}", task="countdown", level="2", split=split, text="Make 8.", gold=GOLD)
            for i in range(count)
        ]
        write_table(folder / "questions" / f"{split}.parquet", to_table(Question, questions), row_group_size=2)
    return folder


def read(kind: str, files: str, cache: Path) -> list[dict]:
    return load_dataset(kind, data_files=files, split="train", cache_dir=str(cache)).to_list()


@pytest.mark.parametrize(
    ("to", "kind", "files", "first"),
    [
        (
            "sharegpt",
            "json",
            "part-*.jsonl",
            {
                "id": "q#algorithm1.0",
                "conversations": [{"from": "human", "value": USER}, {"from": "gpt", "value": ASSISTANT}],
            },
        ),
        ("llamafactory", "json", "sfray/part-*.jsonl", {"id": "q#algorithm1.0", "conversations": TURNS}),
        ("trl", "parquet", "part-*.parquet", {"prompt": TURNS[:1], "completion": TURNS[1:]}),
        ("trl_messages", "parquet", "part-*.parquet", {"messages": TURNS}),
        ("verl", "parquet", "sft/part-*.parquet", {"messages": TURNS}),
    ],
)
def test_datasets_loads_every_layout(to: str, kind: str, files: str, first: dict, run: Path, tmp_path: Path) -> None:
    counts = export(run, to, tmp_path / "out")
    assert counts["traces"] == 3
    loaded = read(kind, str(tmp_path / "out" / files), tmp_path / "cache")
    assert len(loaded) == 3
    assert loaded[0] == first


def test_llamafactory_finds_its_files(run: Path, tmp_path: Path) -> None:
    export(run, "llamafactory", tmp_path / "out")
    (entry,) = json.loads((tmp_path / "out" / "dataset_info.json").read_text()).values()
    files = sorted((tmp_path / "out" / entry["file_name"]).iterdir())
    assert [f.name for f in files] == ["part-00000.jsonl", "part-00002.jsonl"]
    row = json.loads(files[0].read_text().splitlines()[0])
    spoken = row[entry["columns"]["messages"]]
    tags = entry["tags"]
    assert [m[tags["role_tag"]] for m in spoken] == [tags["user_tag"], tags["assistant_tag"]]
    assert spoken[1][tags["content_tag"]] == ASSISTANT


def test_verl_questions_are_judged_by_our_verifier(run: Path, tmp_path: Path) -> None:
    assert export(run, "verl", tmp_path / "out") == {"traces": 3, "rl": 3, "eval": 1}
    rows = read("parquet", str(tmp_path / "out" / "rl" / "train.parquet"), tmp_path / "cache")
    assert rows[2] == {
        "data_source": "countdown",
        "prompt": load().question("Make 8.", "the expression"),
        "ability": "countdown",
        "reward_model": {"style": "rule", "ground_truth": GOLD},
        "extra_info": {"split": "rl", "index": 2, "id": "q2", "level": "2", "answer": None},
    }
    assert verify(rows[2]["data_source"], rows[2]["reward_model"]["ground_truth"], ASSISTANT).correct
    (held_out,) = read("parquet", str(tmp_path / "out" / "rl" / "test.parquet"), tmp_path / "cache")
    assert held_out["extra_info"] == {"split": "eval", "index": 0, "id": "q0", "level": "2", "answer": None}


@pytest.mark.parametrize("to", ["trl", "trl_messages"])
def test_trl_calls_it_conversational(to: str, run: Path, tmp_path: Path) -> None:
    trl = pytest.importorskip("trl.data_utils")
    export(run, to, tmp_path / "out")
    for row in read("parquet", str(tmp_path / "out" / "part-*.parquet"), tmp_path / "cache"):
        assert trl.is_conversational(row)


@pytest.mark.parametrize("to", sorted(LAYOUTS))
def test_nothing_is_overwritten(to: str, run: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    export(run, to, tmp_path / "out")
    with pytest.raises(FileExistsError, match=r"out is not empty$"):
        export(run, to, tmp_path / "out")


def test_a_run_that_has_lost_parts_is_not_exported(run: Path, tmp_path: Path) -> None:
    (run / "traces" / "part-00002.parquet").unlink()
    with pytest.raises(ValueError, match="holds 2 traces, its manifest says 3: parts are missing"):
        export(run, "trl", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_rl_questions_are_asked_in_the_words_of_the_run(run: Path, tmp_path: Path) -> None:
    default = Path(export_module.__file__).parents[1] / "prompts" / "default.yaml"
    mine = tmp_path / "mine.yaml"
    mine.write_text(default.read_text(encoding="utf-8").replace("Think step by step", "Think slowly"), encoding="utf-8")
    refusal = f"has digest {load(str(mine)).digest}, the traces of .* were made with {load().digest}"
    with pytest.raises(ValueError, match=refusal):
        export(run, "verl", tmp_path / "other", str(mine))
    (run / "config.yaml").write_text(f"prompts: {mine}\n")
    with pytest.raises(ValueError, match=refusal):  # the file was edited after the run
        export(run, "verl", tmp_path / "other")
    assert not (tmp_path / "other").exists()
    mine.write_bytes(default.read_bytes())
    assert export(run, "verl", tmp_path / "out")["rl"] == 3
    assert export(run, "trl", tmp_path / "no-questions", str(tmp_path / "gone.yaml")) == {"traces": 3}


def test_errors_say_what_to_do(run: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^no layout 'lamafactory'; did you mean 'llamafactory'\?$"):
        export(run, "lamafactory", tmp_path / "out")
    (run / "traces" / "manifest.json").unlink()
    with pytest.raises(ValueError, match=r"run: no finished step has made traces$"):
        export(run, "trl", tmp_path / "out")


@pytest.mark.parametrize(("stage", "counts"), [("select", {"traces": 3}), ("my_lab.stages:Picked", {"rows": 3})])
def test_traces_of_any_stage_are_exported(stage: str, counts: dict[str, int], run: Path, tmp_path: Path) -> None:
    (run / "traces" / "manifest.json").unlink()
    made(run / "correct_1", stage, counts)
    assert export(run, "verl", tmp_path / "out") == {"traces": 3, "rl": 3, "eval": 1}


def test_traces_of_several_steps_are_chosen_by_name(run: Path, tmp_path: Path) -> None:
    made(run / "correct_1", "select", {"traces": 3}, {"prompts": "other"})
    with pytest.raises(ValueError, match=r"run: several steps have made traces; choose one with --step: correct_1, t"):
        export(run, "trl", tmp_path / "out")
    with pytest.raises(ValueError, match=r"run: --step: no traces of a step 'corect_1'; did you mean 'correct_1'\?$"):
        export(run, "trl", tmp_path / "out", step="corect_1")
    with pytest.raises(ValueError, match=r"no traces of a step 'questions'; there are correct_1, traces$"):
        export(run, "trl", tmp_path / "out", step="questions")
    assert not (tmp_path / "out").exists()
    assert export(run, "trl", tmp_path / "out", step="correct_1") == {"traces": 3}
    with pytest.raises(ValueError, match=r"the traces of .* were made with other"):
        export(run, "verl", tmp_path / "rl", step="correct_1")
    assert export(run, "verl", tmp_path / "rl", step="traces")["traces"] == 3
