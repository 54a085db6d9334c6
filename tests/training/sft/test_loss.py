"""The loss in pieces is the loss, and rows of a pack do not see each other."""

import runpy
from pathlib import Path

import pytest
import torch

from sfray.compute.hardware import GIB
from sfray.training.sft.batch import IGNORED
from sfray.training.sft.loss import Objective, count_pieces, loss_sum

driver = runpy.run_path(str(Path(__file__).with_name("driver.py")))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("base")
    driver["write_model"](made)
    return made


def load(folder: Path, attention: str = "sdpa"):
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder, attn_implementation=attention)


def batch() -> tuple[torch.Tensor, torch.Tensor]:
    """Three rows of 20 positions, of which 45 count."""
    ids = torch.randint(2, 200, (3, 20), generator=torch.Generator().manual_seed(0))
    targets = ids.roll(-1, 1)
    targets[:, :5] = IGNORED
    return ids, targets


def gradients(model, *arguments) -> tuple[float, dict[str, torch.Tensor]]:
    """Loss and gradients."""
    model.zero_grad()
    loss = loss_sum(model, *arguments)
    loss.backward()
    return loss.item(), {name: weight.grad.clone() for name, weight in model.named_parameters()}


@pytest.mark.parametrize("pieces", [2, 7, 45, 60])  # of 60 some are empty
@pytest.mark.parametrize("checkpointing", [False, True])
def test_in_pieces_it_is_the_same_loss(folder, pieces, checkpointing):
    model = load(folder)
    expected, whole = gradients(model, *batch())
    if checkpointing:
        model.train().gradient_checkpointing_enable({"use_reentrant": False})
    loss, found = gradients(model, *batch(), None, pieces)
    assert loss == pytest.approx(expected, rel=1e-6)
    largest = max(float(gradient.abs().max()) for gradient in whole.values())
    for name, gradient in whole.items():
        assert torch.allclose(found[name], gradient, rtol=0, atol=1e-6 * largest), name


@pytest.mark.parametrize("pieces", [1, 3])
def test_without_a_target_nothing_is_lost_and_nothing_moves(folder, pieces):
    ids, targets = batch()
    loss, found = gradients(load(folder), ids, torch.full_like(targets, IGNORED), None, pieces)
    assert loss == 0
    assert not any(gradient.any() for gradient in found.values())


def test_logits_are_held_to_the_limit(folder):
    model = load(folder)
    widest = []
    model.get_output_embeddings().register_forward_hook(lambda module, given, logits: widest.append(len(logits)))
    loss_sum(model, *batch(), None, 4)
    assert widest == [12, 11, 11, 11]


@pytest.mark.parametrize(
    ("tokens", "gib", "expected"),
    [(16384, 1.0, 10), (16384, 0.0, 1), (1765, 1.0, 1), (1766, 1.0, 2), (0, 1.0, 1), (16384, 0.5, 19)],
)
def test_pieces_of_a_vocabulary_of_152064(tokens, gib, expected):
    made = count_pieces(tokens, 152_064, gib)
    assert made == expected
    assert not gib or -(-tokens // made) * 152_064 * 4 <= gib * GIB


def test_the_sizes_of_an_objective(folder):
    model = load(folder)
    made = Objective(model)
    assert (made.shape.parameters, made.shape.vocabulary, made.adapters) == (26976, 258, 0)
    ids, targets = batch()
    assert torch.equal(made(ids, targets), loss_sum(model, ids, targets))


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("pieces", [1, 2])
def test_no_gradient_crosses_the_border_of_packed_rows(folder, attention, pieces):
    """The loss of one row alone: its gradient for the other rows' embeddings is exactly zero."""
    model = load(folder, attention)
    embedded = []
    model.get_input_embeddings().register_forward_hook(lambda module, given, output: embedded.append(output))
    lengths = [7, 5, 8]
    ids = torch.randint(2, 200, (1, 20), generator=torch.Generator().manual_seed(0))
    positions = torch.cat([torch.arange(n) for n in lengths])[None]
    for row, (start, end) in enumerate(zip([0, 7, 12], [7, 12, 20], strict=True)):
        targets = torch.full((1, 20), IGNORED)
        targets[0, start : end - 1] = ids[0, start + 1 : end]
        loss = loss_sum(model, ids, targets, positions, pieces)
        (gradient,) = torch.autograd.grad(loss, embedded[-1])
        reached = gradient[0].abs().sum(1) != 0
        assert reached.nonzero()[:, 0].tolist() == list(range(start, end - 1)), row
