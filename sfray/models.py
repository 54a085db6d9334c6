"""Models as plain Hugging Face folders: find one, talk to it through its chat template, prove that it loads."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sfray.prompts import Message
from sfray.userfiles import located

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

TINY = Path(__file__).parent / "tiny" / "model"
"""The embedded base model."""

_FILES = ["*.safetensors", "*.json", "*.txt", "*.model", "*.jinja", "*.py"]

_PROBE = "Use 3, 15 and 20: (20 + 15) + 3 = 38.\n<answer>\n  it's 20+15 + 3\n</answer>\n\nSo WRONG, isn't it?"


class ModelError(ValueError):
    """A model folder is missing, incomplete, or does not do what the next stage needs."""


@dataclass(frozen=True)
class Folder:
    """What a reload of a model folder showed.

    Attributes:
        parameters: Weights, tied ones counted once.
        dtype: Their type, ``float32`` or ``bfloat16``.
        vocabulary: Rows of the embedding.
        chat_template: Hash of the chat template, see :func:`chat_template_hash`.
    """

    parameters: int
    dtype: str
    vocabulary: int
    chat_template: str


def resolve(path: str) -> Path:
    """The local folder of a model.

    Args:
        path: ``tiny`` for the embedded one, a folder, or a hub name (downloaded on first use).

    Raises:
        ModelError: ``model.path`` names a folder without a ``config.json``, or nothing at all.
    """
    folder = TINY if path == "tiny" else located(path)
    if folder.is_dir():
        if not (folder / "config.json").is_file():
            raise ModelError(f"model.path: {folder} has no config.json")
        return folder
    if path == "tiny" or path.startswith((".", "/", "~")) or path.count("/") > 1:
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
    return str(located(path).resolve()) if path != "tiny" and located(path).is_dir() else path


def load_tokenizer(folder: Path, trust_remote_code: bool = False) -> PreTrainedTokenizerBase:
    """Loads a model's tokenizer, with a padding token.

    Raises:
        ModelError: It has no chat template or no end-of-sequence token, or ``transformers``
            builds something else than its ``tokenizer.json``.
    """
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=trust_remote_code)
    _check_backend(tokenizer, folder)
    if not isinstance(tokenizer.chat_template, str):
        raise ModelError(f"model.path: the tokenizer of {folder} has no chat template; use an instruction-tuned model")
    if tokenizer.eos_token_id is None:
        raise ModelError(f"model.path: the tokenizer of {folder} has no end-of-sequence token")
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


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


def chat_template_hash(tokenizer: PreTrainedTokenizerBase) -> str:
    """Identity of the chat template: it must be the same in every stage of a run."""
    return hashlib.sha256(str(tokenizer.chat_template).encode()).hexdigest()[:16]


def prompt_text(tokenizer: PreTrainedTokenizerBase, messages: Sequence[Message]) -> str:
    """What the model reads before it answers: the conversation and the opening of its own turn."""
    text = tokenizer.apply_chat_template(list(messages), tokenize=False, add_generation_prompt=True)
    assert isinstance(text, str)  # noqa: S101 - narrows the type
    return text


def prompt_ids(tokenizer: PreTrainedTokenizerBase, messages: Sequence[Message]) -> list[int]:
    """Token ids of :func:`prompt_text`; the template writes all special tokens itself."""
    return token_ids(tokenizer, prompt_text(tokenizer, messages))


def token_ids(tokenizer: PreTrainedTokenizerBase, text: str) -> list[int]:
    """Token ids of a text, none added."""
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


def check_rendering(tokenizer: PreTrainedTokenizerBase, messages: Sequence[Message], response: str) -> None:
    """Insists that what is trained on is what generation will produce.

    Raises:
        ModelError: The template renders the conversation with ``response`` as its last
            turn to something that does not start with the prompt followed by that response
            (for example because it opens a thinking block of its own, or strips ours).
    """
    prompt = prompt_text(tokenizer, messages)
    turn = {"role": "assistant", "content": response}
    whole = tokenizer.apply_chat_template([*messages, turn], tokenize=False)
    if not str(whole).startswith(prompt):
        raise ModelError(
            f"model.path: the chat template renders a prompt as {prompt[-80:]!r}, which does not begin the whole "
            f"conversation; training and generation would see different text"
        )
    if not str(whole)[len(prompt) :].startswith(response):
        raise ModelError(
            f"model.path: the chat template rewrites the assistant's turn: {str(whole)[len(prompt) :][:80]!r} "
            f"instead of {response[:80]!r}"
        )


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
