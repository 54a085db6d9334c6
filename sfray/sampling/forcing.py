"""Budget forcing: a model that stops thinking early, or loops, is made to think on.

A response gets ``max_tokens`` at first. Where its thinking ends, the closing tag and all after
it are dropped and a trigger takes their place (for a SkillFactory model the opening of another
attempt); where it repeats itself, the repetitions are. The model goes on from there, on the
same token ids, up to ``force_to`` tokens in all. A response that was cut in the middle of its
thinking just goes on. Source: arXiv 2512.04072, section on budget forcing; what the paper leaves
open, and what is assumed, is in ``docs/evaluation.md``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from sfray import seeds
from sfray.config import EvaluateConfig
from sfray.grammar import THINK_CLOSE, THINK_OPEN
from sfray.sampling.engine import LONGEST_PATTERN, MAX_SEED_BITS, REPEATS, Engine, Refused, Request, Sampled

MAX_LOOPS = 8
"""A response that still repeats itself after so many triggers is left as it is."""

Decode = Callable[[Sequence[int]], str]
Encode = Callable[[str], list[int]]


@dataclass(frozen=True, slots=True)
class Resumption:
    """Where a response is taken up again.

    Attributes:
        ids: Token ids that it starts with: those of the response, then those of the trigger.
        kept: How many of them are the response's own.
        why: ``closed``, ``loop`` or ``cut``.
    """

    ids: tuple[int, ...]
    kept: int
    why: str


def force(
    engine: Engine, requests: Sequence[Request], answers: Sequence[list[Sampled] | Refused], config: EvaluateConfig
) -> list[list[Sampled] | Refused]:
    """Makes responses think on.

    Args:
        engine: The engine that gave them.
        requests: What was asked.
        answers: The plain responses to each request, within ``config.max_tokens``.
        config: ``force_to`` must be set.

    Returns:
        The answers in the same order, each response with its plain one.
    """
    now = {(i, k): s for i, a in enumerate(answers) if not isinstance(a, Refused) for k, s in enumerate(a)}
    plain = dict(now)
    whys: dict[tuple[int, int], tuple[str, ...]] = dict.fromkeys(now, ())
    longest = replace(config, max_tokens=config.force_to or config.max_tokens)
    waiting = list(now)
    for turn in range(1 + MAX_LOOPS):
        found = {at: _again(engine, now[at], config) for at in waiting}
        due = {
            at: again
            for at, again in found.items()
            if again and len(again.ids) < longest.max_tokens and (turn == 0 or again.why == "loop")
        }
        starts = [(_continued(requests[i], k, turn), due[i, k].ids) for i, k in due]
        waiting = []
        for at, sample in zip(due, engine.go_on(starts, longest) if starts else (), strict=True):
            now[at], whys[at] = sample, (*whys[at], due[at].why)
            if sample.finish == "repetition":
                waiting.append(at)
    forced = {at: replace(sample, plain=plain[at], resumed=whys[at]) for at, sample in now.items()}
    return [a if isinstance(a, Refused) else [forced[i, k] for k in range(len(a))] for i, a in enumerate(answers)]


def _again(engine: Engine, sample: Sampled, config: EvaluateConfig) -> Resumption | None:
    return resumption(sample.ids, sample.finish, config.trigger, engine.decode, engine.encode)


def _continued(request: Request, sample: int, turn: int) -> Request:
    seed = seeds.derive(request.seed, "force", sample, turn, bits=MAX_SEED_BITS)
    return replace(request, id=f"{request.id}/{sample}", seed=seed, n=1)


def resumption(ids: Sequence[int], finish: str, trigger: str, decode: Decode, encode: Encode) -> Resumption | None:
    """Where a response goes on, or None where it does not think, or has ended without closing its thinking.

    Args:
        ids: Token ids of the response, without the token that ended it.
        finish: ``stop``; ``length`` when it was cut, ``repetition`` when it was cut for a loop.
        trigger: What takes the place of the closing tag, and of repetitions.
        decode: Text of token ids.
        encode: Token ids of a text, without special tokens.
    """
    text = decode(ids)
    if THINK_OPEN not in text:
        return None
    at = text.find(THINK_CLOSE)
    if at >= 0:
        kept = _within(ids, at, decode)
        between = text[len(decode(ids[:kept])) : at]  # of a token that the closing tag shares
        return Resumption((*ids[:kept], *encode(between + trigger)), kept, "closed")
    if finish == "stop":
        return None
    if (own := loop(ids)) is not None:
        return Resumption((*ids[:own], *encode(trigger)), own, "loop")
    return Resumption(tuple(ids), len(ids), "cut")


def loop(ids: Sequence[int], longest: int = LONGEST_PATTERN, repeats: int = REPEATS) -> int | None:
    """How many tokens come before the repetitions of the pattern that ends a text; None where there is no loop.

    The first occurrence of the pattern is not a repetition.
    """
    for size in range(1, min(longest, len(ids) // repeats) + 1):
        pattern, start = list(ids[-size:]), len(ids) - size
        while start >= size and list(ids[start - size : start]) == pattern:
            start -= size
        if (len(ids) - start) // size >= repeats:
            return start + size
    return None


def _within(ids: Sequence[int], characters: int, decode: Decode) -> int:
    """The most tokens whose text is at most so long."""
    low, high = 0, len(ids)
    while low < high:
        middle = (low + high + 1) // 2
        if len(decode(ids[:middle])) <= characters:
            low = middle
        else:
            high = middle - 1
    return low
