"""Passages of a worked text: its steps, and what comes before its first result."""

from __future__ import annotations

import re

_BREAK = re.compile(r"\n|(?<=[.!?:;,])\s")
_SENTENCE = re.compile(r"\n|(?<=[.!?:])\s")
_RESULT = re.compile(r"[\d)]\s{0,3}=\s{0,3}-?\$?\d|<answer|\\boxed", re.IGNORECASE)
_ANSWER = re.compile(r"<answer>", re.IGNORECASE)
_LIST_MARK = re.compile(r"^[ \t]*(?:\d{1,3}[.)]|[-*])(?=\s|\Z)", re.MULTILINE)
_LAST_MARK = re.compile(rf"{_LIST_MARK.pattern}\s*\Z", re.MULTILINE)
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")

MIN_STEP_CHARS = 5
"""Shorter pieces ("So", "First") are no steps: they occur anywhere."""


def steps(text: str) -> list[str]:
    """The steps of an attempt in order: its lines, sentences and clauses up to the answer."""
    work = _ANSWER.split(text, maxsplit=1)[0]
    pieces = (piece.strip().strip(".,;:") for piece in _BREAK.split(work))
    return [piece for piece in pieces if len(piece) >= MIN_STEP_CHARS]


def before_results(text: str) -> str:
    """The beginning of a text up to the first sentence that computes a value or gives an answer."""
    result = _RESULT.search(text)
    if result is None:
        return text.strip()
    start = max((m.end() for m in _SENTENCE.finditer(text, 0, result.start())), default=0)
    return _LAST_MARK.sub("", text[:start]).strip()


def numbers(text: str) -> set[str]:
    """The numbers that a text mentions, without those that count its list."""
    return {number.replace(",", "") for number in _NUMBER.findall(_LIST_MARK.sub("", text))}
