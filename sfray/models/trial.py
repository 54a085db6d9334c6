"""A model folder tried whole: what would stop a run in its first or last hour, found in seconds.

No engine starts and no model is loaded. Each fault is one line: which file, what is
wrong with it, and what to do.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sfray.models import configuration, generation, rendering, weights
from sfray.models.error import ModelError
from sfray.models.folder import resolve
from sfray.models.tokenizer import load_tokenizer

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True)
class Trial:
    """What a trial of a model folder showed.

    Attributes:
        faults: A line for each thing that would stop a run or spoil its result.
        notes: A line for each thing that sfray works around by itself.
        parameters: Stored weights; 0 when they cannot be read.
    """

    faults: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    parameters: int = 0


def try_model(
    path: str, context: int | None = None, system: bool = False, trains: bool = True, trust_remote_code: bool = False
) -> Trial:
    """Tries a model without an engine.

    Args:
        path: What ``model.path`` takes.
        context: Tokens of prompt and response together, ``model.context``; None to leave that out.
        system: Whether prompts have a system turn.
        trains: Whether the model is to be trained, which a quantised one cannot be.
        trust_remote_code: Whether to run the folder's own code, ``model.trust_remote_code``.
    """
    try:
        folder = resolve(path)
        configuration.read(folder)
    except ModelError as error:
        return Trial((_line(error),))
    checks = [
        configuration.context_faults(folder, context) if context is not None else iter(()),
        configuration.faults(folder, trains, trust_remote_code),
        _weight_faults(folder),
        _generation_faults(folder),
        _text_faults(folder, system, trust_remote_code),
    ]
    with _quiet():
        faults = tuple(fault for check in checks for fault in _collected(check))
        notes = tuple(_collected(_notes(folder))) if not faults else ()
    return Trial(faults, notes, _parameters(folder))


@contextmanager
def _quiet() -> Iterator[None]:
    """Holds back the warnings of ``transformers``: a trial says the same in its own lines."""
    from transformers.utils import logging

    before = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(before)


def _collected(check: Iterator[str]) -> Iterator[str]:
    """The faults that a check finds; the error that ends it is one of them."""
    try:
        yield from check
    except ModelError as error:
        yield _line(error)


def _line(error: ModelError) -> str:
    return " ".join(str(error).removeprefix("model.path: ").split())


def _parameters(folder: Path) -> int:
    try:
        return weights.parameters(folder)
    except ModelError:
        return 0


def _weight_faults(folder: Path) -> Iterator[str]:
    names = list(weights.shapes(folder))
    if not any(name.endswith("embed_tokens.weight") for name in names):
        return  # another architecture's names, which only its own code knows
    if "embed_tokens.weight" in names:
        yield (
            f"{weights.files(folder)[0]}: the weights' names lack their prefix ('embed_tokens.weight' for "
            f"'model.embed_tokens.weight'), which engines do not load; load the folder with "
            f"transformers.AutoModelForCausalLM and save it again"
        )


def _generation_faults(folder: Path) -> Iterator[str]:
    generation.load_generation_config(folder)
    yield from ()


def _text_faults(folder: Path, system: bool, trust_remote_code: bool) -> Iterator[str]:
    tokenizer = _tokenizer(folder, trust_remote_code)
    raw = configuration.read(folder)
    rows = (raw.get("text_config") or raw).get("vocab_size")
    if isinstance(rows, int) and len(tokenizer) > rows:
        yield (
            f"{folder}: the tokenizer has {len(tokenizer):,} tokens, the model {rows:,} embeddings; "
            f"use the tokenizer that the model was trained with"
        )
    yield from rendering.faults(tokenizer, folder, system)


def _tokenizer(folder: Path, trust_remote_code: bool) -> PreTrainedTokenizerBase:
    """Loads the tokenizer; its own file is read first, in the way whose error has a type."""
    from tokenizers import Tokenizer

    try:
        if (folder / "tokenizer.json").is_file():
            # Tokenizer.from_file, which transformers calls, raises a bare Exception for what it cannot read.
            Tokenizer.from_buffer((folder / "tokenizer.json").read_bytes())
        return load_tokenizer(folder, trust_remote_code)
    except ModelError:
        raise
    except (OSError, ValueError, TypeError, AttributeError, LookupError, ImportError, RuntimeError) as error:
        cause = generation.first_line(error)[:120]
        raise ModelError(f"{folder}: the tokenizer cannot be loaded ({cause}); download its files again") from error


def _notes(folder: Path) -> Iterator[str]:
    if dropped := generation.dropped(folder):
        yield (
            f"{folder / generation.FILE}: transformers would not save {', '.join(dropped)} without do_sample; "
            f"trained models are saved without them"
        )
    files = weights.files(folder)
    if files[0].suffix != ".safetensors":
        yield f"{files[0]}: read as it is; trained models are saved as safetensors"
