"""The tokenizer of a model folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sfray.models.error import ModelError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_FILES = ("tokenizer.json", "*.model", "vocab.*", "tekken.json", "*.tiktoken", "*.py")
"""Any of these holds a vocabulary, or the code that makes one: without them an empty tokenizer is built."""

_PROBE = "Use 3, 15 and 20: (20 + 15) + 3 = 38.\n<answer>\n  it's 20+15 + 3\n</answer>\n\nSo WRONG, isn't it?"


def load_tokenizer(folder: Path, trust_remote_code: bool = False) -> PreTrainedTokenizerBase:
    """Loads a model's tokenizer, with a padding token.

    Raises:
        ModelError: Its files are missing, it has no or several chat templates or no
            end-of-sequence token, or ``transformers`` builds something else than its
            ``tokenizer.json``.
    """
    from transformers import AutoTokenizer

    if not any(any(folder.glob(pattern)) for pattern in _FILES):
        raise ModelError(
            f"model.path: {folder} has no tokenizer (tokenizer.json, tokenizer.model or vocab.json); "
            f"copy its files from the model's first release"
        )
    tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=trust_remote_code)
    _check_backend(tokenizer, folder)
    if isinstance(tokenizer.chat_template, dict | list):
        raise ModelError(
            f"model.path: the tokenizer of {folder} has several chat templates ({', '.join(tokenizer.chat_template)}); "
            f"write the one to use to chat_template.jinja and remove the others"
        )
    if not isinstance(tokenizer.chat_template, str):
        raise ModelError(f"model.path: the tokenizer of {folder} has no chat template; use an instruction-tuned model")
    if tokenizer.eos_token_id is None:
        raise ModelError(f"model.path: the tokenizer of {folder} has no end-of-sequence token")
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def token_ids(tokenizer: PreTrainedTokenizerBase, text: str) -> list[int]:
    """Token ids of a text, without special tokens around it."""
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


def _check_backend(tokenizer: PreTrainedTokenizerBase, folder: Path) -> None:
    """Insists that text becomes the ids that ``tokenizer.json`` says.

    For some architectures ``AutoTokenizer`` ignores that file's pre-tokenizer and builds
    the one it knows; a model with a tokenizer of its own would then read, in every engine,
    sequences that it never saw in training.
    """
    if not (folder / "tokenizer.json").is_file():
        return
    from tokenizers import Tokenizer

    expected = Tokenizer.from_file(str(folder / "tokenizer.json")).encode(_PROBE, add_special_tokens=False).ids
    if token_ids(tokenizer, _PROBE) != expected:
        raise ModelError(
            f"model.path: transformers builds a {type(tokenizer).__name__} for {folder} that disagrees with the "
            f"folder's tokenizer.json; engines would feed the model other tokens than it was trained on"
        )
