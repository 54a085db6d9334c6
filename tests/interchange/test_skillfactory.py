"""Import: what ends up in the run, and how their labels compare with ours."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sfray.config import TraceConfig
from sfray.interchange.released import Options
from sfray.interchange.skillfactory import FAILED_REJECTS, import_run
from sfray.io.arrow import from_table
from sfray.prompts import load
from sfray.records import Attempt, Question, Reflection, Reject
from sfray.store.artifact import ArtifactConflict
from sfray.store.folder import RunFolder
from sfray.traces.build import Workshop, build_shard
from tests.interchange.rows import RIGHT, WRONG, documented, row

OTHER = "Using the numbers [2, 4, 7], create an equation that equals 15."


def words(text: str) -> int:
    return len(text.split())


def source(tmp_path: Path, data: list[dict]) -> str:
    (tmp_path / "raw.jsonl").write_text("\n".join(map(json.dumps, data)))
    return str(tmp_path / "raw.jsonl")


def part(run: Path, stage: str, shard: int, record: type) -> list:
    return from_table(record, pq.read_table(run / stage / f"part-{shard:05d}.parquet"))


DATA = [
    row("(3 + 5) * 8", True, (RIGHT, WRONG)),
    row("2 * 4 + 7", True, (RIGHT,), question=OTHER, answer="15"),
    row("3 * 5 * 8", False, (WRONG, "no verdict")),
    row("8 * 8", True, (RIGHT,), variant="plan_and_execute"),
    documented("8 * (5 + 3)", False),
]


def test_rows_become_records(tmp_path: Path) -> None:
    run = tmp_path / "run"
    import_run(source(tmp_path, DATA), run, "countdown", words)
    questions = from_table(Question, pq.read_table(run / "questions" / "sft.parquet"))
    assert [(q.id, json.loads(q.gold)) for q in questions] == [
        ("countdown-3:sft:000000", {"numbers": [3, 5, 8], "target": 64}),
        ("countdown-3:sft:000001", {"numbers": [2, 4, 7], "target": 15}),
    ]
    attempts = part(run, "attempts", 0, Attempt)
    assert [(a.id, a.correct, a.reason, a.answer) for a in attempts] == [
        ("countdown-3:sft:000000/original/0", True, "correct", "(3 + 5) * 8"),
        ("countdown-3:sft:000000/original/1", False, "wrong_value", "3 * 5 * 8"),
        ("countdown-3:sft:000000/plan_and_execute/0", False, "wrong_numbers", "8 * 8"),
        ("countdown-3:sft:000000/plan-execute/0", True, "correct", "8 * (5 + 3)"),
        ("countdown-3:sft:000001/original/0", True, "correct", "2 * 4 + 7"),
    ]
    assert attempts[0].tokens == words(attempts[0].text)
    reflections = part(run, "reflections", 0, Reflection)
    assert [(r.id.partition("/")[2], r.verdict, r.valid) for r in reflections] == [
        ("original/0/r0", "Correct", True),
        ("original/0/r1", "Incorrect", False),
        ("original/1/r0", "Incorrect", True),
        ("original/1/r1", None, False),
        ("plan_and_execute/0/r0", "Correct", False),
        ("plan-execute/0/r0", "Correct", True),
        ("original/0/r0", "Correct", True),
    ]


def test_disagreements_are_reported_and_ours_count(tmp_path: Path) -> None:
    run = tmp_path / "run"
    got = import_run(source(tmp_path, [*DATA, row("3 + 5", None)]), run, "countdown", words)
    assert got["labels"] == {"agree": 3, "only_ours_correct": 1, "only_theirs_correct": 1, "unlabelled": 1}
    assert got["reasons"] == {"wrong_numbers": 1}
    assert got["disagreements"][0] == {
        "id": "countdown-3:sft:000000/plan_and_execute/0",
        "theirs": True,
        "ours": False,
        "reason": "wrong_numbers",
        "answer": "8 * 8",
    }
    assert got["attempts"]["rows"] == 6
    assert got["attempts"]["correct"] == 3
    assert RunFolder(run).imported()["attempts"].metrics["labels"] == got["labels"]


def test_malformed_rows_are_rejects(tmp_path: Path) -> None:
    bad = [{"question": "no response"}, row("1", question="Make something.", answer=""), {"question": 3}]
    path = source(tmp_path, [*DATA, *bad])
    with Path(path).open("a") as file:
        file.write('\n{"torn')
    run = tmp_path / "run"
    got = import_run(path, run, "countdown", words)
    assert got["rejects"] == {"bad_gold": 1, "missing_column": 2, "unreadable_row": 1}
    rejects = from_table(Reject, pq.read_table(run / "questions" / "rejects.parquet"))
    assert [(r.id, r.reason) for r in rejects] == [
        ("raw.jsonl:6", "missing_column"),
        ("raw.jsonl:7", "bad_gold"),
        ("raw.jsonl:8", "missing_column"),
        ("raw.jsonl:9", "unreadable_row"),
    ]


def test_row_order_and_file_kind_do_not_matter_to_a_question(tmp_path: Path) -> None:
    numbers = random.Random(0)
    data = []
    for i in range(20):
        question = f"Using the numbers [{i + 1}, 5, 8], create an equation that equals {i + 14}."
        data += [row(f"{i + 1} + 5 + 8", True, question=question, answer=str(i + 14)) for _ in range(3)]
    contiguous = import_run(source(tmp_path, data), tmp_path / "one", "countdown", words, 4)
    # The questions keep their order of first appearance; the rest of the rows is shuffled.
    rest = data[1::3] + data[2::3]
    numbers.shuffle(rest)
    pq.write_table(pa.Table.from_pylist(data[::3] + rest), tmp_path / "raw.parquet")
    shuffled = import_run(str(tmp_path / "raw.parquet"), tmp_path / "two", "countdown", words, 4)
    assert contiguous == shuffled
    for shard in range(5):
        for stage, record in (("attempts", Attempt), ("reflections", Reflection)):
            assert part(tmp_path / "one", stage, shard, record) == part(tmp_path / "two", stage, shard, record)
    assert pq.ParquetFile(tmp_path / "one" / "questions" / "sft.parquet").num_row_groups == 5


def test_traces_can_be_built_from_an_import(tmp_path: Path) -> None:
    run = tmp_path / "run"
    import_run(source(tmp_path, DATA), run, "countdown", words)
    workshop = Workshop(TraceConfig(), 0, load(), lambda p, t: words(p + t))
    built = build_shard(
        from_table(Question, pq.ParquetFile(run / "questions" / "sft.parquet").read_row_group(0)),
        part(run, "attempts", 0, Attempt),
        part(run, "reflections", 0, Reflection),
        workshop,
    )
    assert {t.question_id for t in built.traces} == {"countdown-3:sft:000000", "countdown-3:sft:000001"}
    # The release's questions hold their instructions: ours are not added to them.
    assert {t.prompt for t in built.traces} == {DATA[0]["question"], OTHER}


def test_the_same_import_twice_is_the_same_and_another_is_refused(tmp_path: Path) -> None:
    run = tmp_path / "run"
    first = import_run(source(tmp_path, DATA), run, "countdown", words)
    assert import_run(source(tmp_path, DATA), run, "countdown", words) == first
    assert not (run / ".import").exists()
    with pytest.raises(ArtifactConflict):
        import_run(source(tmp_path, DATA[:2]), run, "countdown", words)


def test_another_tokenizer_is_another_import(tmp_path: Path) -> None:
    import_run(source(tmp_path, DATA), tmp_path / "run", "countdown", words, model="words")
    with pytest.raises(ArtifactConflict):
        import_run(source(tmp_path, DATA), tmp_path / "run", "countdown", len, model="letters")


def test_nothing_to_import_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="none of its 1 rows could be read"):
        import_run(source(tmp_path, [{"question": "q"}]), tmp_path / "run", "countdown", words)
    import_run(source(tmp_path, DATA), tmp_path / "run", "countdown", words)  # the run is still free


def test_the_reasons_of_rejected_rows_outlive_an_import_that_fails(tmp_path: Path) -> None:
    run = tmp_path / "run"
    bad = [{"question": "q"}, row("3", question="no numbers here")]
    with pytest.raises(
        ValueError, match=r"every rejected row \(1 missing_column, 1 bad_gold\): .*import_rejects.parquet"
    ):
        import_run(source(tmp_path, bad), run, "countdown", words)
    kept = from_table(Reject, pq.read_table(run / FAILED_REJECTS))
    assert [(r.id, r.reason) for r in kept] == [("raw.jsonl:1", "missing_column"), ("raw.jsonl:2", "bad_gold")]
    import_run(source(tmp_path, DATA), run, "countdown", words)
    assert not (run / FAILED_REJECTS).exists()


def test_they_outlive_an_error_further_on(tmp_path: Path) -> None:
    def fails(_: str) -> int:
        raise OSError("the disk is full")

    run = tmp_path / "run"
    with pytest.raises(OSError, match="the disk is full"):
        import_run(source(tmp_path, [*DATA, {"question": "q"}]), run, "countdown", fails)
    assert [r.reason for r in from_table(Reject, pq.read_table(run / FAILED_REJECTS))] == ["missing_column"]


def test_hinted_rows_are_known_by_their_variant(tmp_path: Path) -> None:
    told = row("8 * (3 + 5)", variant="original_with_hint")
    speaks = row("8 * (3 + 5)", variant="Rationalization") | {
        "model_responses__mutated_prompts": ["The hint says so. <answer>(3 + 5) * 8</answer>"]
    }
    run = tmp_path / "run"
    got = import_run(source(tmp_path, [DATA[0], told, speaks]), run, "countdown", words)
    assert (got["attempts"]["hinted"], got["attempts"]["mentions_hint"]) == (1, 1)
    assert [(a.variant, a.hinted) for a in part(run, "attempts", 0, Attempt)] == [
        ("original", False),
        ("original_with_hint", True),
    ]
    assert {r.attempt_id.split("/")[1] for r in part(run, "reflections", 0, Reflection)} == {
        "original",
        "original_with_hint",
    }


def test_the_scripts_default_variants(tmp_path: Path) -> None:
    got = import_run(source(tmp_path, DATA), tmp_path / "run", "countdown", words, options=Options(True))
    assert got["rejects"] == {"other_variant": 1}
    assert got["attempts"]["rows"] == 4


def test_idea_and_fast_are_counted_and_dropped_only_when_asked(tmp_path: Path) -> None:
    texts = (f"A good Idea. {RIGHT}", f"Before breakfast. {RIGHT}", RIGHT)
    path = source(tmp_path, [row("(3 + 5) * 8", True, texts)])
    for drop, valid in ((False, 3), (True, 1)):
        run = tmp_path / str(drop)
        got = import_run(path, run, "countdown", words, options=Options(drop_idea_or_fast=drop))
        assert (got["reflections"]["idea_or_fast"], got["reflections"]["valid"]) == (2, valid)
    rejects = from_table(Reject, pq.read_table(next((tmp_path / "True" / "reflections").rglob("*reject*.parquet"))))
    assert [r.reason for r in rejects] == ["idea_or_fast", "idea_or_fast"]
    with pytest.raises(ArtifactConflict):
        import_run(path, tmp_path / "True", "countdown", words)
