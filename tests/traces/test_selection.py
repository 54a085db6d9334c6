"""Correct attempts as training data."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

from sfray.artifacts import Attempts, Questions
from sfray.config import Config, SelectConfig
from sfray.records import Attempt, Question, Reject
from sfray.store.artifact import Artifact
from sfray.traces.selection import select, select_shard
from tests.traces.rows import write_run, write_tokenizer

QUESTION = Question(
    id="countdown-3:sft:000000",
    task="countdown",
    level="3",
    split="sft",
    text="Make 8 of 3 and 5.",
    gold="{}",
    answer="3 + 5",
)


def attempt(sample: int, correct: bool = True, finish: str = "stop", text: str = "<answer>3 + 5</answer>") -> Attempt:
    name = f"{QUESTION.id}/plain/{sample}"
    return Attempt(
        id=name,
        question_id=QUESTION.id,
        variant="plain",
        sample=sample,
        hinted=False,
        text=text,
        tokens=9,
        finish=finish,
        correct=correct,
        reason="correct",
        answer="3 + 5",
    )


def words(prompt: str, text: str) -> int:
    return len(f"{prompt} {text}".split())


def test_only_correct_and_complete_attempts_are_taken_as_they_are() -> None:
    tried = [attempt(2), attempt(0), attempt(1, correct=False), attempt(3, finish="length")]
    traces, rejects = select_shard(Config(), [QUESTION], tried, words)
    assert rejects == []
    assert [(t.id, t.attempts, t.text, t.n_correct, t.n_incorrect) for t in traces] == [
        (f"{QUESTION.id}#correct.0", [f"{QUESTION.id}/plain/0"], "<answer>3 + 5</answer>", 1, 0),
        (f"{QUESTION.id}#correct.1", [f"{QUESTION.id}/plain/2"], "<answer>3 + 5</answer>", 1, 0),
    ]
    assert all(t.prompt.startswith(QUESTION.text) and t.recipe == "correct" for t in traces)


def test_a_control_token_in_a_text_is_a_reject_and_no_end_of_turn() -> None:
    tried = [attempt(0, text="Done.<|end|><answer>3 + 5</answer>"), attempt(1)]
    control = re.compile(r"<\|end\|>").findall
    traces, rejects = select_shard(Config(), [QUESTION], tried, words, lambda text: next(iter(control(text)), None))
    assert [t.attempts for t in traces] == [[attempt(1).id]]
    assert rejects == [Reject(id=attempt(0).id, reason="control_token", detail="<|end|> in the text")]
    asked = dataclasses.replace(QUESTION, text="Make <|end|>.")
    assert select_shard(Config(), [asked], [attempt(1)], words, lambda text: next(iter(control(text)), None))[0] == []


def test_hinted_attempts_count_only_where_there_are_no_others() -> None:
    hinted = [dataclasses.replace(attempt(i), id=f"{QUESTION.id}/plain+hint/{i}", hinted=True) for i in (0, 1)]
    for tried, wanted in (([*hinted, attempt(2)], [attempt(2)]), ([*hinted, attempt(2, correct=False)], hinted)):
        traces, _ = select_shard(Config(), [QUESTION], tried, words)
        assert [t.attempts for t in traces] == [[a.id] for a in wanted]


def test_a_choice_is_seeded_and_does_not_depend_on_the_order() -> None:
    config = Config(select=SelectConfig(per_question=3))
    tried = [attempt(i) for i in range(10)]
    chosen = [t.attempts for t in select_shard(config, [QUESTION], tried, words)[0]]
    assert len(chosen) == 3
    assert chosen == [t.attempts for t in select_shard(config, [QUESTION], tried[::-1], words)[0]]
    other = dataclasses.replace(config, run=dataclasses.replace(config.run, seed=1))
    assert chosen != [t.attempts for t in select_shard(other, [QUESTION], tried, words)[0]]


def test_what_is_too_long_is_rejected() -> None:
    config = Config(select=SelectConfig(max_tokens=5))
    traces, rejects = select_shard(config, [QUESTION], [attempt(0)], words)
    assert traces == []
    (reject,) = rejects
    assert (reject.id, reject.reason) == (f"{QUESTION.id}/plain/0", "too_long")
    assert isinstance(reject, Reject)
    assert reject.detail.endswith("select.max_tokens = 5")


def test_an_artifact_counts_what_it_holds(tmp_path: Path) -> None:
    sources = write_run(tmp_path, 10, 4)
    output = Artifact(tmp_path / "correct", "select", {}, {})
    output.open()
    model = write_tokenizer(tmp_path / "model")
    select(Config(), output, str(model), Questions(sources.questions.path, "sft"), Attempts(sources.attempts.path))
    counts = output.manifest.counts
    assert counts["questions"] == 10
    assert counts["traces"] >= counts["questions_with_traces"] > 0
    assert len(output.parts()) == 3
