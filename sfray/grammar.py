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

Segments of other skills have tags of their own: a skill and its tag are given to
:func:`render_parts` and :func:`parse` as ``{"planning": "plan"}`` beside :data:`TAGS`.

Source: paper section 3, https://arxiv.org/abs/2512.04072.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType

from sfray.names import suggestion

ATTEMPT = "attempt"
"""Skill of solving the question; every trace has segments of it."""

REFLECTION = "reflection"
"""Skill of checking an attempt; every trace has segments of it."""

TAGS: Mapping[str, str] = MappingProxyType({ATTEMPT: "sample", REFLECTION: "reflect"})
"""Skill -> tag, for the traces of the paper."""

THINK_OPEN = "<think>"
"""Tag that opens the thinking of a response."""

THINK_CLOSE = "</think>"
"""Tag that closes the thinking of a response."""

RESERVED = frozenset({"think", "answer", "verdict", *TAGS.values()})
"""Tags that have a meaning already; no other skill may take one."""


def structural(tags: Iterable[str]) -> re.Pattern[str]:
    """Matches the tags that only the builder may write, in any case: the paper's and those given."""
    return _structural(tuple(tags))


@lru_cache(maxsize=64)
def _structural(tags: tuple[str, ...]) -> re.Pattern[str]:
    names = "|".join(map(re.escape, dict.fromkeys(("think", *TAGS.values(), *tags))))
    return re.compile(rf"</?\s*(?:{names})\s*>", re.IGNORECASE)


STRUCTURAL_TAG = structural(())
"""Tags that only the builder may write: an attempt or reflection with one is rejected."""

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
    """An attempt and the reflection on it; None where the recipe leaves reflections out."""

    attempt: str
    reflection: str | None


@dataclass(frozen=True, slots=True)
class Segment:
    """A tagged piece of a trace that shows one skill.

    Attributes:
        skill: Who owns the tag: ``attempt``, ``reflection``, or a declared skill.
        text: What is between the tags.
        about: Index of the part it speaks of; None for the question.
    """

    skill: str
    text: str
    about: int | None = None


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
    """Renders a trace of attempts and reflections; the arguments are those of :func:`paired` and :func:`render_parts`.

    Raises:
        ValueError: No pair, a wrong number of glue phrases, or a structural tag in a part.
    """
    return render_parts(paired(pairs, glue, closing), ending, answer)


def paired(pairs: Sequence[Pair], glue: Sequence[str], closing: str = "") -> list[Segment | str]:
    """The parts of a trace of attempts and reflections, in order.

    Args:
        pairs: Attempts with their reflections, in order; at least one.
        glue: The phrases between them: one fewer than pairs.
        closing: Text after the last pair, inside the thinking (recipes that go back to
            an earlier attempt or confirm the last one).

    Raises:
        ValueError: No pair, or a wrong number of glue phrases.
    """
    if not pairs or len(glue) != len(pairs) - 1:
        raise ValueError(f"{len(pairs)} pairs need {len(pairs) - 1} glue phrases, got {len(glue)}")
    parts: list[Segment | str] = []
    for i, pair in enumerate(pairs):
        parts.append(Segment(ATTEMPT, pair.attempt))
        if pair.reflection is not None:
            parts.append(Segment(REFLECTION, pair.reflection, len(parts) - 1))
        parts += glue[i : i + 1]
    return [*parts, closing] if closing else parts


def render_parts(parts: Sequence[Segment | str], ending: str, answer: str, tags: Mapping[str, str] = TAGS) -> str:
    """Renders a trace of segments of any declared skill.

    Args:
        parts: Segments, and plain strings for the words between them, in order.
        ending: The phrase after the thinking.
        answer: The final answer.
        tags: Skill -> tag of its segments.

    Raises:
        ValueError: A segment of a skill without a tag, or one of the tags in a part.
    """
    lines = [THINK_OPEN]
    for part in parts:
        if isinstance(part, str):
            lines.append(_clean(part, tags))
        elif part.skill not in tags:
            raise ValueError(f"no tag for skill {part.skill!r}{suggestion(part.skill, tags)}")
        else:
            lines += [f"<{tags[part.skill]}>", _clean(part.text, tags), f"</{tags[part.skill]}>"]
    after = [THINK_CLOSE, "", _clean(ending, tags), "", "<answer>", _clean(answer, tags), "</answer>"]
    return "\n".join(lines + after)


def _clean(part: str, tags: Mapping[str, str]) -> str:
    if structural(tags.values()).search(part):
        raise ValueError(f"structural tag inside a part of a trace: {part[:80]!r}")
    return part.strip()


@dataclass(frozen=True, slots=True)
class Try:
    """An attempt that a model wrote, and every reflection between it and the next one."""

    attempt: str
    reflections: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Faults:
    """Where a response leaves the grammar.

    Attributes:
        extra_ends: ``</think>`` beyond the first.
        unopened: Closing tags whose block was never opened.
        unclosed: Opening tags whose block was never closed.
        misplaced: Blocks outside the thinking or inside another block, reflections without
            an attempt before them, and a second ``<think>``.
        unanswered: 1 without a complete ``<answer>`` after the thinking.
    """

    extra_ends: int = 0
    unopened: int = 0
    unclosed: int = 0
    misplaced: int = 0
    unanswered: int = 0


@dataclass(frozen=True, slots=True)
class Thinking:
    """What a response shows of the skills.

    Attributes:
        tries: Each attempt with the reflections on it.
        closed: Whether a ``</think>`` is there.
        faults: Where the response leaves the grammar.
        segments: Those of the other declared skills, in order; ``about`` is the index in
            ``tries`` of the nearest attempt before one, None before the first.
    """

    tries: tuple[Try, ...]
    closed: bool
    faults: Faults = Faults()
    segments: tuple[Segment, ...] = ()

    @property
    def valid(self) -> bool:
        """One think block, every block in it opened and closed in order, then an answer."""
        return self.closed and self.faults == Faults()


def parse(text: str, tags: Mapping[str, str] = TAGS) -> Thinking:
    """Reads the attempts, reflections and other segments of a response; never fails, in linear time.

    Takes what is there: a block ends at its closing tag. Without an opening tag its text
    starts after the tag before it, and a closing tag with nothing before it ends nothing.
    A reflection speaks of the nearest attempt before it; one without any is passed over and
    counted as misplaced, and so is a segment of any skill inside an attempt that has not
    ended. The inverse of :func:`render` and :func:`render_parts` for every trace they write.

    Args:
        text: The response.
        tags: Skill -> tag of its segments. A tag of no skill in it is plain text.
    """
    reader = _Reader(text, tags)
    for tag in _block_tag(tuple(tags.values())).finditer(text):
        if tag[1]:
            reader.close(tag[2], *tag.span())
        else:
            reader.open(tag[2], tag.end())
    return reader.finish()


@lru_cache(maxsize=64)
def _block_tag(tags: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(rf"<(/?)({'|'.join(map(re.escape, ('think', *tags)))})>")


class _Reader:
    """Follows the tags of a response from left to right."""

    def __init__(self, text: str, tags: Mapping[str, str]) -> None:
        self.text = text
        self.skills = {tag: skill for skill, tag in tags.items()}
        self.tries: list[tuple[str, list[str]]] = []
        self.segments: list[Segment] = []
        self.opened: dict[str, int] = {}  # tag -> where the text of its open block starts
        self.position = 0  # end of the last tag
        self.ends = self.unopened = self.unclosed = self.misplaced = 0

    def open(self, name: str, end: int) -> None:
        """Takes an opening tag."""
        inside = self.opened.keys() - {name}
        self.unclosed += name in self.opened
        self.misplaced += inside != (set() if name == "think" else {"think"}) or (name == "think" and self.ends > 0)
        self.opened[name] = self.position = end

    def close(self, name: str, start: int, end: int) -> None:
        """Takes a closing tag; the end of the thinking ends every block in it."""
        opened = name in self.opened
        self.unopened += not opened
        body = self.text[self.opened.pop(name, self.position) : start].strip() if name != "think" else ""
        if name == "think":
            self.ends += 1
            self.unclosed += len(self.opened.keys() - {"think"})
            self.opened.clear()
        elif not opened and not body:
            pass  # a closing tag written twice ends nothing
        else:
            self._take(self.skills[name], body)
        self.position = end

    def _take(self, skill: str, body: str) -> None:
        """Takes the text of a block that has ended."""
        inside = any(self.skills.get(name) == ATTEMPT for name in self.opened)
        if skill == ATTEMPT:
            self.tries.append((body, []))
        elif inside or (skill == REFLECTION and not self.tries):
            self.misplaced += 1
        elif skill == REFLECTION:
            self.tries[-1][1].append(body)
        else:
            self.segments.append(Segment(skill, body, len(self.tries) - 1 if self.tries else None))

    def finish(self) -> Thinking:
        """What was read."""
        tail = self.text.rpartition("</think>")[2]
        answered = "</answer>" in tail.partition("<answer>")[2]
        faults = Faults(
            extra_ends=max(0, self.ends - 1),
            unopened=self.unopened,
            unclosed=self.unclosed + len(self.opened),
            misplaced=self.misplaced,
            unanswered=int(not answered),
        )
        tries = tuple(Try(a, tuple(r)) for a, r in self.tries)
        return Thinking(tries, self.ends > 0, faults, tuple(self.segments))
