"""Memory of SFT, against the bytes that PyTorch's tensors hold while small models train."""

from __future__ import annotations

import dataclasses
import gc
import weakref
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.checkpoint import checkpoint
from transformers import Qwen2Config, Qwen2ForCausalLM

from sfray.compute.hardware import GIB
from sfray.compute.memory import Memory, Work, layer_bytes, sft
from sfray.compute.shape import Shape
from sfray.config import LoraConfig
from sfray.training.sft import loss
from sfray.training.sft.adapters import adapt
from sfray.training.sft.loss import loss_sum

TOLERANCE = 0.15


class Held(TorchDispatchMode):
    """Counts the bytes of all storages that tensors hold, from the results of every operation on."""

    def __init__(self, tensors: Iterable[torch.Tensor]) -> None:
        super().__init__()
        self.now = self.peak = 0
        self._known: set[int] = set()
        for tensor in tensors:
            self._add(tensor)

    def _add(self, tensor: torch.Tensor) -> None:
        storage = tensor.untyped_storage()
        if storage._cdata in self._known:
            return
        self._known.add(storage._cdata)
        self.now += storage.nbytes()
        self.peak = max(self.peak, self.now)
        weakref.finalize(storage, self._remove, storage._cdata, storage.nbytes())

    def _remove(self, key: int, size: int) -> None:
        self._known.remove(key)
        self.now -= size

    def __torch_dispatch__(self, operation: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = operation(*args, **(kwargs or {}))
        for found in tree_leaves(result):
            if isinstance(found, torch.Tensor):
                self._add(found)
        return result


BASE = {"layers": 3, "hidden": 64, "intermediate": 160, "keys": 2, "vocabulary": 500, "tied": True}


def small(**sizes: Any) -> Qwen2ForCausalLM:
    """A random model."""
    s = BASE | sizes
    config = Qwen2Config(
        num_hidden_layers=s["layers"],
        hidden_size=s["hidden"],
        intermediate_size=s["intermediate"],
        num_attention_heads=4,
        num_key_value_heads=s["keys"],
        vocab_size=s["vocabulary"],
        tie_word_embeddings=s["tied"],
        attn_implementation="sdpa",
    )
    torch.manual_seed(0)
    return Qwen2ForCausalLM(config).train()


def measured(model: Any, rows: int, length: int, pieces: int) -> int:
    """The peak over a step of AdamW and the passes of the next one."""
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1e-3, fused=True)
    ids = torch.randint(0, model.config.vocab_size, (rows, length))
    gc.collect()
    with Held(model.parameters()) as held:
        loss_sum(model, ids, ids, None, pieces).backward()
        optimizer.step()
        loss_sum(model, ids, ids, None, pieces).backward()
    return held.peak


CASES = {
    "activations": ({}, (4, 400), {}),
    "one row": ({"layers": 6, "keys": 4}, (1, 900), {}),
    "logits": ({"vocabulary": 5000}, (4, 400), {}),
    "in pieces": ({"vocabulary": 5000}, (4, 400), {"pieces": 8}),
    "checkpointed": ({"layers": 8, "vocabulary": 50}, (1, 1600), {"checkpointing": True}),
    "checkpointed, logits": ({"layers": 8, "vocabulary": 4000}, (2, 500), {"checkpointing": True}),
    "checkpointed, in pieces": ({"layers": 8, "vocabulary": 4000}, (2, 500), {"checkpointing": True, "pieces": 10}),
    "weights": ({"layers": 12, "hidden": 128, "intermediate": 512, "tied": False}, (1, 20), {}),
    "adapters": ({"layers": 6, "hidden": 128}, (2, 300), {"adapters": 8}),
    "adapters, checkpointed": ({"layers": 6}, (2, 300), {"adapters": 4, "checkpointing": True}),
}


@pytest.mark.parametrize("name", CASES)
def test_the_formula_is_near_what_is_held(name: str) -> None:
    sizes, (rows, length), how = CASES[name]
    model = small(**sizes)
    shape = Shape.of(model.config, sum(p.numel() for p in model.parameters()))
    if how.get("checkpointing"):
        model.gradient_checkpointing_enable({"use_reentrant": False})
    adapters = 0
    if rank := how.get("adapters", 0):
        model = adapt(model, LoraConfig(rank=rank), seed=0)
        adapters = sum(p.numel() for p in model.parameters() if p.requires_grad)
    positions = rows * length
    work = Work(positions, positions, **how | {"width": 4, "adapters": adapters})
    assert sft(shape, work).total == pytest.approx(measured(model, rows, length, work.pieces), rel=TOLERANCE)


def test_in_bfloat16_activations_are_half_and_norms_are_not() -> None:
    model = small(vocabulary=2000).bfloat16()
    shape = Shape.of(model.config, sum(p.numel() for p in model.parameters()))
    # torch's own AdamW has its moments in bfloat16 too; DeepSpeed's has 12 bytes a weight
    found = sft(shape, Work(1600, 1600, width=2)).total - 8 * shape.parameters
    assert found == pytest.approx(measured(model, 4, 400, 1), rel=TOLERANCE)


SEVEN = Shape(7_615_616_512, 28, 3584, 3584, 512, 18944, 152064, False)
"""Qwen2.5-7B: https://huggingface.co/Qwen/Qwen2.5-7B/blob/main/config.json."""


def test_7b_at_16k_on_tensors_without_storage() -> None:
    """The model itself, a row of 16,384 tokens, checkpointing, ten pieces; all but the optimizer."""
    tokens, pieces = 16384, 10
    with FakeTensorMode(allow_non_fake_inputs=True):
        torch.set_default_dtype(torch.bfloat16)
        try:
            model = Qwen2ForCausalLM(
                Qwen2Config(
                    vocab_size=152064,
                    hidden_size=3584,
                    intermediate_size=18944,
                    num_hidden_layers=28,
                    num_attention_heads=28,
                    num_key_value_heads=4,
                    max_position_embeddings=32768,
                    attn_implementation="sdpa",
                )
            ).train()
        finally:
            torch.set_default_dtype(torch.float32)
        assert Shape.of(model.config, sum(p.numel() for p in model.parameters())) == SEVEN
        model.gradient_checkpointing_enable({"use_reentrant": False})
        ids = torch.zeros(1, tokens, dtype=torch.long)
        with Held(model.parameters()) as held:
            states = model.get_decoder()(input_ids=ids, use_cache=False).last_hidden_state[0]
            parts = zip(states.tensor_split(pieces), ids[0].tensor_split(pieces), strict=True)
            head = model.get_output_embeddings()
            losses = [checkpoint(loss._piece, head, state, part, use_reentrant=False) for state, part in parts]
            torch.stack(losses).sum().backward()
    memory = sft(SEVEN, Work(tokens, tokens, pieces, checkpointing=True))
    assert memory.total - memory.optimizer == pytest.approx(held.peak, rel=TOLERANCE)


LORA_16 = 28 * 16 * (2 * (3584 + 3584) + 2 * (3584 + 512) + 3 * (3584 + 18944))
SAID = {
    "4 workers, ZeRO 2": Work(16384, 16384, 10, True, zero=2, workers=4),
    "the same, `sft.logits_gib=0`": Work(16384, 16384, 1, True, zero=2, workers=4),
    "8 workers, ZeRO 2": Work(16384, 16384, 10, True, zero=2, workers=8),
    "4 workers, ZeRO 3": Work(16384, 16384, 10, True, zero=3, workers=4),
    "1 worker, LoRA of rank 16": Work(16384, 16384, 10, True, zero=2, workers=1, adapters=LORA_16),
    "4 workers, ZeRO 2, no checkpointing": Work(16384, 16384, 10, False, zero=2, workers=4),
}


def test_what_the_training_page_says_of_7b_at_16k() -> None:
    page = (Path(__file__).parents[2] / "docs" / "training.md").read_text(encoding="utf-8")
    assert SEVEN.body == 6_525_621_760
    for name, work in SAID.items():
        memory = sft(SEVEN, work)
        sizes = [*dataclasses.asdict(memory).values(), memory.total]
        assert f"| {name} | {' | '.join(f'{size / GIB:.1f}' for size in sizes)} |" in page


def test_by_hand() -> None:
    shape = Shape(1000, 2, 8, 8, 4, 16, 20, True)
    assert layer_bytes(shape, 2) == 2 * (32 + 16 + 8 + 64) + 64
    work = Work(10, 6, width=2, zero=2, workers=4)
    last = 10 * 10 * 8
    assert sft(shape, work) == Memory(2000, 500 + 2000, 3000, 2 * 10 * 304 + last, 12 * 6 * 20)
    many = Work(10, 6, pieces=3, checkpointing=True, width=4, zero=3, workers=2)
    layer = 10 * layer_bytes(shape, 4)
    assert sft(shape, many) == Memory(2000, 2000, 6000, 10 * 2 * 4 * 8 + 10 * 12 * 8, 10 * 4 * 16 + layer)
