"""The generation config of a model folder: sfray ignores its sampling settings, but must save it again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sfray.models.error import ModelError

if TYPE_CHECKING:
    from transformers import GenerationConfig

FILE = "generation_config.json"

_UNREAD = (
    "temperature",
    "top_p",
    "top_k",
    "min_p",
    "top_h",
    "typical_p",
    "epsilon_cutoff",
    "eta_cutoff",
    "early_stopping",
    "length_penalty",
)
"""Settings of sampling and beam search: without ``do_sample`` or beams ``transformers`` refuses to save them."""


def load_generation_config(folder: Path) -> GenerationConfig | None:
    """A folder's generation config in a form that can be saved; None where the folder has no such file.

    Raises:
        ModelError: It cannot be read, or not be saved even without the settings that nothing reads.
    """
    return _savable(folder)[0]


def dropped(folder: Path) -> list[str]:
    """The settings that :func:`load_generation_config` leaves out.

    Raises:
        ModelError: As there.
    """
    return _savable(folder)[1]


def _savable(folder: Path) -> tuple[GenerationConfig | None, list[str]]:
    from transformers import GenerationConfig

    if not (folder / FILE).is_file():
        return None, []
    try:
        config = GenerationConfig.from_pretrained(folder)
        return config, make_savable(config)
    except (ValueError, TypeError, OSError) as error:
        raise ModelError(f"{folder / FILE}: {first_line(error)}; correct the setting, or delete the file") from error


def make_savable(config: GenerationConfig) -> list[str]:
    """Drops the settings that keep a generation config from being saved.

    Returns:
        The names of the dropped settings; empty when it could be saved as it was.

    Raises:
        ValueError: Another setting keeps it from being saved.
    """
    if _saves(config):
        return []
    unread = [name for name in _UNREAD if getattr(config, name, None) is not None]
    for name in unread:
        setattr(config, name, None)
    config.validate(strict=True)
    return unread


def _saves(config: GenerationConfig) -> bool:
    try:
        config.validate(strict=True)
    except ValueError:
        return False
    return True


def first_line(error: BaseException) -> str:
    """The first line of an error's message that says something, or its type."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
