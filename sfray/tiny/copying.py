"""Drills that copy: lines with the tags and phrases of traces, numbers over a distance, and answers.

They make the tags and phrases that fine-tuning will use known words, in no order and with
no use: a line is drawn alone, so nothing of the form of a trace can be learned from them.
"""

from __future__ import annotations

import random
from functools import cache

from sfray.grammar import TAGS
from sfray.prompts import load
from sfray.tasks.countdown import question_text
from sfray.tiny import attempts, crowd
from sfray.tiny.corpus import END, Document, chat, pick, problem

LINES = {2: 20, 3: 40, 4: 25, 5: 15}
"""How often so many lines are copied (percent)."""

KINDS = {"short": 45, "tag": 40, "long": 15}
"""What a line is: a phrase of the tiny wording, a tag, or a phrase of the default wording (percent)."""

TAG_NAMES = ("think", *TAGS.values(), "verdict", "answer")

RECALLED = {3: 25, 4: 30, 5: 25, 6: 20}
"""How many numbers are recalled, or an answer has that is copied (percent)."""

FILLERS = {1: 25, 2: 25, 3: 25, 4: 25}
"""How many texts lie between numbers and their recall, or precede the copy of an answer (percent)."""

ENDED = 0.6
"""Share of the copied answers that a trace's ending phrase precedes."""


@cache
def phrases(wording: str) -> tuple[str, ...]:
    """Every phrase that a trace may hold in a wording, in the order of its file."""
    words = load(wording)
    glue = [phrase for group in words.glue.values() for phrase in group]
    return (*glue, *words.ending, *words.backtrack, *words.confirm)


def line(rng: random.Random) -> str:
    """One line to copy."""
    kind = pick(rng, KINDS)
    if kind == "tag":
        return f"<{rng.choice(('', '/'))}{rng.choice(TAG_NAMES)}>"
    return rng.choice(phrases("tiny" if kind == "short" else "default"))


def lines(rng: random.Random) -> Document:
    """The user gives lines, the assistant repeats them."""
    text = "\n".join(line(rng) for _ in range(pick(rng, LINES)))
    prompt = chat([{"role": "user", "content": f"Copy:\n{text}"}])
    return Document("copy:lines", 0, ((prompt, False), (text + END, True)))


def numbers(rng: random.Random) -> Document:
    """The user gives a puzzle's numbers, then other things, and asks for the numbers."""
    size = pick(rng, RECALLED)
    puzzle = problem(rng, size)
    fillers = [filler(rng) for _ in range(pick(rng, FILLERS))]
    told = question_text(puzzle.numbers, puzzle.target) if rng.random() < 0.5 else attempts.listed(puzzle.numbers)
    text = "\n".join([told, *fillers])
    prompt = chat([{"role": "user", "content": f"{text}\nCopy the numbers."}])
    return Document("copy:numbers", size, ((prompt, False), (attempts.listed(puzzle.numbers) + END, True)))


def answer(rng: random.Random) -> Document:
    """The user gives a puzzle and attempts of others at it, and asks for the last answer."""
    size = pick(rng, RECALLED)
    puzzle = problem(rng, size)
    failed = crowd.failures(rng, puzzle, pick(rng, FILLERS))
    told = f"{question_text(puzzle.numbers, puzzle.target)}\n\n{crowd.listing(rng, puzzle, failed)}"
    prompt = chat([{"role": "user", "content": f"{told}\nCopy the last answer."}])
    ending = f"{rng.choice(load('tiny').ending)}\n\n" if rng.random() < ENDED else ""
    copied = f"{ending}<answer>\n{failed[-1].expression}\n</answer>"
    return Document("copy:answer", size, ((prompt, False), (copied + END, True)))


def filler(rng: random.Random) -> str:
    """A text that lies between: a failed attempt at another puzzle, or a phrase."""
    if rng.random() < 0.3:
        return rng.choice(phrases("tiny"))
    puzzle = problem(rng, pick(rng, RECALLED))
    return attempts.write(rng, puzzle, crowd.failure(rng, puzzle), "plain")
