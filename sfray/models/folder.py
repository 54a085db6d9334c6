"""A model as a plain Hugging Face folder: found, and loaded again to prove that the next stage can."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sfray.io.userfiles import located
from sfray.models.error import ModelError
from sfray.models.template import chat_template_hash
from sfray.models.tokenizer import load_tokenizer

TINY = Path(__file__).parents[1] / "tiny" / "model"
"""The embedded base model that is the default."""

EMBEDDED = {"tiny": TINY, "nano": TINY.with_name("nano")}
"""``model.path`` -> the folder of the embedded model that has this name."""

_FILES = ["*.safetensors", "*.json", "*.txt", "*.model", "*.jinja", "*.py"]


@dataclass(frozen=True)
class Folder:
    """What a reload of a model folder showed.

    Attributes:
        parameters: Weights, tied ones counted once.
        dtype: Their type, ``float32`` or ``bfloat16``.
        vocabulary: Rows of the embedding.
        chat_template: Hash of the chat template, see :func:`sfray.models.template.chat_template_hash`.
    """

    parameters: int
    dtype: str
    vocabulary: int
    chat_template: str


def named(path: str) -> Path:
    """The folder that ``model.path`` names: an embedded model's, or the user's, which need not exist."""
    return EMBEDDED.get(path) or located(path)


def resolve(path: str) -> Path:
    """The local folder of a model.

    Args:
        path: ``tiny`` or ``nano`` for an embedded one, a folder, or a hub name (downloaded on first use).

    Raises:
        ModelError: ``model.path`` names a folder without a ``config.json``, or nothing at all.
    """
    folder = named(path)
    if folder.is_dir():
        if not (folder / "config.json").is_file():
            raise ModelError(f"model.path: {folder} has no config.json")
        return folder
    if path in EMBEDDED or path.startswith((".", "/", "~")) or path.count("/") > 1:
        raise ModelError(f"model.path: no folder {folder}")
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(path, allow_patterns=_FILES))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError) as error:
        raise ModelError(f"model.path: neither a folder nor a model of the hub: {path!r} ({error})") from error


def anywhere(path: str) -> str:
    """A model's path as a process on another node, or in another folder, can :func:`resolve` it.

    A hub name stays one: where this machine keeps its download is no other machine's business.
    """
    return str(located(path).resolve()) if path not in EMBEDDED and located(path).is_dir() else path


def check_folder(path: Path, trust_remote_code: bool = False) -> Folder:
    """Reloads a model folder to prove that the next stage can.

    Args:
        path: A folder with config, safetensors, tokenizer and chat template.
        trust_remote_code: Whether to run the folder's own code, ``model.trust_remote_code``.

    Raises:
        ModelError: A file or weight is missing or unexpected, a weight is not finite, or
            the tokenizer has ids that the embedding lacks.
    """
    import torch
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging

    logging.disable_progress_bar()
    for name in ("config.json", "generation_config.json"):
        if not (path / name).is_file():
            raise ModelError(f"{path} has no {name}")
    tokenizer = load_tokenizer(path, trust_remote_code)
    loaded: Any = AutoModelForCausalLM.from_pretrained(
        path, dtype="auto", output_loading_info=True, trust_remote_code=trust_remote_code
    )
    model, info = loaded
    for kind in ("missing_keys", "unexpected_keys", "mismatched_keys", "error_msgs"):
        if info.get(kind):
            raise ModelError(f"{path}: {kind.replace('_', ' ')}: {sorted(map(str, info[kind]))[:5]}")
    for name, weight in model.named_parameters():
        if not torch.isfinite(weight).all():
            raise ModelError(f"{path}: {name} has values that are not finite")
    rows = model.get_input_embeddings().weight.shape[0]
    if len(tokenizer) > rows:
        raise ModelError(f"{path}: {len(tokenizer)} tokens, but {rows} embeddings")
    stored = json.loads((path / "config.json").read_text()).get("vocab_size", rows)
    if stored != rows:
        raise ModelError(f"{path}: config.json says vocab_size {stored}, the embedding has {rows} rows")
    dtype = str(model.dtype).removeprefix("torch.")
    return Folder(sum(p.numel() for p in model.parameters()), dtype, rows, chat_template_hash(tokenizer))
