"""The trace grammar, both ways: render silver traces, parse what a model wrote.

    <think>
    <sample>
    ATTEMPT
    </sample>
    <reflect>
    REFLECTION … <verdict>Correct</verdict>
    </reflect>
    GLUE                      (between pairs only)
    <sample> … </sample>
    <reflect> … </reflect>
    </think>

    ENDING

    <answer>
    FINAL ANSWER
    </answer>

Source: paper section 3, https://arxiv.org/abs/2512.04072.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

STRUCTURAL_TAG = re.compile(r"</?\s*(?:think|sample|reflect)\s*>", re.IGNORECASE)
"""Tags that only the builder may write: an attempt or reflection with one is rejected."""

_BLOCK_TAG = re.compile(r"<(/?)(sample|reflect)>")
_NOT_WORD = re.compile(r"[^a-z]+")


class Verdict(StrEnum):
    """What a reflection says of its attempt."""

    CORRECT = "Correct"
    INCORRECT = "Incorrect"


class VerdictError(StrEnum):
    """Why a reflection has no verdict that counts."""

    MISSING = "missing_verdict"
    CONTRADICTORY = "contradictory_verdict"
    UNREADABLE = "unreadable_verdict"


@dataclass(frozen=True, slots=True)
class Pair:
    """An attempt and the reflection on it; without one in the ``no_reflection`` recipe."""

    attempt: str
    reflection: str | None


def parse_verdict(text: str) -> Verdict | VerdictError:
    """Reads the last complete ``<verdict>``.

    Case, white space, punctuation and bold marks are tolerated. A verdict that says
    both words, or one of them negated, contradicts itself.
    """
    lowered = text.lower()
    end = lowered.rfind("</verdict>")
    start = lowered.rfind("<verdict>", 0, end) if end >= 0 else -1
    if start < 0:
        return VerdictError.MISSING
    words = _NOT_WORD.sub(" ", lowered[start + len("<verdict>") : end]).split()
    if words == ["correct"]:
        return Verdict.CORRECT
    if words == ["incorrect"]:
        return Verdict.INCORRECT
    return VerdictError.CONTRADICTORY if {"correct", "incorrect"} & set(words) else VerdictError.UNREADABLE


def render(pairs: Sequence[Pair], glue: Sequence[str], ending: str, answer: str, closing: str = "") -> str:
    """Renders a trace.

    Args:
        pairs: Attempts with their reflections, in order; at least one.
        glue: The phrases between them: one fewer than pairs.
        ending: The phrase after the thinking.
        answer: The final answer.
        closing: Text after the last pair, inside the thinking (recipes that go back to
            an earlier attempt or confirm the last one).

    Raises:
        ValueError: No pair, a wrong number of glue phrases, or a structural tag in a part.
    """
    if not pairs or len(glue) != len(pairs) - 1:
        raise ValueError(f"{len(pairs)} pairs need {len(pairs) - 1} glue phrases, got {len(glue)}")
    lines = ["<think>"]
    for i, pair in enumerate(pairs):
        lines += ["<sample>", _clean(pair.attempt), "</sample>"]
        if pair.reflection is not None:
            lines += ["<reflect>", _clean(pair.reflection), "</reflect>"]
        if i < len(glue):
            lines.append(_clean(glue[i]))
    if closing:
        lines.append(_clean(closing))
    return "\n".join([*lines, "</think>", "", _clean(ending), "", "<answer>", _clean(answer), "</answer>"])


def _clean(part: str) -> str:
    if STRUCTURAL_TAG.search(part):
        raise ValueError(f"structural tag inside a part of a trace: {part[:80]!r}")
    return part.strip()


@dataclass(frozen=True, slots=True)
class Try:
    """An attempt that a model wrote, and every reflection between it and the next one."""

    attempt: str
    reflections: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Thinking:
    """What a response shows of the skills.

    Attributes:
        tries: Each complete ``<sample>`` with the ``<reflect>`` blocks that follow it.
        closed: Whether the think block was closed.
    """

    tries: tuple[Try, ...]
    closed: bool


def parse(text: str) -> Thinking:
    """Reads the attempts and reflections of a response, complete blocks only; never fails, in linear time.

    The inverse of :func:`render` for every trace it writes. A reflection without an
    attempt before it is passed over.
    """
    head, closed, tail = text.rpartition("</think>")
    thinking = head if closed else tail
    tries: list[tuple[str, list[str]]] = []
    opened: re.Match[str] | None = None
    for tag in _BLOCK_TAG.finditer(thinking):
        if not tag[1]:
            opened = tag if opened is None or tag[2] == opened[2] else opened
        elif opened is not None and tag[2] == opened[2]:
            body = thinking[opened.end() : tag.start()].strip()
            if tag[2] == "sample":
                tries.append((body, []))
            elif tries:
                tries[-1][1].append(body)
            opened = None
    return Thinking(tuple(Try(attempt, tuple(reflections)) for attempt, reflections in tries), bool(closed))
