"""Control tokens inside text: what a tokenizer would read as a turn's end, and a person as characters.

Text that holds one is rejected with a reason and not split: the chat template, the engines and
verl's trainer each encode the whole conversation, and they can be told to split every special
token or none, those that the template itself writes among them.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


def control_token(tokenizer: PreTrainedTokenizerBase, text: str) -> str | None:
    """The first control token in a text, or None.

    Control tokens are those that decoding leaves out: the special ones, reserved ones among
    them. Added tokens that are not special, such as the tags of some models, are text.

    Args:
        tokenizer: The model's.
        text: A question, an attempt or any other text that is not the template's own.
    """
    added = tokenizer.added_tokens_decoder.values()
    special = {token.content for token in added if token.special} | set(tokenizer.all_special_tokens)
    found = _pattern(frozenset(special)).search(text)
    return found[0] if found else None


@lru_cache(maxsize=8)
def _pattern(tokens: frozenset[str]) -> re.Pattern[str]:
    written = sorted((re.escape(token) for token in tokens if token), key=len, reverse=True)
    return re.compile("|".join(written) or "(?!)")
