"""The corpus: what it holds, in which shares, and what it must never hold."""

import re
from collections import Counter

import pytest

from sfray.grammar import STRUCTURAL_TAG, Verdict, parse_verdict
from sfray.seeds import rng, split_of
from sfray.tasks.countdown import Countdown, Problem
from sfray.tiny import corpus
from sfray.tiny.corpus import document

QUESTION = re.compile(r"Use the numbers ([\d, and]+) with \+ - \* / to make (\d+)\.")


@pytest.fixture(scope="module")
def documents():
    source = rng("test", "corpus")
    return [document(source) for _ in range(3_000)]


def learned(doc):
    """What the loss covers."""
    return "".join(text for text, learn in doc.pieces if learn)


def key(doc):
    """The key of a document's puzzle."""
    numbers, target = QUESTION.search(doc.text).groups()
    return Problem(tuple(int(n) for n in re.findall(r"\d+", numbers)), int(target), 0).key


def test_no_trace_tags(documents):
    assert not any(STRUCTURAL_TAG.search(doc.text) for doc in documents)


def test_never_two_attempts_or_verdicts(documents):
    for doc in documents:
        closings = len(re.findall(r"</answer>|</verdict>", learned(doc)))
        assert closings == (0 if doc.kind == "drill" else 1)


def test_only_the_pretrain_split(documents):
    assert {split_of(key(doc)) for doc in documents if doc.kind != "drill"} == {"pretrain"}


def test_shares(documents):
    puzzles = [doc for doc in documents if doc.kind != "drill"]
    sizes = Counter(doc.size for doc in puzzles)
    kinds = Counter(doc.kind.split(":")[0] for doc in documents)
    for size, percent in corpus.SIZES.items():
        assert sizes[size] / len(puzzles) == pytest.approx(percent / 100, abs=0.03)
    for kind, percent in corpus.KINDS.items():
        assert kinds[kind] / len(documents) == pytest.approx(percent / 100, abs=0.03)


def test_half_of_the_attempts_are_right(documents):
    right = []
    for doc in documents:
        if doc.kind.startswith("attempt:"):
            numbers, target = QUESTION.search(doc.text).groups()
            gold = {"numbers": [int(n) for n in re.findall(r"\d+", numbers)], "target": int(target)}
            right.append(Countdown.judge(gold, re.search(r"<answer>([^<]+)</answer><", learned(doc))[1]).correct)
    assert sum(right) / len(right) == pytest.approx(0.55, abs=0.04)


def test_verdicts_are_right_up_to_the_noise(documents):
    reflections = [doc for doc in documents if doc.kind.startswith("reflection:")]
    wrong = sum(
        (parse_verdict(learned(doc)) == Verdict.CORRECT) != (doc.kind == "reflection:hit") for doc in reflections
    )
    assert 0 < wrong / len(reflections) < 0.05
    assert {doc.kind for doc in reflections} == {f"reflection:{outcome}" for outcome in corpus.REFLECTED}


def test_loss_covers_the_assistant_only(documents):
    for doc in documents:
        assert doc.pieces[-1][1]
        if doc.kind != "drill":
            assert doc.text.endswith(f"<|im_start|>assistant\n{learned(doc)}")
            assert learned(doc).endswith("<|im_end|>")


def test_drills_are_right(documents):
    for doc in documents:
        if doc.kind == "drill":
            for fact in doc.text.removesuffix("\n<|endoftext|>").split("\n"):
                x, op, y, _, result = fact.split(" ")
                x, y, result = int(x), int(y), int(result)
                assert result == {"+": x + y, "-": x - y, "*": x * y, "/": x // y if y else None}[op]


def test_same_seed_same_documents():
    assert [document(rng("a")) for _ in range(3)] == [document(rng("a")) for _ in range(3)]


SYSTEM = "<|im_start|>system\nAlways end with the result inside <answer> and </answer>.<|im_end|>\n"
USER = "<|im_start|>user\nUse the numbers {} with + - * / to make {}. Use each number at most once."
ASSISTANT = "<|im_end|>\n<|im_start|>assistant\n"
CHECK = "\n\nCheck it and end with <verdict>Correct</verdict> or <verdict>Incorrect</verdict>."
EXACT = {
    "attempt:plain": (
        USER.format("10, 7 and 9", 8)
        + " Think step by step, then give the expression in <answer> tags."
        + ASSISTANT
        + "First 13 + 9 = 22, 7 + 22 = 29. <answer>7 + 13 + 9</answer><|im_end|>"
    ),
    "attempt:plan": (
        SYSTEM
        + USER.format("19, 20 and 1", 39)
        + " Make a plan first, then carry it out and give the expression in <answer> tags."
        + ASSISTANT
        + "Plan: multiply 1 and 20, then add 19. 1 * 20 = 20, 20 + 19 = 39. <answer>1 * 20 + 19</answer><|im_end|>"
    ),
    "attempt:alternatives": (
        SYSTEM
        + USER.format("18, 1 and 16", 34)
        + " Weigh several candidates, each after the word Alternatively, then give the expression in <answer> tags."
        + ASSISTANT
        + "A candidate is 1 * 18 = 18. Alternatively 1 * 18 = 18. Alternatively 16 + 18 = 34. "
        + "I take the third: 16 + 18 = 34, 34 * 1 = 34. <answer>(16 + 18) * 1</answer><|im_end|>"
    ),
    "attempt:restate": (
        SYSTEM
        + USER.format("18, 6 and 10", 48)
        + " Say in your own words what is asked, then solve it and give the expression in <answer> tags."
        + ASSISTANT
        + "The goal is 48 from 18, 6 and 10. 18 - 10 = 8, 6 * 8 = 48. <answer>6 * (18 - 10)</answer><|im_end|>"
    ),
    "reflection:slip": (
        USER.format("11, 2 and 10", 23)
        + "\n\nHere is an attempt:\nStep by step: 11 * 2 = 22, 22 - 10 = 23. <answer>11 * 2 - 10</answer>"
        + CHECK
        + ASSISTANT
        + "The attempt gives 11 * 2 - 10. It uses 11, 2 and 10, all given. 11 * 2 = 22, 22 - 10 = 12. "
        + "The target is 23, this is 12. It does not fit. <verdict>Incorrect</verdict><|im_end|>"
    ),
    "drill": "12 * 2 = 24\n6 * 24 = 144\n11 + 3 = 14\n14 * 10 = 140\n6 * 20 = 120\n120 * 4 = 480\n<|endoftext|>",
}
"""The first document of each kind from one seed."""


@pytest.mark.parametrize("kind", sorted(EXACT))
def test_exact_text(kind):
    source = rng("test", "exact")
    drawn = (document(source) for _ in range(1_000))
    assert next(doc.text for doc in drawn if doc.kind == kind) == EXACT[kind]
