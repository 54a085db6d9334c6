"""What a forgiving reader would have scored: reported beside the strict rate, never rewarded.

Answers are looked for in this order, the last one of the first kind that occurs:
``<answer>`` in any case and anywhere, also when it was never closed; ``\\boxed{}``;
"the answer is …" up to the end of the sentence. Bold marks, dollar signs and one
trailing period around the answer are dropped, then the task's own judge decides.
"""

from __future__ import annotations

import json
import re
from collections import deque

from sfray.tasks.formula import boxed
from sfray.tasks.outcome import Outcome
from sfray.tasks.registry import family, verify

_TAG = re.compile(r"<answer>", re.IGNORECASE)
_CLOSE = re.compile(r"</answer>|<answer>", re.IGNORECASE)
_PHRASE = re.compile(r"\banswer\s{0,3}(?:is|:|=)\s{0,3}:?", re.IGNORECASE)
_SENTENCE_END = re.compile(r"\.(?=\s|$)|\n|<")
MAX_CHARS = 2_000


def verify_leniently(task: str, gold: str, text: str) -> Outcome:
    """Judges a response as a forgiving reader would; a strictly right one is right here too.

    Args:
        task: Name of the family.
        gold: ``Question.gold``.
        text: The whole response.
    """
    strict = verify(task, gold, text)
    if strict.correct:
        return strict
    answer = extract(text)
    if answer is None:
        return strict
    judge, read = family(task).judge, json.loads(gold)
    outcome = judge(read, answer)
    return outcome if outcome.correct else judge(read, _bare(answer))


def extract(text: str) -> str | None:
    """The answer a forgiving reader would find; None without one. Linear."""
    for found in (_tagged(text), _boxed(text), _phrased(text)):
        if found is not None and found.strip():
            return found.strip()
    return None


def _tagged(text: str) -> str | None:
    last = _last(_TAG, text)
    if last is None:
        return None
    rest = text[last.end() : last.end() + MAX_CHARS]
    closing = _CLOSE.search(rest)
    return rest[: closing.start()] if closing else rest


def _boxed(text: str) -> str | None:
    found = boxed(text)
    return found[-1] if found else None


def _phrased(text: str) -> str | None:
    last = _last(_PHRASE, text)
    if last is None:
        return None
    rest = text[last.end() : last.end() + MAX_CHARS]
    closing = _SENTENCE_END.search(rest.lstrip())
    return rest.lstrip()[: closing.start()] if closing else rest


def _last(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    return next(iter(deque(pattern.finditer(text), maxlen=1)), None)


def _bare(answer: str) -> str:
    return answer.strip("*_`$ \t\r\n").removesuffix(".").strip("*_`$ \t\r\n")
