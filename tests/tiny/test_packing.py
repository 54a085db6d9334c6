"""Packing: whole documents, blind to each other, with positions of their own."""

import pytest
import torch
from transformers import AutoTokenizer

from sfray.seeds import rng
from sfray.tiny import MODEL_DIR, packing, tokenizer
from sfray.tiny.corpus import document

ROWS, LENGTH = 4, 256


@pytest.fixture(scope="module")
def words():
    return AutoTokenizer.from_pretrained(MODEL_DIR)


@pytest.fixture
def batch(words):
    return packing.batch(rng("test", "batch"), words.backend_tokenizer, ROWS, LENGTH, words.pad_token_id)


def test_a_slot_looks_at_its_own_document_only(batch):
    ids, mask = batch["input_ids"], batch["attention_mask"][:, 0]
    assert not mask.triu(1).any()
    first = mask.int().argmax(-1)  # where the document of each slot starts
    for row in range(ROWS):
        for slot in range(LENGTH):
            assert mask[row, slot, first[row, slot] : slot + 1].all()
    starts = (first == torch.arange(LENGTH)) & (ids != 0)
    assert set(ids[starts].tolist()) - set(range(3, 1024)) == {1}  # a chat starts with <|im_start|>, a drill does not


def test_labels_are_the_next_tokens(batch):
    ids, labels = batch["input_ids"], batch["labels"]
    learned = labels[:, :-1] != packing.IGNORE
    assert torch.equal(labels[:, :-1][learned], ids[:, 1:][learned])
    assert 0.3 < (labels != packing.IGNORE).float().mean() < 0.6
    assert not (labels == 1).any()


def test_rows_are_nearly_full(batch):
    assert (batch["input_ids"] != 0).float().mean() > 0.85


def test_positions_jump_between_pieces_only(words):
    source = rng("test", "gaps")
    jumps = 0
    for _ in range(200):
        doc = document(source)
        encoded = packing.encode(source, doc, words.backend_tokenizer)
        steps = [b - a for a, b in zip(encoded.positions, encoded.positions[1:], strict=False)]
        far = [i + 1 for i, step in enumerate(steps) if step != 1]
        edges, at = set(), 0
        for text, _ in doc.pieces:
            edges.add(at := at + len(words(text).input_ids))
        assert len(far) <= 1
        assert set(far) <= edges
        assert encoded.positions[-1] < tokenizer.CONTEXT
        jumps += len(far)
    assert jumps / 200 == pytest.approx(packing.GAPPED, abs=0.1)


def test_place_drops_what_does_not_fit():
    def doc(size):
        return packing.Encoded([5] * size, [5] * size, list(range(size)))

    placed = packing.place([doc(n) for n in (3, 6, 4, 9, 7, 2)], rows=2, length=10)
    assert [[len(d.ids) for d in row] for row in placed] == [[9], [7, 3]]
