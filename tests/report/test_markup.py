import time

from hypothesis import given
from hypothesis import strategies as st

from sfray.grammar import Pair, render
from sfray.report.markup import Block, Piece, blocks

_TRACE = render(
    [
        Pair("try <answer>8</answer>", "no <verdict>Incorrect</verdict>"),
        Pair("again", "yes <verdict>Correct</verdict>"),
    ],
    ["Once more."],
    "So:",
    "15",
)


def test_a_trace_falls_into_its_parts():
    shown = [block for block in blocks(_TRACE) if "".join(p.text for p in block.pieces).strip()]
    assert [b.kind for b in shown] == [
        "tag", "sample", "reflect incorrect", "glue", "sample", "reflect correct", "tag", "final"
    ]  # fmt: skip
    assert shown[3] == Block("glue", (Piece("text", "\nOnce more.\n"),))
    assert [p.text for p in shown[1].pieces if p.kind == "answer"] == ["8"]
    assert [p.text for p in shown[2].pieces if p.kind == "verdict"] == ["Incorrect"]
    assert [p.text for p in shown[-1].pieces if p.kind == "answer"] == ["\n15\n"]


def test_segments_of_a_declared_skill_are_blocks():
    text = "<think><plan>First add.</plan><sample>a</sample></think>"
    assert [b.kind for b in blocks(text, ["plan"])] == ["tag", "skill", "sample", "tag"]
    assert [p.text for p in blocks(text, ["plan"])[1].pieces] == ["<plan>", "First add.", "</plan>"]
    assert [b.kind for b in blocks(text)] == ["tag", "glue", "sample", "tag"]


def test_a_plain_answer_is_final():
    assert blocks("It is <answer>4</answer>.") == [
        Block(
            "final",
            (
                Piece("text", "It is "),
                Piece("tag", "<answer>"),
                Piece("answer", "4"),
                Piece("tag", "</answer>"),
                Piece("text", "."),
            ),
        )
    ]


def test_a_reflection_without_a_verdict_is_unreadable():
    assert [b.kind for b in blocks("<think><sample>a</sample><reflect>b</reflect>")] == [
        "tag", "sample", "reflect unreadable"
    ]  # fmt: skip


def test_nothing_is_no_block():
    assert blocks("") == []


@given(
    st.lists(
        st.sampled_from(
            ["<think>", "</think>", "<sample>", "</sample>", "<reflect>", "</reflect>", "<answer>", "</answer>",
             "<verdict>", "</verdict>", "Correct", "a\n", "<", ">", "</", "<b>"]
        ),
        max_size=30,
    )
)  # fmt: skip
def test_nothing_is_lost_of_any_text(parts):
    text = "".join(parts)
    assert "".join(p.text for b in blocks(text) for p in b.pieces) == text


def test_hostile_text_takes_linear_time():
    start = time.process_time()
    for hostile in ("<reflect>", "<verdict>", "</think><reflect>", "<think><reflect></reflect>", "<sample></sample>"):
        blocks(hostile * 20_000 + "</reflect>")
    assert time.process_time() - start < 5
