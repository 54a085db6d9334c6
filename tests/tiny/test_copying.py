"""Drills that copy: what is said again is what was given."""

import re
from itertools import pairwise

import pytest

from sfray.prompts import load
from sfray.seeds import rng
from sfray.tiny import copying

TAGS = {f"<{slash}{name}>" for name in ("think", "sample", "reflect", "verdict", "answer") for slash in ("", "/")}


def learned(doc):
    """What the loss covers."""
    return "".join(text for text, learn in doc.pieces if learn).removesuffix("<|im_end|>")


def asked(doc):
    """The user's turn."""
    return re.fullmatch(r"<\|im_start\|>user\n(.*)<\|im_end\|>\n<\|im_start\|>assistant\n", doc.pieces[0][0], re.S)[1]


def test_phrases_are_those_of_the_wording():
    words = load("tiny")
    assert set(copying.phrases("tiny")) == {
        *(phrase for group in words.glue.values() for phrase in group),
        *words.ending,
        *words.backtrack,
        *words.confirm,
    }
    assert set(copying.phrases("tiny")) < set(copying.phrases("default"))


def test_lines_are_copied():
    source = rng("test", "lines")
    seen = set()
    for _ in range(400):
        doc = copying.lines(source)
        assert asked(doc) == f"Copy:\n{learned(doc)}"
        found = learned(doc).split("\n")
        assert 2 <= len(found) <= 5
        seen |= set(found)
    assert seen == TAGS | set(copying.phrases("default"))


def test_lines_know_no_order():
    """A tag is as likely after any line: no trace can be learned from them."""
    source = rng("test", "order")
    after = []
    for _ in range(3_000):
        found = learned(copying.lines(source)).split("\n")
        after += [second for first, second in pairwise(found) if first == "<sample>"]
    shares = {tag: after.count(tag) / len(after) for tag in TAGS}
    assert max(shares.values()) < 3 * min(shares.values()) < 1


def test_numbers_are_recalled():
    source = rng("test", "numbers")
    for _ in range(100):
        doc = copying.numbers(source)
        told, *between, order = asked(doc).split("\n")
        assert learned(doc) in told
        assert len(re.findall(r"\d+", learned(doc))) == doc.size
        assert 1 <= len(between) <= 4
        assert order == "Copy the numbers."


def test_the_last_answer_is_copied():
    source = rng("test", "answer")
    endings = []
    for _ in range(300):
        doc = copying.answer(source)
        answers = re.findall("<answer>([^<]+)</answer>", asked(doc))
        assert 1 <= len(answers) <= 4
        ending, _, copied = learned(doc).rpartition("<answer>\n")
        assert copied == f"{answers[-1]}\n</answer>"
        assert asked(doc).endswith("\nCopy the last answer.")
        endings.append(ending)
    assert set(endings) == {"", "So the answer is:\n\n", "The final answer is:\n\n"}
    assert sum(map(bool, endings)) / len(endings) == pytest.approx(copying.ENDED, abs=0.1)
