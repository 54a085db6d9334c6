"""Sampling: the batches hold every prompt once and stay within their size."""

import pytest
import torch

from sfray.tiny import MODEL_DIR, sampler
from sfray.tiny.sampler import Sampler, batches


def test_batches_hold_every_prompt_once():
    lengths = [500, 20, 900, 20, 700]
    found = batches(lengths, 100)
    assert sorted(i for group in found for i in group) == [0, 1, 2, 3, 4]
    assert found[0][:2] == [1, 3]


def test_batches_stay_within_their_size():
    found = batches([900] * 120, 100)
    assert [len(group) for group in found] == [50, 50, 20]
    assert max(map(len, batches([10] * 300, 10))) == sampler.MAX_BATCH
    assert batches([10**6], 10) == [[0]]


@pytest.fixture
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("_one_thread")
def test_answers_keep_the_order_of_the_chats():
    asking = Sampler(MODEL_DIR, 1.0, seed=0, max_tokens=4)
    chats = [[{"role": "user", "content": text}] for text in ("Copy:\n3, 5 and 8", "3", "17 and 4")]
    answers = asking.ask(chats, "test")
    assert answers == asking.ask(chats, "test")
    assert len(answers) == 3
    assert all(answers)
