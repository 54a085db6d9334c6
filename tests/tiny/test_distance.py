"""The third phase: its mix, the distances it spans, and that it stays a base."""

import re
from collections import Counter

import pytest
from transformers import AutoTokenizer

from sfray.grammar import STRUCTURAL_TAG, Verdict, parse_verdict
from sfray.seeds import rng
from sfray.tiny import MODEL_DIR, context, crowd, distance

QUESTION = re.compile(r"Use the numbers .*? Use each number at most once\.")


@pytest.fixture(scope="module")
def documents():
    source = rng("test", "distance")
    return [distance.document(source) for _ in range(3_000)]


def learned(doc):
    """What the loss covers."""
    return "".join(text for text, learn in doc.pieces if learn)


def of(documents, kind):
    """The documents of a kind."""
    return [doc for doc in documents if doc.kind.split(":")[0] == kind]


def test_shares(documents):
    count = len(documents)
    kinds = Counter(d.kind.removeprefix("copy:").split(":")[0] for d in documents)
    assert {kind: kinds[kind] / count for kind in distance.KINDS} == {
        kind: pytest.approx(percent / 100, abs=0.03) for kind, percent in distance.KINDS.items()
    }
    for kind, sizes in (("attempt", distance.ATTEMPTED_SIZES), ("reflection", distance.REFLECTED_SIZES)):
        found = Counter(doc.size for doc in of(documents, kind))
        for size, percent in sizes.items():
            assert found[size] / sum(found.values()) == pytest.approx(percent / 100, abs=0.04)


def test_shares_add_up_to_a_hundred():
    for shares in (
        *(distance.KINDS, distance.ATTEMPTED_SIZES, distance.REFLECTED_SIZES),
        *(distance.REFLECTED, distance.REFLECTED_MANY, distance.CROWDS),
    ):
        assert sum(shares.values()) == 100


def test_attempts_at_many_numbers_mostly_fail_when_reflected_on(documents):
    right = {size: [] for size in (3, 4, 5, 6)}
    for doc in of(documents, "reflection"):
        right.get(doc.size, []).append(doc.kind == "reflection:hit")
    shares = {size: sum(found) / len(found) for size, found in right.items()}
    assert max(shares[5], shares[6]) < 0.32 < min(shares[3], shares[4])


def test_verdicts_are_right(documents):
    for doc in of(documents, "reflection"):
        assert (parse_verdict(learned(doc)) == Verdict.CORRECT) == (doc.kind == "reflection:hit")


def test_a_crowd_lies_between_the_question_and_what_is_reflected_on(documents):
    shown = [d for d in of(documents, "reflection") if any(lead in d.text for lead in crowd.LEADS)]
    assert len(shown) > 200
    for doc in shown:
        question, others, attempt = (
            QUESTION.search(doc.text).start(),
            min(doc.text.find(lead) for lead in crowd.LEADS if lead in doc.text),
            doc.text.index("Here is an attempt:"),
        )
        assert question < others < attempt


def test_distances_are_longer_than_in_the_second_phase(documents):
    words = AutoTokenizer.from_pretrained(MODEL_DIR)

    def longest(found):
        return sorted(len(words(doc.text).input_ids) for doc in of(found, "attempt"))[-len(found) // 100]

    source = rng("test", "context")
    assert longest(documents) > 600 > longest([context.document(source) for _ in range(1_000)])


def test_it_stays_a_base(documents):
    """No document holds two attempts or verdicts of the assistant, and no trace tag is put to use."""
    assert {doc.kind for doc in documents if STRUCTURAL_TAG.search(doc.text)} == {"copy:lines"}
    for doc in documents:
        if doc.kind.startswith(("attempt", "reflection")):
            assert len(re.findall(r"</answer>|</verdict>", learned(doc))) == 1
        if doc.kind.startswith("attempt"):
            assert "verdict" not in doc.text
