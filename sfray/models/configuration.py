"""The ``config.json`` of a model folder."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sfray.models.error import ModelError
from sfray.models.generation import first_line

FILE = "config.json"

_SCALED = ("linear", "dynamic", "yarn")
"""Kinds of RoPE scaling whose factor lengthens the context."""

_ON_LOGITS = ("final_logit_softcapping", "logit_scale", "logits_scaling", "lm_head_multiplier")
"""What architectures do to logits after the output layer: Gemma 2's cap; Cohere's, Granite's, Falcon-H1's factors."""


def read(folder: Path) -> dict[str, Any]:
    """A folder's configuration, as it is in the file.

    Raises:
        ModelError: The file is not one JSON object.
    """
    try:
        raw = json.loads((folder / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{folder / FILE}: not JSON ({first_line(error)}); download it again") from error
    if not isinstance(raw, dict):
        raise ModelError(f"{folder / FILE}: not a JSON object; download it again")
    return raw


def longest(raw: Mapping[str, Any]) -> int | None:
    """Most tokens that a model's positions reach, RoPE scaling counted; None where nothing says so."""
    text = raw.get("text_config") or raw
    positions = text.get("max_position_embeddings")
    if not isinstance(positions, int):
        return None
    rope = text.get("rope_parameters") or text.get("rope_scaling") or {}
    if rope.get("rope_type", rope.get("type")) not in _SCALED:
        return positions
    return int(rope.get("original_max_position_embeddings", positions) * rope.get("factor", 1))


def on_logits(raw: Mapping[str, Any]) -> str | None:
    """The key by which a model changes its logits after the output layer; None where no known one does."""
    text = raw.get("text_config") or raw
    return next((key for key in _ON_LOGITS if text.get(key) not in (None, 1, False)), None)


def context_faults(folder: Path, context: int) -> Iterator[str]:
    """Says so when a model reads fewer tokens than asked for."""
    reach = longest(read(folder))
    if reach is not None and reach < context:
        yield f"{folder / FILE}: the model reads {reach:,} tokens, model.context is {context:,}; lower model.context"


def logits_faults(folder: Path) -> Iterator[str]:
    """Says so when a loss in pieces, ``sft.logits_gib``, would not be the model's loss."""
    if key := on_logits(read(folder)):
        yield (
            f"sft.logits_gib: {folder / FILE} changes the logits after the output layer ({key}), so a loss in pieces "
            f"is not the model's; set sft.logits_gib=0"
        )


def faults(folder: Path, trains: bool, trust_remote_code: bool) -> Iterator[str]:
    """Says what of a configuration ``transformers`` or training cannot work with."""
    from transformers import AutoConfig

    raw = read(folder)
    if raw.get("auto_map") and not trust_remote_code:
        yield f"{folder / FILE}: the model brings code of its own; read it, then set model.trust_remote_code=true"
        return
    try:
        AutoConfig.from_pretrained(folder, trust_remote_code=trust_remote_code)
    except (ValueError, KeyError, TypeError, OSError, ImportError) as error:
        kind = raw.get("model_type")
        yield (
            f"{folder / FILE}: transformers cannot read model_type {kind!r} ({first_line(error)[:120]}); "
            f"use a model of a supported architecture"
        )
    if trains and (quantised := raw.get("quantization_config")):
        method = quantised.get("quant_method") if isinstance(quantised, dict) else quantised
        yield f"{folder / FILE}: quantised ({method}), which cannot be trained; use the model that is not quantised"
