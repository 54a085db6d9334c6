"""Chat template and tokenizer together: whether what is trained on is what the model reads and writes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sfray.grammar import Pair, render
from sfray.models.error import ModelError
from sfray.models.generation import first_line
from sfray.models.template import check_rendering, prompt_text
from sfray.models.tokenizer import token_ids
from sfray.prompts import Message

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

TRACE = render([Pair("2 + 3 = 5\n<answer>5</answer>", "It holds. <verdict>Correct</verdict>")], [], "So:", "5")
"""A response with every tag of the trace grammar."""

TAGS = tuple(f"<{end}{name}>" for name in ("think", "sample", "reflect", "answer", "verdict") for end in ("", "/"))

_QUESTION: list[Message] = [{"role": "user", "content": "How much is 2 + 3?"}]
_SYSTEM: Message = {"role": "system", "content": "Explain every step."}


def faults(tokenizer: PreTrainedTokenizerBase, folder: Path, system: bool) -> Iterator[str]:
    """Says where text is lost or changed on its way to the model or back.

    Args:
        tokenizer: With one chat template.
        folder: The model's folder, for the messages.
        system: Whether prompts have a system turn.

    Raises:
        ModelError: The template fails on a plain question: nothing else can be tried.
    """
    file = template_file(folder)
    _render(tokenizer, _QUESTION, file)
    yield from _system_faults(tokenizer, file) if system else ()
    yield from _date_faults(tokenizer, file)
    yield from _turn_faults(tokenizer, file)
    yield from _tag_faults(tokenizer, folder)
    yield from _boundary_faults(tokenizer, folder)


def template_file(folder: Path) -> Path:
    """The file that a folder's chat template is in."""
    alone = folder / "chat_template.jinja"
    return alone if alone.is_file() else folder / "tokenizer_config.json"


def _render(tokenizer: PreTrainedTokenizerBase, messages: Sequence[Message], file: Path) -> str:
    from jinja2 import TemplateError

    try:
        return prompt_text(tokenizer, messages)
    except (TemplateError, TypeError, ValueError) as error:
        raise ModelError(
            f"{file}: the chat template fails ({first_line(error)}); take the template of the model's first release"
        ) from error


def _system_faults(tokenizer: PreTrainedTokenizerBase, file: Path) -> Iterator[str]:
    remedy = "choose sample.variants without a system prompt, or another template"
    try:
        text = _render(tokenizer, [_SYSTEM, *_QUESTION], file)
    except ModelError as error:
        yield f"{file}: the chat template takes no system turn ({first_line(error.__cause__ or error)}); {remedy}"
        return
    if _SYSTEM["content"] not in text:
        yield f"{file}: the chat template leaves the system turn out; {remedy}"


def _date_faults(tokenizer: PreTrainedTokenizerBase, file: Path) -> Iterator[str]:
    """Renders one question on two days: ``strftime_now`` is what templates ask for the date."""
    if "strftime_now" not in str(tokenizer.chat_template):
        return
    days = {
        str(tokenizer.apply_chat_template(_QUESTION, tokenize=False, strftime_now=lambda _, day=day: day))
        for day in ("1 Jan 2001", "2 Feb 2002")
    }
    if len(days) > 1:
        yield (
            f"{file}: the chat template prints the date (strftime_now), so the same prompt differs from day to day; "
            f"write a fixed date in its place"
        )


def _turn_faults(tokenizer: PreTrainedTokenizerBase, file: Path) -> Iterator[str]:
    """The assistant's turn: begins with the response alone, keeps it, and ends with the end-of-sequence token."""
    prompt = _render(tokenizer, _QUESTION, file)
    if prompt.rstrip().endswith("<think>"):
        yield (
            f"{file}: the chat template opens <think> itself, so responses lack the tag that training and "
            f"verification look for; remove it after the assistant's header"
        )
        return
    try:
        check_rendering(tokenizer, _QUESTION, TRACE)
    except ModelError as error:
        reason = str(error).removeprefix("model.path: ")
        yield f"{file}: {reason}; use a template that leaves the assistant's turn as it is"
        return
    whole = str(tokenizer.apply_chat_template([*_QUESTION, _assistant()], tokenize=False))
    ending, eos = whole[len(prompt) + len(TRACE) :].lstrip(), str(tokenizer.eos_token)
    if not ending.startswith(eos):
        yield (
            f"{file}: the assistant's turn ends with {ending[:40]!r}, not with the end-of-sequence token {eos!r}, so "
            f"generation would not stop where training does; set eos_token in tokenizer_config.json to the turn's end"
        )


def _assistant() -> Message:
    return {"role": "assistant", "content": TRACE}


def _tag_faults(tokenizer: PreTrainedTokenizerBase, folder: Path) -> Iterator[str]:
    """Tokens to text, as engines decode: no tag may be dropped."""
    back = str(tokenizer.decode(token_ids(tokenizer, TRACE), skip_special_tokens=True))
    if lost := [tag for tag in TAGS if tag not in back and tag in TRACE]:
        special = [tag for tag in lost if tag in tokenizer.all_special_tokens]
        if special:
            yield (
                f"{folder / 'tokenizer.json'}: {', '.join(special)} are special tokens, which decoding drops from "
                f'every response; set "special": false for them there and take them off the lists of special tokens '
                f"in tokenizer_config.json"
            )
            return
        yield f"{folder}: the tokenizer turns text into {back[:60]!r}: tokenizer files are missing or of another model"
    elif back.split() != TRACE.split():
        yield f"{folder}: the tokenizer does not give back the text it was given: {back[:60]!r}"


def _boundary_faults(tokenizer: PreTrainedTokenizerBase, folder: Path) -> Iterator[str]:
    """The ids of prompt and response apart are those of both together; some tokenizers add a space to each text."""
    prompt = prompt_text(tokenizer, _QUESTION)
    apart = [*token_ids(tokenizer, prompt), *token_ids(tokenizer, TRACE)]
    together = token_ids(tokenizer, prompt + TRACE)
    if apart == together:
        return
    at = next((i for i, (a, b) in enumerate(zip(apart, together, strict=False)) if a != b), len(together))
    shown = [tokenizer.convert_ids_to_tokens(ids[at : at + 2]) for ids in (apart, together)]
    yield (
        f"{folder}: the tokenizer makes {shown[0]} of a response alone, but {shown[1]} after the prompt, so training "
        f"would see other tokens than generation writes; use a tokenizer that adds no space (add_prefix_space false)"
    )
