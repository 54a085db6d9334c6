"""The corpus of the first phase of pre-training: documents made by program, each a function of its seed.

A document is a list of pieces; the loss covers the pieces the assistant writes. There
are three kinds: an attempt at a puzzle in one of the four styles the prompts ask for,
a reflection on an attempt, and a drill of bare arithmetic. No document holds more
than one attempt or reflection as the assistant's own, and none holds a trace tag.
The later phases (:mod:`sfray.tiny.context`, :mod:`sfray.tiny.distance`) mix them otherwise and add kinds.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TypeVar

from sfray.prompts import Message, Prompts, load
from sfray.seeds import split_of
from sfray.tasks.countdown import Countdown, Problem, combine, draw, question_text, steps
from sfray.tiny import attempts, crowd, reflections
from sfray.tiny.crowd import Crowding

SIZES = {2: 20, 3: 50, 4: 18, 5: 7, 6: 5}
"""How often a puzzle has so many numbers (percent)."""

KINDS = {"attempt": 58, "reflection": 32, "drill": 10}
"""How often a document is of a kind (percent)."""

ATTEMPTED = {"hit": 55, "miss": 40, "slip": 3, "stray": 1, "repeat": 1}
"""Outcomes of the attempts the assistant writes (percent)."""

REFLECTED = {"hit": 45, "miss": 25, "slip": 15, "stray": 6, "repeat": 6, "blank": 3}
"""Outcomes of the attempts the assistant reflects on (percent)."""

NOISE = 0.02
"""Share of verdicts that contradict the recomputation before them."""

FACTS = 6
"""Lines of a drill."""

START = "<|im_start|>"
"""Token that opens a turn."""

END = "<|im_end|>"
"""Token that closes a turn."""

TEXT_END = "<|endoftext|>"
"""Token that closes a document."""

Name = TypeVar("Name", str, int)
Piece = tuple[str, bool]
"""Text, and whether the loss covers it."""


@dataclass(frozen=True)
class Document:
    """One document: its kind (``attempt:plan``, ``reflection:miss``, ``drill``) and its pieces."""

    kind: str
    size: int
    pieces: tuple[Piece, ...]

    @property
    def text(self) -> str:
        """The whole document."""
        return "".join(text for text, _ in self.pieces)


@cache
def prompts() -> Prompts:
    """The wording that the pipeline itself uses, so that pre-training and use agree."""
    return load()


def solve_messages(question: str, variant: str) -> list[Message]:
    """The chat that asks for a solution."""
    return prompts().attempt(variant, question, Countdown.answer_type)


def reflect_messages(question: str, attempt: str) -> list[Message]:
    """The chat that asks for a reflection."""
    return prompts().reflection("default", question, attempt)


def chat(messages: list[Message]) -> str:
    """Renders a chat up to the assistant's first word, as the chat template does."""
    turns = "".join(f"{START}{m['role']}\n{m['content']}{END}\n" for m in messages)
    return f"{turns}{START}assistant\n"


def pick(rng: random.Random, shares: Mapping[Name, int]) -> Name:
    """Draws a key by its share."""
    return rng.choices(list(shares), weights=list(shares.values()))[0]


def problem(rng: random.Random, size: int) -> Problem:
    """Draws a puzzle that belongs to the ``pretrain`` split."""
    while True:
        drawn = draw(rng, size)
        if split_of(drawn.key) == "pretrain":
            return drawn


def document(rng: random.Random) -> Document:
    """Draws one document."""
    kind, size = pick(rng, KINDS), pick(rng, SIZES)
    if kind == "attempt":
        return attempted(rng, size, ATTEMPTED)
    return reflected(rng, size, REFLECTED, NOISE) if kind == "reflection" else drill(rng, size)


def attempted(rng: random.Random, size: int, outcomes: Mapping[str, int], crowding: Crowding | None = None) -> Document:
    """A question in one style, and one attempt.

    Args:
        rng: Source of randomness.
        size: How many numbers the puzzle has.
        outcomes: Outcome of the attempt -> its share.
        crowding: How the user also shows failed attempts of others, of which the assistant's
            attempt repeats none.
    """
    puzzle, variant = problem(rng, size), rng.choice(attempts.VARIANTS)
    attempt = attempts.work(rng, puzzle, pick(rng, outcomes))
    messages = solve_messages(question_text(puzzle.numbers, puzzle.target), variant)
    failed = crowding.draw(rng, puzzle) if crowding else []
    if failed:
        attempt = crowd.unlike(rng, puzzle, attempt, failed)
        messages[-1]["content"] = crowd.joined(rng, messages[-1]["content"], crowd.listing(rng, puzzle, failed))
    answer = attempts.write(rng, puzzle, attempt, variant)
    return Document(f"attempt:{variant}", size, ((chat(messages), False), (answer + END, True)))


def reflected(
    rng: random.Random, size: int, outcomes: Mapping[str, int], noise: float, crowding: Crowding | None = None
) -> Document:
    """A question with an attempt of any style, and one reflection.

    Args:
        rng: Source of randomness.
        size: How many numbers the puzzle has.
        outcomes: Outcome of the attempt that is reflected on -> its share.
        noise: Chance of a flipped verdict.
        crowding: How the user also shows failed attempts of others.
    """
    puzzle, outcome = problem(rng, size), pick(rng, outcomes)
    attempt = attempts.work(rng, puzzle, outcome)
    shown = attempts.write(rng, puzzle, attempt, rng.choice(attempts.VARIANTS))
    question = question_text(puzzle.numbers, puzzle.target)
    messages = reflect_messages(question, shown)
    failed = crowding.draw(rng, puzzle) if crowding else []
    if crowding and failed:
        others, asked = crowd.listing(rng, puzzle, failed), messages[-1]["content"]
        placed = asked.replace(question, f"{question}\n\n{others}", 1) if crowding.between else f"{others}\n\n{asked}"
        messages[-1]["content"] = placed
    prompt = chat(messages)
    cut = prompt.index(question) + len(question)
    answer = reflections.write(rng, puzzle, attempt, noise)
    pieces = ((prompt[:cut], False), (prompt[cut:], False), (answer + END, True))
    return Document(f"reflection:{outcome}", size, pieces)


def drill(rng: random.Random, size: int) -> Document:
    """Bare arithmetic, the part of the task that takes longest to learn."""
    facts: list[str] = []
    while len(facts) < FACTS:
        _, tree = combine(rng, [rng.randint(1, 20) for _ in range(min(size, 3))])
        facts += steps(tree)
    pieces: list[Piece] = []
    for fact in facts[:FACTS]:
        left, right = fact.rsplit(" = ", 1)
        pieces += [(f"{left} = ", False), (f"{right}\n", True)]
    return Document("drill", 0, (*pieces, (TEXT_END, True)))
