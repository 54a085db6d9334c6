"""The chat template: from a conversation to what a model reads."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sfray.models.error import ModelError
from sfray.models.tokenizer import token_ids
from sfray.prompts import Message

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


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
