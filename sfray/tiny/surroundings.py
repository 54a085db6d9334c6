"""What precedes a question when the base is measured: nothing, other conversations, or failed attempts."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from sfray.prompts import Message
from sfray.seeds import rng
from sfray.tasks.countdown import Problem, question_text
from sfray.tiny import attempts, crowd
from sfray.tiny.corpus import ATTEMPTED, SIZES, pick, problem, solve_messages

PAIRS = (2, 6)
"""How many unrelated question-answer pairs precede the question."""

FAILURES = (1, 2, 3)
"""How many failed attempts at the puzzle the user shows with the question."""

NAMES: Mapping[str, tuple[str, int]] = MappingProxyType(
    {"alone": ("pairs", 0)}
    | {f"{count} pairs": ("pairs", count) for count in PAIRS}
    | {f"{count} failures": ("failures", count) for count in FAILURES}
)
"""Name of each surrounding -> what it consists of, and how much of it."""


def chat(puzzle: Problem, surrounding: str, seed: int) -> list[Message]:
    """The conversation that asks a puzzle in a surrounding of :data:`NAMES`."""
    kind, count = NAMES[surrounding]
    asked = solve_messages(question_text(puzzle.numbers, puzzle.target), "plain")
    if kind == "failures":
        asked[-1]["content"] = after_failures(puzzle, asked[-1]["content"], count, seed)
        return asked
    return [message for index in range(count) for message in pair(puzzle, index, seed)] + asked


def pair(puzzle: Problem, index: int, seed: int) -> list[Message]:
    """One unrelated question with an answer, which is not always right."""
    source = rng("tiny", "pair", seed, puzzle.key, index)
    other = problem(source, pick(source, SIZES))
    answer = attempts.write(source, other, attempts.work(source, other, pick(source, ATTEMPTED)), "plain")
    asked = solve_messages(question_text(other.numbers, other.target), "plain")
    return [*asked, {"role": "assistant", "content": answer}]


def after_failures(puzzle: Problem, question: str, count: int, seed: int) -> str:
    """The question and, in the same user turn, failed attempts at it."""
    source = rng("tiny", "failures", seed, puzzle.key)
    failed = crowd.failures(source, puzzle, count)
    return crowd.joined(source, question, crowd.listing(source, puzzle, failed))
