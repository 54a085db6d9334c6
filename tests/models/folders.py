"""Small model folders for tests: a good one, and ways to spoil a copy of it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from tests.training.grpo.model import save

CONTEXT = 1024
"""What the good model reads."""


def good(folder: Path) -> Path:
    """A model of random weights that has no fault, prefix, template and tokenizer included."""
    save(folder)
    return folder


def copied(source: Path, target: Path) -> Path:
    """A copy that may be spoiled."""
    return Path(shutil.copytree(source, target))


def put(file: Path, **values: Any) -> None:
    """Sets keys of a JSON file."""
    file.write_text(json.dumps(json.loads(file.read_text()) | values))


def template(folder: Path, old: str, new: str) -> None:
    """Replaces a part of the chat template, which must be there."""
    file = folder / "chat_template.jinja"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def rename_weights(folder: Path, old: str, new: str) -> None:
    """Replaces the beginning of every weight's name."""
    from safetensors.torch import load_file, save_file

    weights = {new + name.removeprefix(old): weight for name, weight in load_file(folder / "model.safetensors").items()}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def pickle_weights(folder: Path) -> None:
    """Keeps the weights as ``pytorch_model.bin`` only."""
    import torch
    from safetensors.torch import load_file

    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()


def shard_weights(folder: Path) -> None:
    """Keeps the weights as several safetensors files and their index."""
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder)
    (folder / "model.safetensors").unlink()
    model.save_pretrained(folder, max_shard_size="100KB")


def metaspace_tokenizer(folder: Path) -> None:
    """A tokenizer in the manner of SentencePiece: every text begins with a space of its own."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    from tests.training.grpo.model import TEMPLATE

    letters = sorted({chr(i) for i in range(33, 127)} | {"▁", "\n"})
    core = Tokenizer(models.BPE(vocab={c: i for i, c in enumerate(letters)}, merges=[]))
    core.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
    core.decoder = decoders.Metaspace(prepend_scheme="first")
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=core,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        additional_special_tokens=["<|im_start|>"],
    )
    tokenizer.chat_template = TEMPLATE
    tokenizer.save_pretrained(folder)
