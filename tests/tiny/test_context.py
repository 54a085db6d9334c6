"""The second phase: its mix, and rows in which everything before is seen."""

import re

import pytest
import torch
from transformers import AutoTokenizer

from sfray.grammar import STRUCTURAL_TAG, Verdict, parse_verdict
from sfray.seeds import rng, split_of
from sfray.tasks.countdown import Problem
from sfray.tiny import MODEL_DIR, context, crowd
from sfray.tiny.context import TOGETHER
from sfray.tiny.packing import IGNORE
from tests.tiny.documents import kinds, learned, of, sizes

ROWS, LENGTH, CONTEXT = 4, 256, 2048
QUESTION = re.compile(r"Use the numbers ([\d, and]+) with \+ - \* / to make (\d+)\.")


@pytest.fixture(scope="module")
def documents():
    source = rng("test", "context")
    return [TOGETHER.document(source) for _ in range(4_000)]


@pytest.fixture(scope="module")
def words():
    return AutoTokenizer.from_pretrained(MODEL_DIR)


def test_shares(documents):
    assert kinds(documents) == pytest.approx(TOGETHER.kinds, abs=3)
    assert sizes(of(documents, "attempt")) == pytest.approx(TOGETHER.attempted_sizes, abs=4)
    assert sizes(of(documents, "reflection")) == pytest.approx(TOGETHER.reflected_sizes, abs=4)


def test_three_to_six_numbers_are_reflected_on_alike():
    assert len({TOGETHER.reflected_sizes[size] for size in (3, 4, 5, 6)}) == 1


def test_tags_are_in_copied_lines_only(documents):
    assert {doc.kind for doc in documents if STRUCTURAL_TAG.search(doc.text)} == {"copy:lines"}


def test_it_stays_a_base(documents):
    """No document holds two attempts or verdicts of the assistant, and no verdict stands before an attempt."""
    for doc in documents:
        if doc.kind.startswith(("attempt", "reflection")):
            assert len(re.findall(r"</answer>|</verdict>", learned(doc))) == 1
        if doc.kind.startswith("attempt"):
            assert "verdict" not in doc.text


def test_failed_attempts_of_others_are_context(documents):
    def crowded(kind):
        found = of(documents, kind)
        return [doc for doc in found if any(lead in doc.text for lead in crowd.LEADS)], len(found)

    shown, count = crowded("attempt")
    assert len(shown) / count == pytest.approx(TOGETHER.crowded_attempts.share, abs=0.04)
    for doc in shown:
        answers = re.findall("<answer>([^<]+)</answer>", doc.text.replace("<answer> and </answer>", ""))
        assert 2 <= len(answers) <= 6
        assert doc.size == 2 or answers[-1] not in answers[:-1]
        assert learned(doc).count("<answer>") == 1
    shown, count = crowded("reflection")
    assert len(shown) / count == pytest.approx(TOGETHER.crowded_reflections.share, abs=0.04)


def test_only_the_pretrain_split(documents):
    for doc in documents:
        if doc.kind.startswith(("attempt", "reflection")):
            numbers, target = QUESTION.search(doc.text).groups()
            puzzle = Problem(tuple(map(int, re.findall(r"\d+", numbers))), int(target), 0)
            assert split_of(puzzle.key) == "pretrain"


def test_verdicts_are_right_up_to_the_noise(documents):
    wrong = [
        (parse_verdict(learned(doc)) == Verdict.CORRECT) != (doc.kind == "reflection:hit")
        for doc in of(documents, "reflection")
    ]
    assert sum(wrong) / len(wrong) < 0.01


def test_rows_are_full_and_follow_the_documents(words):
    source, again = rng("test", "row"), rng("test", "row")
    ids, labels = context.row(source, words.backend_tokenizer, LENGTH, TOGETHER.document)
    text = "".join(TOGETHER.document(again).text for _ in range(10))
    assert len(ids) == len(labels) == LENGTH
    assert ids == words(text).input_ids[:LENGTH]


def test_batch(words):
    batch = context.batch(rng("test", "batch"), words.backend_tokenizer, ROWS, LENGTH, CONTEXT, TOGETHER.document)
    ids, labels, positions = batch["input_ids"], batch["labels"], batch["position_ids"]
    assert set(batch) == {"input_ids", "labels", "position_ids"}
    assert {t.shape for t in batch.values()} == {torch.Size((ROWS, LENGTH))}
    known = labels[:, :-1] != IGNORE
    assert torch.equal(labels[:, :-1][known], ids[:, 1:][known])
    assert 0.2 < known.float().mean() < 0.6
    assert torch.equal(positions - positions[:, :1], torch.arange(LENGTH).repeat(ROWS, 1))


def test_positions_reach_every_place_of_the_context(words):
    source = rng("test", "positions")
    starts = torch.cat(
        [
            context.batch(source, words.backend_tokenizer, 64, 8, 16, TOGETHER.document)["position_ids"][:, 0]
            for _ in range(4)
        ]
    )
    assert set(starts.tolist()) == set(range(9))
