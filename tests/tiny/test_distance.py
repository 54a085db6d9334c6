"""The third phase: its mix, the distances it spans, and that it stays a base."""

import re

import pytest
from transformers import AutoTokenizer

from sfray.grammar import STRUCTURAL_TAG, Verdict, parse_verdict
from sfray.seeds import rng
from sfray.tiny import MODEL_DIR, crowd
from sfray.tiny.context import TOGETHER
from sfray.tiny.distance import DISTANT
from tests.tiny.documents import kinds, learned, of, sizes

QUESTION = re.compile(r"Use the numbers .*? Use each number at most once\.")


@pytest.fixture(scope="module")
def documents():
    source = rng("test", "distance")
    return [DISTANT.document(source) for _ in range(3_000)]


def test_shares(documents):
    assert kinds(documents) == pytest.approx(DISTANT.kinds, abs=3)
    assert sizes(of(documents, "attempt")) == pytest.approx(DISTANT.attempted_sizes, abs=4)
    assert sizes(of(documents, "reflection")) == pytest.approx(DISTANT.reflected_sizes, abs=4)


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
    assert longest(documents) > 600 > longest([TOGETHER.document(source) for _ in range(1_000)])


def test_it_stays_a_base(documents):
    """No document holds two attempts or verdicts of the assistant, and no trace tag is put to use."""
    assert {doc.kind for doc in documents if STRUCTURAL_TAG.search(doc.text)} == {"copy:lines"}
    for doc in documents:
        if doc.kind.startswith(("attempt", "reflection")):
            assert len(re.findall(r"</answer>|</verdict>", learned(doc))) == 1
        if doc.kind.startswith("attempt"):
            assert "verdict" not in doc.text
