"""Rows and their Arrow tables: what goes in comes out, and nothing else gets in."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfray.io.arrow import from_table, holds, schema, to_table
from sfray.records import Attempt, Completion, Question, Reflection, Reject, SkillSegment, Trace
from sfray.tasks.outcome import Reason

RECORDS = (Question, Attempt, Reflection, SkillSegment, Trace, Completion, Reject)
TEXT = st.text(st.characters(exclude_categories=["Cs"]))
INT = st.integers(-(2**63), 2**63 - 1)
ROWS = {
    record: st.builds(
        record,
        **{
            field.name: st.none() | base if field.nullable else base
            for field in schema(record)
            for base in [
                {"string": TEXT, "int64": INT, "bool": st.booleans()}.get(str(field.type), st.lists(TEXT, max_size=3))
            ]
        },
    )
    for record in RECORDS
}
QUESTION = Question(
    id="countdown-3:eval:000007",
    task="countdown",
    level="3",
    split="eval",
    text="Use 3, 5 …",
    gold='{"target": 15}',
    answer="3 * 5",
)


@given(st.data(), st.sampled_from(RECORDS))
def test_round_trip(data: st.DataObject, record: type) -> None:
    rows = data.draw(st.lists(ROWS[record], max_size=4))
    table = to_table(record, rows)
    assert table.schema == schema(record)
    assert from_table(record, table) == rows


@pytest.mark.parametrize("record", RECORDS)
def test_round_trip_through_parquet(record: type, tmp_path: Path) -> None:
    pq.write_table(to_table(record, []), tmp_path / "none.parquet")
    table = pq.read_table(tmp_path / "none.parquet")
    assert (table.schema, from_table(record, table)) == (schema(record), [])


def test_traces_written_before_skills_were_noted_are_read() -> None:
    trace = Trace(
        id="q#r.0",
        question_id="q",
        recipe="r",
        prompt="p",
        text="t",
        answer="1",
        attempts=["a"],
        reflections=[""],
        n_correct=1,
        n_incorrect=0,
        tokens=5,
        skills=["planning"],
        segments=["a/plan0"],
    )
    table = to_table(Trace, [trace])
    assert from_table(Trace, table) == [trace]
    assert from_table(Trace, table.drop_columns(["skills", "segments"])) == [replace(trace, skills=[], segments=[])]


def test_schema_of_a_question() -> None:
    text = pa.string()
    assert schema(Question) == pa.schema(
        [
            pa.field("id", text, nullable=False),
            pa.field("task", text, nullable=False),
            pa.field("level", text, nullable=False),
            pa.field("split", text, nullable=False),
            pa.field("text", text, nullable=False),
            pa.field("gold", text, nullable=False),
            pa.field("answer", text, nullable=True),
            pa.field("complete", pa.bool_(), nullable=False),
        ]
    )


@pytest.mark.parametrize(
    ("record", "nullable"),
    [
        (Question, {"answer"}),
        (Attempt, {"answer"}),
        (Reflection, {"verdict"}),
        (Trace, set()),
        (Completion, {"answer", "plain_tokens", "plain_answer", "plain_correct"}),
        (Reject, set()),
    ],
)
def test_only_optional_columns_are_nullable(record: type, nullable: set[str]) -> None:
    assert {field.name for field in schema(record) if field.nullable} == nullable


def test_lists_of_a_trace() -> None:
    assert schema(Trace).field("attempts") == pa.field("attempts", pa.list_(pa.string()), nullable=False)


def test_members_of_enums_are_their_text() -> None:
    row = Reject(id="a", reason=Reason.NO_ANSWER)
    assert to_table(Reject, [row]).to_pylist() == [{"id": "a", "reason": "no_answer", "detail": ""}]


def test_rows_may_come_from_a_generator() -> None:
    assert to_table(Reject, (Reject(id=str(i), reason="r") for i in range(3)))["id"].to_pylist() == ["0", "1", "2"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sample": None}, "Attempt.sample: None in row 1"),
        ({"text": None}, "Attempt.text: None in row 1"),
        ({"sample": 2**63}, "Attempt.sample: "),
        ({"sample": "1"}, "Attempt.sample: "),
        ({"text": 3}, "Attempt.text: "),
        ({"text": "\ud800"}, "Attempt.text: "),
        ({"correct": "yes"}, "Attempt.correct: "),
    ],
)
def test_a_value_that_does_not_fit(changes: dict, message: str) -> None:
    good = {
        "id": "q/plain/0",
        "question_id": "q",
        "variant": "plain",
        "sample": 0,
        "hinted": False,
        "text": "3",
        "tokens": 1,
        "finish": "stop",
        "correct": True,
        "reason": "correct",
        "answer": None,
    }
    with pytest.raises(ValueError, match=f"^{message}"):
        to_table(Attempt, [Attempt(**good), Attempt(**{**good, **changes})])


def test_other_columns_orders_and_widths_are_read() -> None:
    table = pa.table(
        {
            "more": [1.5],
            "detail": pa.array(["d"], pa.large_string()),
            "reason": pa.array(["r"]).dictionary_encode(),
            "id": pa.array(["i"], pa.string_view()),
        }
    )
    assert from_table(Reject, table) == [Reject(id="i", reason="r", detail="d")]
    narrow = to_table(
        Trace,
        [
            Trace(
                id="i",
                question_id="q",
                recipe="r",
                prompt="p",
                text="t",
                answer="a",
                attempts=["x"],
                reflections=[""],
                n_correct=1,
                n_incorrect=0,
                tokens=9,
            )
        ],
    )
    narrow = narrow.set_column(10, "tokens", pa.array([9], pa.int16()))
    narrow = narrow.set_column(6, "attempts", pa.array([["x"]], pa.large_list(pa.large_string())))
    assert from_table(Trace, narrow)[0].attempts == ["x"]
    assert from_table(Trace, narrow)[0].tokens == 9


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        ("id", None, "not a table of Question: id is missing, not string"),
        ("id", pa.array([1]), "not a table of Question: id is int64, not string"),
        ("id", pa.array([["a"]]), r"not a table of Question: id is list<\w+: string>, not string"),
        ("id", pa.array([None], pa.string()), "not a table of Question: .*'id'.* null"),
        ("answer", pa.array([1.5]), "not a table of Question: answer is double, not string"),
    ],
)
def test_not_such_a_table(column: str, values: pa.Array | None, message: str) -> None:
    table = to_table(Question, [QUESTION])
    at = table.schema.get_field_index(column)
    table = table.remove_column(at) if values is None else table.set_column(at, column, values)
    with pytest.raises(ValueError, match=f"^{message}"):
        from_table(Question, table)


def test_a_number_is_not_read_as_a_truth_value_nor_a_fraction_as_a_count() -> None:
    table = to_table(
        Reflection,
        [
            Reflection(
                id="i",
                attempt_id="a",
                question_id="q",
                sample=0,
                text="t",
                tokens=1,
                finish="stop",
                verdict=None,
                valid=True,
            )
        ],
    )
    with pytest.raises(ValueError, match="valid is int64, not bool"):
        from_table(Reflection, table.set_column(8, "valid", pa.array([1])))
    with pytest.raises(ValueError, match="tokens is double, not int64"):
        from_table(Reflection, table.set_column(5, "tokens", pa.array([1.5])))


def test_a_column_of_nothing_reads_as_none() -> None:
    table = to_table(Question, [QUESTION]).set_column(6, "answer", pa.nulls(1))
    assert from_table(Question, table)[0].answer is None


def test_a_column_with_a_default_may_be_missing_and_no_other() -> None:
    wrong = Trace(
        id="i",
        question_id="q",
        recipe="r",
        prompt="p",
        text="t",
        answer="a",
        attempts=["x"],
        reflections=[""],
        n_correct=0,
        n_incorrect=1,
        tokens=9,
        correct=False,
    )
    table = to_table(Trace, [wrong])
    assert from_table(Trace, table) == [wrong]
    assert from_table(Trace, table.drop_columns(["correct"])) == [replace(wrong, correct=True)]
    with pytest.raises(ValueError, match=r"^not a table of Trace: tokens is missing, not int64$"):
        from_table(Trace, table.drop_columns(["tokens"]))


def test_a_table_is_known_by_its_columns() -> None:
    names = {record: schema(record).names for record in RECORDS}
    assert {(record, other) for record in RECORDS for other in RECORDS if holds(record, names[other])} == {
        (record, record) for record in RECORDS
    }
    assert holds(Trace, [n for n in names[Trace] if n not in ("skills", "segments")])
    assert not holds(Trace, [])
