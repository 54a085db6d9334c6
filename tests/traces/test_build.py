"""Questions and shards: exact traces for a seed, and what holds for all of them."""

from __future__ import annotations

import hashlib
import json
import random
import re
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfray.config import TraceConfig
from sfray.grammar import STRUCTURAL_TAG, Verdict, parse, parse_verdict
from sfray.prompts import load
from sfray.records import Question, Reject
from sfray.skills.registry import skills
from sfray.skills.registry import tags as tags_of
from sfray.tasks.registry import verify
from sfray.traces.build import Workshop, build_question, build_shard
from sfray.traces.recipes import RECIPES
from tests.traces.rows import attempt, countdown_rows, reflection, segment

PROMPTS = load()
QUESTIONS, ATTEMPTS, REFLECTIONS = countdown_rows(10)
QUESTION = Question(
    id="q",
    task="countdown",
    level="3",
    split="sft",
    text="Make 8.",
    gold=json.dumps({"numbers": [3, 5], "target": 8}),
    answer="3 + 5",
)


def workshop(seed: int = 0, **config: object) -> Workshop:
    trace = replace(TraceConfig(max_tokens=100_000), **config)
    return Workshop(trace, seed, PROMPTS, lambda p, t: len(p) + len(t))


def test_exact_traces_of_a_seed() -> None:
    attempts = [attempt(0, True), attempt(1, True), attempt(0, False)]
    built = build_question(QUESTION, attempts, [reflection(a) for a in attempts], workshop(seed=0, l_max=3))
    (trace,) = built.traces
    assert trace.id == "q#algorithm1.0"
    assert trace.attempts == ["q/plain/100", "q/plain/1", "q/plain/0"]
    assert trace.reflections == ["q/plain/100/r0", "q/plain/1/r0", "q/plain/0/r0"]
    assert (trace.answer, trace.n_correct, trace.n_incorrect) == ("C0", 2, 1)
    assert trace.prompt == "Make 8. Think step by step, then give the expression in <answer> tags."
    assert trace.text == (
        "<think>\n"
        "<sample>\n"
        "try I0 <answer>I0</answer>\n"
        "</sample>\n"
        "<reflect>\n"
        "check I0 <verdict>Incorrect</verdict>\n"
        "</reflect>\n"
        "Let me do it again from the start.\n"
        "<sample>\n"
        "try C1 <answer>C1</answer>\n"
        "</sample>\n"
        "<reflect>\n"
        "check C1 <verdict>Correct</verdict>\n"
        "</reflect>\n"
        "It holds. Let me try a different way to be safe.\n"
        "<sample>\n"
        "try C0 <answer>C0</answer>\n"
        "</sample>\n"
        "<reflect>\n"
        "check C0 <verdict>Correct</verdict>\n"
        "</reflect>\n"
        "</think>\n"
        "\n"
        "The final answer is:\n"
        "\n"
        "<answer>\n"
        "C0\n"
        "</answer>"
    )
    assert trace.tokens == len(trace.prompt) + len(trace.text)


def test_seed_recipe_and_question_all_matter_and_row_order_does_not() -> None:
    def texts(seed: int = 0, recipe: str = "algorithm1", shuffled: bool = False) -> list[str]:
        attempts, reflections = list(ATTEMPTS), list(REFLECTIONS)
        if shuffled:
            random.Random(3).shuffle(attempts)
            random.Random(4).shuffle(reflections)
        return [t.text for t in build_shard(QUESTIONS, attempts, reflections, workshop(seed, recipe=recipe)).traces]

    assert texts() == texts(shuffled=True)
    assert texts() != texts(seed=1)
    assert texts() != texts(recipe="uniform")


def test_a_question_is_built_alike_in_any_shard() -> None:
    whole = build_shard(QUESTIONS, ATTEMPTS, REFLECTIONS, workshop()).traces
    for question in QUESTIONS[:5]:
        mine = [r for r in ATTEMPTS if r.question_id == question.id]
        alone = build_shard([question], mine, [r for r in REFLECTIONS if r.question_id == question.id], workshop())
        assert alone.traces == [t for t in whole if t.question_id == question.id]


@settings(max_examples=50)
@given(st.sampled_from(sorted(RECIPES)), st.integers(0, 2**31), st.integers(200, 4_000))
def test_every_trace_parses_back_and_is_judged_as_labelled(name: str, seed: int, max_tokens: int) -> None:
    built = build_shard(QUESTIONS, ATTEMPTS, REFLECTIONS, workshop(seed, recipe=name, max_tokens=max_tokens))
    text_of = {a.id: a for a in ATTEMPTS}
    said = {r.id: r.text for r in REFLECTIONS}
    gold = {q.id: q.gold for q in QUESTIONS}
    for trace in built.traces:
        thinking = parse(trace.text)
        assert thinking.closed
        assert [t.attempt for t in thinking.tries] == [text_of[i].text for i in trace.attempts]
        reflected = [(said[i],) if i in said else () for i in trace.reflections]
        assert [t.reflections for t in thinking.tries] == reflected
        right = [text_of[i].correct for i in trace.attempts]
        reflected_on = [
            (text, correct) for t, correct in zip(thinking.tries, right, strict=True) for text in t.reflections
        ]
        verdicts = [parse_verdict(text) for text, _ in reflected_on]
        due = [Verdict.CORRECT if correct else Verdict.INCORRECT for _, correct in reflected_on]
        if name == "shuffled_verdicts":
            verdicts, due = sorted(map(str, verdicts)), sorted(map(str, due))
        assert verdicts == due
        assert (sum(right), len(right) - sum(right)) == (trace.n_correct, trace.n_incorrect)
        outcome = verify("countdown", gold[trace.question_id], trace.text)
        assert outcome.answer == trace.answer
        assert outcome.correct == trace.correct
        if RECIPES[name].ends_correct:
            assert outcome.correct
        assert trace.tokens <= max_tokens
    rejected = [r for r in built.rejects if r.reason == "too_long"]
    totals = built.statistics.totals
    assert len({t.id for t in built.traces} | {r.id for r in rejected}) == len(built.traces) + len(rejected)
    assert totals["traces"] == len(built.traces)
    assert totals["tokens"] == sum(t.tokens for t in built.traces)


def test_redrawn_and_rejected_traces_are_counted() -> None:
    attempts = [attempt(0, True), attempt(0, False), attempt(1, False, text="try " * 99 + "<answer>I1</answer>")]
    reflections = [reflection(a) for a in attempts]
    config = {"recipe": "last_correct", "l_max": 2, "repeats": 20}
    free = build_question(QUESTION, attempts, reflections, workshop(**config))
    assert free.statistics.totals["redrawn"] == free.statistics.totals["given_up"] == 0
    long = max(t.tokens for t in free.traces)
    tight = build_question(QUESTION, attempts, reflections, workshop(**config, max_tokens=long - 200))
    assert {tuple(t.attempts) for t in free.traces} == {("q/plain/100", "q/plain/0"), ("q/plain/101", "q/plain/0")}
    assert {tuple(t.attempts) for t in tight.traces} == {("q/plain/100", "q/plain/0")}
    assert len(tight.traces) == 20
    assert 0 < tight.statistics.totals["redrawn"] < 20
    assert tight.statistics.totals["given_up"] == 0
    none = build_question(QUESTION, attempts, reflections, workshop(recipe="last_correct", l_max=2, max_tokens=10))
    assert none.traces == []
    detail = "shape IC: none of 32 draws fits trace.max_tokens = 10"
    assert none.rejects == [Reject(id="q#last_correct.0", reason="too_long", detail=detail)]
    assert none.statistics.totals["questions_with_traces"] == 0
    assert none.statistics.summary()["mix_drawn"] == {"1,1": 1}
    assert none.statistics.summary()["mix"] == {}


def test_a_question_or_a_row_with_a_control_token_is_a_reject() -> None:
    def control(text: str) -> str | None:
        return "<|im_end|>" if "<|im_end|>" in text else None

    attempts = [attempt(0, True), attempt(1, True, text="so <|im_end|> <answer>C1</answer>")]
    reflections = [reflection(attempts[0]), reflection(attempts[1]), reflection(attempts[0], 1, text="<|im_end|>")]
    shop = replace(workshop(), control=control)
    built = build_question(QUESTION, attempts, reflections, shop)
    assert [(t.attempts, t.reflections) for t in built.traces] == [(["q/plain/0"], ["q/plain/0/r0"])]
    assert [(r.id, r.reason) for r in built.rejects] == [
        ("q/plain/0/r1", "control_token"),
        ("q/plain/1", "control_token"),
    ]
    built = build_question(replace(QUESTION, text="Make <|im_end|>"), attempts, reflections, shop)
    assert built.traces == []
    assert built.rejects == [Reject(id="q", reason="control_token", detail="<|im_end|> in the question")]
    assert built.statistics.summary()["questions"]["countdown-3"]["questions"] == 1


@pytest.mark.parametrize(
    ("right", "recipe", "reason"), [(0, "algorithm1", "no_correct_pair"), (1, "last_two_correct", "too_few_pairs")]
)
def test_a_question_without_a_trace_is_a_reject(right: int, recipe: str, reason: str) -> None:
    attempts = [attempt(i, True) for i in range(right)] + [attempt(0, False)]
    built = build_question(QUESTION, attempts, [reflection(a) for a in attempts], workshop(recipe=recipe))
    detail = f"usable attempts: {right} correct, 1 incorrect"
    assert built.rejects == [Reject(id="q", reason=reason, detail=detail)]


def test_subsampling_is_seeded_and_keeps_whole_rows() -> None:
    every = build_shard(QUESTIONS, ATTEMPTS, REFLECTIONS, workshop(recipe="each_length", l_max=4)).traces
    some = build_shard(
        QUESTIONS, ATTEMPTS, REFLECTIONS, workshop(recipe="each_length", l_max=4, max_per_question=2)
    ).traces
    pairs = {(t.question_id, tuple(t.attempts), tuple(t.reflections)) for t in every}
    assert {(t.question_id, tuple(t.attempts), tuple(t.reflections)) for t in some} <= pairs
    per_question = {q.id: [t for t in some if t.question_id == q.id] for q in QUESTIONS}
    assert max(map(len, per_question.values())) == 2
    assert [t.id for t in per_question[QUESTIONS[0].id]] == [f"{QUESTIONS[0].id}#each_length.{k}" for k in (0, 1)]


def test_traces_that_are_not_kept_are_left_out_and_counted() -> None:
    shop = workshop(recipe="each_length", l_max=4)
    every = build_shard(QUESTIONS, ATTEMPTS, REFLECTIONS, shop)
    kept = frozenset(t.id for t in every.traces[::3])
    some = build_shard(QUESTIONS, ATTEMPTS, REFLECTIONS, replace(shop, kept=kept))
    assert some.traces == every.traces[::3]
    assert some.rejects == every.rejects
    summary = some.statistics.summary()
    assert summary["left_out"] == len(every.traces) - len(kept)
    assert summary["traces"] == sum(level["traces"] for level in summary["questions"].values()) == len(kept)
    assert some.statistics.mix_drawn == every.statistics.mix_drawn
    assert sum(some.statistics.mix.values()) == len(kept)


@pytest.mark.parametrize("recipe", ["algorithm1", "random"])
def test_fewer_attempts_are_the_same_in_any_shard_and_order(recipe: str) -> None:
    few = workshop(recipe=recipe, attempts_per_question=3)
    whole = build_shard(QUESTIONS, ATTEMPTS, REFLECTIONS, few)
    used = {i for t in whole.traces for i in t.attempts}
    assert max(Counter(i.rsplit("/", 2)[0] for i in used).values()) == 3
    assert whole.statistics.totals["skipped.not_drawn"] == len(ATTEMPTS) - 3 * len(QUESTIONS)
    again = build_shard(QUESTIONS[::-1], ATTEMPTS[::-1], REFLECTIONS[::-1], few)
    assert sorted(again.traces, key=lambda t: t.id) == sorted(whole.traces, key=lambda t: t.id)
    for question in QUESTIONS[:5]:
        mine = [r for r in ATTEMPTS if r.question_id == question.id]
        alone = build_shard([question], mine, [r for r in REFLECTIONS if r.question_id == question.id], few)
        assert alone.traces == [t for t in whole.traces if t.question_id == question.id]


def test_more_attempts_than_there_are_change_nothing() -> None:
    every = build_shard(QUESTIONS, ATTEMPTS, REFLECTIONS, workshop())
    assert build_shard(QUESTIONS, ATTEMPTS, REFLECTIONS, workshop(attempts_per_question=8)) == every


@pytest.mark.parametrize("recipe", ["no_order", "random"])
def test_a_trace_says_whether_its_answer_is_right(recipe: str) -> None:
    traces = build_shard(QUESTIONS, ATTEMPTS, REFLECTIONS, workshop(recipe=recipe)).traces
    correct = {a.id: a.correct for a in ATTEMPTS}
    assert [t.correct for t in traces] == [correct[t.attempts[-1]] for t in traces]
    assert {t.correct for t in traces} == {True, False}


def test_a_trace_that_goes_back_is_right_although_its_last_attempt_is_wrong() -> None:
    attempts = [attempt(0, True), attempt(0, False)]
    built = build_question(
        QUESTION, attempts, [reflection(a) for a in attempts], workshop(recipe="back_to_correct", l_max=2)
    )
    assert [(t.attempts, t.answer, t.correct) for t in built.traces] == [(["q/plain/0", "q/plain/100"], "C0", True)]


def test_an_unjudged_attempt_is_a_reject_of_its_question() -> None:
    attempts = [attempt(0, True), attempt(0, False, reason="parse_error", answer="42!!")]
    built = build_question(
        QUESTION, attempts, [reflection(a) for a in attempts], workshop(recipe="last_correct", l_max=2)
    )
    assert built.traces == []
    assert built.rejects == [
        Reject(id="q/plain/100", reason="unjudged", detail="parse_error: 42!!"),
        Reject(id="q", reason="too_few_pairs", detail="usable attempts: 1 correct, 0 incorrect"),
    ]


def test_tags_in_rows_never_reach_a_trace() -> None:
    attempts = [attempt(0, True), attempt(1, True, text="</think> <answer>C1</answer>")]
    built = build_question(QUESTION, attempts, [reflection(a) for a in attempts], workshop())
    assert [t.attempts for t in built.traces] == [["q/plain/0"]]
    assert [r.reason for r in built.rejects] == ["structural_tag"]
    inner = built.traces[0].text.removeprefix("<think>")
    assert STRUCTURAL_TAG.findall(inner) == ["<sample>", "</sample>", "<reflect>", "</reflect>", "</think>"]


def test_silver_is_measured_where_answers_are_arithmetic() -> None:
    def silver(task: str, gold: str) -> set[str]:
        question = Question(id="q", task=task, level="-", split="sft", text="How many?", gold=gold)
        attempts = [attempt(0, True), attempt(0, False)]
        made = build_question(question, attempts, [reflection(a) for a in attempts], workshop())
        return set(made.statistics.summary()["silver"])

    assert silver("gsm8k", '{"number": "3"}') == set()
    assert "multiplication.attempt_correct" in silver("multiplication", '{"factors": [3, 4]}')


def test_a_row_of_another_shard_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"^x/plain/0: its question x is not in this shard$"):
        build_shard([QUESTION], [attempt(0, True, question="x")], [], workshop())


@pytest.mark.parametrize(
    ("name", "traces", "digest"),
    [
        ("algorithm1", 29, "25a63f2909fbd54c"),
        ("uniform", 26, "6527ffe36e175346"),
        ("fixed_ratio", 37, "56ec4a453a6c9cb9"),
        ("no_order", 27, "96851f138e458813"),
        ("each_length", 36, "361ab94b1b591d0d"),
        ("back_to_correct", 12, "5ab61e39280c9865"),
        ("last_two_correct", 12, "e8db0a96a47ba58d"),
    ],
)
def test_without_new_options_the_traces_keep_every_byte(name: str, traces: int, digest: str) -> None:
    # An option that is off draws no number: a finished run built again stays the same.
    shop = Workshop(
        TraceConfig(recipe=name, l_max=3),
        11,
        load(),
        lambda p, t: len((p + t).split()),
    )
    made = build_shard(*countdown_rows(12), shop).traces
    assert len(made) == traces
    assert all(t.skills == ["reflection"] and t.segments == [] for t in made)
    earlier = repr(made).replace(", skills=['reflection'], segments=[])", ")")  # the digests are older than the columns
    assert hashlib.sha256(earlier.encode()).hexdigest()[:16] == digest


def test_a_trace_of_several_recipes_names_its_own() -> None:
    shop = Workshop(
        TraceConfig(recipe="0C+*CC", l_max=2),
        0,
        load(),
        lambda p, t: len((p + t).split()),
    )
    made = build_shard(*countdown_rows(4), shop).traces
    assert {t.recipe for t in made} == {"one_correct", "last_two_correct"}
    assert all(t.id.startswith(f"{t.question_id}#one_correct+last_two_correct.") for t in made)


SKILLS = skills(["decomposition", "planning", "backtracking"])
SEGMENTS = [segment("decomposition", id=f"{q.id}/d0", question_id=q.id) for q in QUESTIONS]
SEGMENTS += [segment("planning", a, k) for a in ATTEMPTS for k in range(2)]
SEGMENTS += [segment("backtracking", a) for a in ATTEMPTS if not a.correct]


def without(text: str) -> str:
    """A trace less the segments of other skills."""
    for skill in SKILLS.values():
        text = re.sub(rf"<{skill.tag}>\n.*?\n</{skill.tag}>\n", "", text, flags=re.DOTALL)
    return text


@pytest.mark.parametrize("recipe", sorted(RECIPES))
def test_segments_are_added_and_nothing_else_changes(recipe: str) -> None:
    plain = build_shard(QUESTIONS, ATTEMPTS, REFLECTIONS, workshop(recipe=recipe)).traces
    shown = build_shard(QUESTIONS, ATTEMPTS, REFLECTIONS, replace(workshop(recipe=recipe), skills=SKILLS), SEGMENTS)
    assert [without(t.text) for t in shown.traces] == [t.text for t in plain]
    by_id = {s.id: s for s in SEGMENTS}
    uses: Counter[str] = Counter()
    for trace in shown.traces:
        thinking = parse(trace.text, tags_of(SKILLS))
        assert thinking.valid
        assert [s.text for s in thinking.segments] == [by_id[i].text for i in trace.segments]
        names = {s.skill for s in thinking.segments} | ({"reflection"} if any(trace.reflections) else set())
        assert set(trace.skills) == names
        uses.update(s.skill for s in thinking.segments)
    counted = shown.statistics.summary()["skills"]
    assert {k: v["segments"] for k, v in counted.items() if k != "reflection"} == uses
    assert uses["planning"] == sum(len(t.attempts) for t in shown.traces)
    assert uses["decomposition"] == len(shown.traces) == counted["decomposition"]["traces"]


def test_declared_skills_without_segments_change_nothing() -> None:
    plain = build_shard(QUESTIONS, ATTEMPTS, REFLECTIONS, workshop())
    assert build_shard(QUESTIONS, ATTEMPTS, REFLECTIONS, replace(workshop(), skills=SKILLS)) == plain


def test_an_exact_trace_that_plans_and_goes_back() -> None:
    attempts = [attempt(0, True), attempt(0, False)]
    rows = [segment("planning", attempts[0]), segment("backtracking", attempts[1])]
    shop = replace(workshop(recipe="last_correct", l_max=2), skills=SKILLS)
    (trace,) = build_question(QUESTION, attempts, [reflection(a) for a in attempts], shop, segments=rows).traces
    assert (trace.skills, trace.segments) == (
        ["reflection", "backtracking", "planning"], ["q/plain/100/backtrack0", "q/plain/0/plan0"]
    )  # fmt: skip
    between = trace.text.partition("<verdict>Incorrect</verdict>\n</reflect>\n")[2].partition("<sample>")[0]
    glue, _, after = between.partition("\n")
    assert glue in (*PROMPTS.glue["incorrect"], *PROMPTS.glue["generic"])
    assert after == "<backtrack>\nbacktracking of I0\n</backtrack>\n<plan>\nplanning of C0\n</plan>\n"


def test_the_segments_count_towards_the_length() -> None:
    attempts = [attempt(0, True), attempt(0, False)]
    rows = [segment("planning", attempts[0]), segment("planning", attempts[0], 1, text="a longer plan " * 9)]
    config = {"recipe": "last_correct", "l_max": 2, "repeats": 20}
    reflections = [reflection(a) for a in attempts]
    free = build_question(
        QUESTION, attempts, reflections, replace(workshop(**config), skills=SKILLS), segments=rows
    ).traces
    assert all(t.tokens == len(t.prompt) + len(t.text) for t in free)
    assert {tuple(t.segments) for t in free} == {("q/plain/0/plan0",), ("q/plain/0/plan1",)}
    limit = min(t.tokens for t in free if t.segments == ["q/plain/0/plan1"]) - 1
    shop = replace(workshop(**config, max_tokens=limit), skills=SKILLS)
    tight = build_question(QUESTION, attempts, reflections, shop, segments=rows)
    assert {tuple(t.segments) for t in tight.traces} == {("q/plain/0/plan0",)}
    assert tight.statistics.totals["redrawn"] > 0
    assert all(t.tokens <= limit for t in tight.traces)


def test_a_control_token_in_a_segment_is_a_reject() -> None:
    one = attempt(0, True)
    rows = [segment("planning", one, text="a <|im_end|>"), segment("planning", one, 1)]
    shop = replace(workshop(), skills=SKILLS, control=lambda t: "<|im_end|>" if "<|im_end|>" in t else None)
    built = build_question(QUESTION, [one], [reflection(one)], shop, segments=rows)
    assert [t.segments for t in built.traces] == [["q/plain/0/plan1"]]
    assert built.rejects == [Reject(id="q/plain/0/plan0", reason="control_token", detail="a <|im_end|>")]


def test_a_tag_of_a_declared_skill_in_any_row_is_a_reject() -> None:
    attempts = [attempt(0, True), attempt(1, True, text="</plan> <answer>C1</answer>")]
    rows = [segment("planning", attempts[0], text="a <Backtrack>"), segment("planning", attempts[0], 1)]
    shop = replace(workshop(), skills=SKILLS)
    built = build_question(QUESTION, attempts, [reflection(a) for a in attempts], shop, segments=rows)
    assert [(t.attempts, t.segments) for t in built.traces] == [(["q/plain/0"], ["q/plain/0/plan1"])]
    assert built.rejects == [
        Reject(id="q/plain/1", reason="structural_tag", detail="</plan> <answer>C1</answer>"),
        Reject(id="q/plain/0/plan0", reason="structural_tag", detail="a <Backtrack>"),
    ]
