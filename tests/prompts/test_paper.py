"""The wording of the paper presets: the paper's numbers, no words of the default, and used by every such preset."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
import yaml

from sfray import prompts
from sfray.compose import CONF, load
from sfray.grammar import STRUCTURAL_TAG
from sfray.prompts import HINT_WORD, Message, Prompts

PAPER = prompts.load("paper")
DEFAULT = prompts.load()
NOT_PLAIN = ["plan", "alternatives", "restate"]
PRESETS = sorted(
    f"{group}/{path.stem}" for group in ("paper", "ablation") for path in (CONF / "experiment" / group).glob("*.yaml")
)


def phrases(words: Prompts) -> list[str]:
    """Everything that is written into traces."""
    return [p for group in (*words.glue.values(), words.ending, words.backtrack, words.confirm) for p in group]


def texts(conversation: list[Message]) -> list[str]:
    """What the turns say."""
    return [turn["content"] for turn in conversation]


def test_it_has_the_papers_numbers_and_the_names_of_the_default() -> None:
    assert list(PAPER.solve) == list(DEFAULT.solve) == ["plain", *NOT_PLAIN]
    assert list(PAPER.reflect) == list(DEFAULT.reflect) == ["default"]
    assert {kind: len(group) for kind, group in PAPER.glue.items()} == {"generic": 11, "correct": 14, "incorrect": 14}
    assert (len(PAPER.ending), len(PAPER.backtrack), len(PAPER.confirm)) == (7, 3, 3)


def test_phrases_are_unique_whole_and_without_tags_or_hints() -> None:
    written = phrases(PAPER)
    assert len(written) == len(set(written)) == 52
    for phrase in written:
        assert STRUCTURAL_TAG.search(phrase) is None
        assert HINT_WORD.search(phrase) is None
        assert phrase == phrase.strip()
        assert phrase[0].isupper()
        assert phrase[-1] in ".:"


def test_it_shares_no_text_with_the_default() -> None:
    assert set(phrases(PAPER)).isdisjoint(phrases(DEFAULT))
    assert set(PAPER.solve.values()).isdisjoint(DEFAULT.solve.values())
    assert {user for _, user in PAPER.solve.values()}.isdisjoint(user for _, user in DEFAULT.solve.values())
    assert set(PAPER.reflect.values()).isdisjoint(DEFAULT.reflect.values())
    assert PAPER.hint != DEFAULT.hint
    assert PAPER.digest != DEFAULT.digest


def test_the_plain_variant_is_the_user_turn_of_training_and_evaluation() -> None:
    asked = PAPER.question("QUESTION", "the expression")
    assert asked == PAPER.attempt("plain", "QUESTION", "the expression")
    assert texts(asked) == [
        "QUESTION\n\nWork through the problem step by step. "
        "When you are done, write the expression between <answer> and </answer>."
    ]


@pytest.mark.parametrize("variant", NOT_PLAIN)
def test_the_other_variants_insist_on_an_answer_tag(variant: str) -> None:
    system, user = PAPER.attempt(variant, "QUESTION", "the expression")
    assert (system["role"], user["role"]) == ("system", "user")
    assert "must end with" in system["content"]
    assert "between <answer> and </answer>" in system["content"]
    assert user["content"].startswith("QUESTION\n\n")
    assert user["content"].endswith("inish with the expression between <answer> and </answer>.")


def test_candidates_are_separated_by_alternatively() -> None:
    assert ['"Alternatively"' in user for _, user in PAPER.solve.values()] == [False, False, True, False]


@pytest.mark.parametrize("variant", ["plain", *NOT_PLAIN])
def test_a_hinted_twin_is_the_same_conversation_with_the_answer_at_its_end(variant: str) -> None:
    *before, user = texts(PAPER.attempt(variant, "QUESTION", "the expression"))
    *twins, twin = texts(PAPER.attempt(variant, "QUESTION", "the expression", hint="(1 + 2)"))
    assert twins == before
    assert twin.startswith(f"{user}\n\nHint, for you alone: the correct result is (1 + 2). ")
    assert not any("{" in text for text in (*before, user, twin))


def test_a_reflection_thinks_before_its_verdict() -> None:
    (text,) = texts(PAPER.reflection("default", "QUESTION", "ATTEMPT"))
    assert "\nQUESTION\n\nSolution:\nATTEMPT\n\nThink step by step before you decide." in text
    assert text.endswith("either <verdict>Correct</verdict> or <verdict>Incorrect</verdict>.")
    assert "{" not in text


def test_the_default_is_the_wording_the_embedded_model_was_trained_on() -> None:
    content = Path(prompts.__file__).with_name("default.yaml").read_bytes()
    assert DEFAULT.digest == hashlib.sha256(content).hexdigest()[:16]
    sections = yaml.safe_load(content)
    del sections["skills"]  # the model was trained before there were any
    assert hashlib.sha256(json.dumps(sections).encode()).hexdigest()[:16] == "24c98c8beadfcbc8"


@pytest.mark.parametrize("experiment", PRESETS)
def test_every_preset_of_the_paper_uses_it(experiment: str) -> None:
    config = load([f"experiment={experiment}"])
    assert config.prompts == "paper"
    assert set(config.sample.variants) <= set(PAPER.solve)


def test_other_experiments_have_the_tiny_wording() -> None:
    assert len(PRESETS) == 13
    others = [path.stem for path in (CONF / "experiment").glob("*.yaml")]
    assert {load([f"experiment={name}"]).prompts for name in others} == {"tiny"}
    assert load(["experiment=paper/countdown_1.5b", "prompts=default"]).prompts == "default"
