"""The trace grammar: exact text, verdicts in every dress, and that parse undoes render."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfray.grammar import (
    STRUCTURAL_TAG,
    TAGS,
    Faults,
    Pair,
    Segment,
    Thinking,
    Try,
    Verdict,
    VerdictError,
    parse,
    parse_verdict,
    render,
    render_parts,
    structural,
)


def test_exact_text() -> None:
    pairs = [Pair(" first\n", "no <verdict>Incorrect</verdict>"), Pair("second", "yes <verdict>Correct</verdict>")]
    assert render(pairs, ["Again."], "So:", "42", closing="Sure.") == (
        "<think>\n<sample>\nfirst\n</sample>\n<reflect>\nno <verdict>Incorrect</verdict>\n</reflect>\nAgain.\n"
        "<sample>\nsecond\n</sample>\n<reflect>\nyes <verdict>Correct</verdict>\n</reflect>\nSure.\n</think>\n\n"
        "So:\n\n<answer>\n42\n</answer>"
    )


def test_segments_of_any_declared_skill() -> None:
    tags = TAGS | {"planning": "plan"}
    parts = [Segment("planning", " first\nthen "), "Go.", Segment("attempt", "a")]
    assert render_parts(parts, "So:", "1", tags) == (
        "<think>\n<plan>\nfirst\nthen\n</plan>\nGo.\n<sample>\na\n</sample>\n</think>\n\nSo:\n\n<answer>\n1\n</answer>"
    )
    with pytest.raises(ValueError, match=r"^structural tag inside a part of a trace: 'x </PLAN >'$"):
        render_parts([Segment("attempt", "x </PLAN >")], "So:", "1", tags)
    with pytest.raises(ValueError, match=r"^no tag for skill 'planing'; did you mean 'planning'\?$"):
        render_parts([Segment("planing", "x")], "So:", "1", tags)


def test_a_tag_that_no_declared_skill_owns_is_text() -> None:
    text = "<think><sample>a <plan>b</plan></sample></think><answer>1</answer>"
    assert parse(text) == Thinking((Try("a <plan>b</plan>", ()),), True)
    assert STRUCTURAL_TAG.search("<plan>") is None
    assert structural(["plan"]).findall("<PLAN> </ sample > <plans>") == ["<PLAN>", "</ sample >"]


PLANNED = TAGS | {"planning": "plan", "backtracking": "backtrack"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "<think><plan>p</plan><sample>a</sample><reflect>r</reflect><backtrack>b</backtrack>"
            "<plan>q</plan><sample>c</sample></think><answer>1</answer>",
            Thinking(
                (Try("a", ("r",)), Try("c", ())),
                True,
                segments=(Segment("planning", "p"), Segment("backtracking", "b", 0), Segment("planning", "q", 0)),
            ),
        ),
        (
            "<think><plan>p</plan>a</sample></think><answer>1</answer>",
            Thinking((Try("a", ()),), True, Faults(unopened=1), (Segment("planning", "p"),)),
        ),
        (
            "<think><sample>a <plan>p</plan></sample></think><answer>1</answer>",
            Thinking((Try("a <plan>p</plan>", ()),), True, Faults(misplaced=2)),
        ),
        (
            "<think>p</plan></plan><sample>a</sample></think><plan>x</plan><answer>1</answer>",
            Thinking(
                (Try("a", ()),),
                True,
                Faults(unopened=2, misplaced=1),
                (Segment("planning", "p"), Segment("planning", "x", 0)),
            ),
        ),
        ("<think><plan>p<plan>q</think><answer>1</answer>", Thinking((), True, Faults(unclosed=2))),
    ],
)
def test_segments_of_declared_skills_are_read(text: str, expected: Thinking) -> None:
    assert parse(text, PLANNED) == expected


def test_without_reflections() -> None:
    assert render([Pair("a", None)], [], "So:", "1") == (
        "<think>\n<sample>\na\n</sample>\n</think>\n\nSo:\n\n<answer>\n1\n</answer>"
    )


@pytest.mark.parametrize(("pairs", "glue"), [([], []), ([Pair("a", None)], ["x"]), ([Pair("a", None)] * 2, [])])
def test_pairs_and_glue_must_match(pairs: list, glue: list) -> None:
    with pytest.raises(ValueError, match=rf"^{len(pairs)} pairs need {len(pairs) - 1} glue phrases, got {len(glue)}$"):
        render(pairs, glue, "So:", "1")


@pytest.mark.parametrize("place", ["attempt", "reflection", "glue", "ending", "answer", "closing"])
@pytest.mark.parametrize("tag", ["<think>", "</THINK>", "< sample >", "</reflect\n>"])
def test_a_tag_in_any_part_is_refused(place: str, tag: str) -> None:
    parts = dict.fromkeys(("attempt", "reflection", "glue", "ending", "answer", "closing"), "x") | {place: f"a {tag}"}
    pairs = [Pair(parts["attempt"], parts["reflection"]), Pair("x", "x")]
    with pytest.raises(ValueError, match=r"^structural tag inside a part of a trace"):
        render(pairs, [parts["glue"]], parts["ending"], parts["answer"], parts["closing"])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<verdict>Correct</verdict>", Verdict.CORRECT),
        ("<verdict>Incorrect</verdict>", Verdict.INCORRECT),
        ("<verdict> **correct**. </verdict>", Verdict.CORRECT),
        ("<VERDICT>\nINCORRECT!\n</Verdict> and so on", Verdict.INCORRECT),
        ("<verdict>Correct</verdict> no: <verdict>Incorrect</verdict>", Verdict.INCORRECT),
        ("<verdict>Incorrect</verdict> <verdict>Correct", Verdict.INCORRECT),
        ("<verdict>x <verdict>Correct</verdict>", Verdict.CORRECT),
        ("<verdict>not correct</verdict>", VerdictError.CONTRADICTORY),
        ("<verdict>Correct or Incorrect</verdict>", VerdictError.CONTRADICTORY),
        ("<verdict>correct correct</verdict>", VerdictError.CONTRADICTORY),
        ("<verdict>yes</verdict>", VerdictError.UNREADABLE),
        ("<verdict></verdict>", VerdictError.UNREADABLE),
        ("</verdict>Correct<verdict>", VerdictError.MISSING),
        ("<verdict>Correct", VerdictError.MISSING),
        ("Correct", VerdictError.MISSING),
        ("", VerdictError.MISSING),
    ],
)
def test_verdicts(text: str, expected: Verdict | VerdictError) -> None:
    assert parse_verdict(text) is expected


parts = st.text(st.characters(codec="utf-8"), max_size=60).filter(lambda t: not STRUCTURAL_TAG.search(t)).map(str.strip)


@given(st.lists(st.tuples(parts, st.none() | parts), min_size=1, max_size=6), parts, parts, parts, parts)
def test_parse_undoes_render(drawn: list, glue: str, ending: str, answer: str, closing: str) -> None:
    pairs = tuple(Pair(*p) for p in drawn)
    text = render(pairs, [glue] * (len(pairs) - 1), ending, answer, closing)
    tries = tuple(Try(p.attempt, () if p.reflection is None else (p.reflection,)) for p in pairs)
    assert parse(text) == Thinking(tries, True)


@pytest.mark.parametrize(
    ("text", "tries", "closed", "faults"),
    [
        ("", (), False, Faults(unanswered=1)),
        ("no tags at all", (), False, Faults(unanswered=1)),
        ("<think>x</think> 3", (), True, Faults(unanswered=1)),
        ("<think>x</think> <answer>3</answer>", (), True, Faults()),
        ("<think>x <answer>3</answer></think>", (), True, Faults(unanswered=1)),
        ("<think><sample>a</sample><reflect>b</reflect>", (Try("a", ("b",)),), False, Faults(0, 0, 1, 0, 1)),
        (
            "<sample>a</sample> but <sample>b</sample><reflect>r</reflect>",
            (Try("a", ()), Try("b", ("r",))),
            False,
            Faults(misplaced=3, unanswered=1),
        ),
        ("<reflect>alone</reflect></think>", (), True, Faults(0, 1, 0, 2, 1)),
        (
            "<think><sample>a</sample><reflect>r</reflect><reflect>s</reflect></think><answer>1</answer>",
            (Try("a", ("r", "s")),),
            True,
            Faults(),
        ),
        ("<think><sample>open <sample>again</sample></think>", (Try("again", ()),), True, Faults(0, 0, 1, 0, 1)),
        (
            "<think><sample>a<reflect>r</reflect></sample></think><answer>1</answer>",
            (Try("a<reflect>r</reflect>", ()),),
            True,
            Faults(misplaced=2),
        ),
        (
            "<think><sample>a</sample></think> <sample>b</sample><answer>1</answer>",
            (Try("a", ()), Try("b", ())),
            True,
            Faults(misplaced=1),
        ),
        ("<think><sample>a</sample><reflect>cut", (Try("a", ()),), False, Faults(0, 0, 2, 0, 1)),
        ("<think>a</sample><reflect>r</reflect></think><answer>1</answer>", (Try("a", ("r",)),), True, Faults(0, 1)),
        ("<think><sample>a</sample>r</reflect></think><answer>1</answer>", (Try("a", ("r",)),), True, Faults(0, 1)),
        (
            "<think><sample>a</sample><sample>b</think>c</sample><answer>1</answer>",
            (Try("a", ()), Try("c", ())),
            True,
            Faults(unopened=1, unclosed=1),
        ),
        (
            "<think><sample>a</sample></sample><reflect>r</reflect>\n</reflect></think><answer>1</answer>",
            (Try("a", ("r",)),),
            True,
            Faults(unopened=2),
        ),
        ("<think>x</think>y</think><answer>1</answer>", (), True, Faults(extra_ends=1, unopened=1)),
        ("<think>x</think><think>y</think><answer>1</answer>", (), True, Faults(extra_ends=1, misplaced=1)),
        ("<think><think>x</think><answer>1</answer>", (), True, Faults(unclosed=1)),
    ],
)
def test_what_models_write(text: str, tries: tuple, closed: bool, faults: Faults) -> None:
    thinking = parse(text)
    assert thinking == Thinking(tries, closed, faults)
    assert thinking.valid == (closed and faults == Faults())


def test_a_reflection_speaks_of_the_nearest_attempt_before_it_opened_or_not() -> None:
    text = (
        "<think>\n<sample>\na\n</sample>\n<reflect>\nno\n</reflect>\n</think>\n\nb <answer>2</answer>\n</sample>\n"
        "<reflect>\nyes\n</reflect>\n</think>\n\nSo:\n\n<answer>\n2\n</answer>"
    )
    tries = (Try("a", ("no",)), Try("b <answer>2</answer>", ("yes",)))
    assert parse(text) == Thinking(tries, True, Faults(extra_ends=1, unopened=2, misplaced=1))


@given(st.lists(st.tuples(st.sampled_from(["attempt", "planning", "backtracking"]), parts), max_size=8), parts)
def test_parse_undoes_render_parts(drawn: list, words: str) -> None:
    clean = [(s, t) for s, t in [*drawn, ("words", words)] if not structural(PLANNED.values()).search(t)]
    pieces = [t if s == "words" else Segment(s, t) for s, t in clean]
    before = [sum(s == "attempt" for s, _ in clean[:i]) for i in range(len(clean))]
    segments = tuple(
        Segment(s, t, before[i] - 1 if before[i] else None)
        for i, (s, t) in enumerate(clean)
        if s in ("planning", "backtracking")
    )
    tries = tuple(Try(t, ()) for s, t in clean if s == "attempt")
    assert parse(render_parts(pieces, "So:", "1", PLANNED), PLANNED) == Thinking(tries, True, Faults(), segments)


crumbs = st.sampled_from(["<", ">", "/", "sample", "reflect", "think", "verdict", "Correct", " ", "x"])


@given(st.lists(crumbs, max_size=80).map("".join))
def test_no_text_is_too_odd(text: str) -> None:
    assert sum(1 + len(t.reflections) for t in parse(text).tries) <= text.count("</")
    assert isinstance(parse_verdict(text), Verdict | VerdictError)


@pytest.mark.parametrize(
    "piece",
    ["<reflect></reflect>", "<sample>", "</sample>", "<reflect>", "<sample></reflect>", "<verdict>", "</think>", "<"],
)
def test_a_megabyte_is_read_in_linear_time(piece: str) -> None:
    text = piece * (1_000_000 // len(piece))
    start = time.process_time()
    parse(text)
    parse_verdict(text)
    assert time.process_time() - start < 5
