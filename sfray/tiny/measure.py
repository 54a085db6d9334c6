"""Measures the tiny base model: ``python -m sfray.tiny.measure [MODEL]``.

Asks puzzles of the ``eval`` split, which pre-training never meets, in all four styles;
lets the model reflect on its own attempts; asks them again after other conversations and
after failed attempts; and judges everything with the exact verifier. Ends with the gates
(:mod:`sfray.tiny.gates`). With ``--chains`` it measures a trained model instead: its
responses to plain questions, attempt by attempt.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from sfray.grammar import STRUCTURAL_TAG, Verdict, parse_verdict
from sfray.io.files import write_json
from sfray.seeds import rng, split_of
from sfray.tasks.countdown import Problem, draw, question_text
from sfray.tiny import MODEL_DIR, chain, surroundings
from sfray.tiny.attempts import VARIANTS
from sfray.tiny.chain import judge
from sfray.tiny.corpus import reflect_messages, solve_messages
from sfray.tiny.gates import gates, table
from sfray.tiny.sampler import Sampler

QUESTIONS = {2: 50, 3: 200, 4: 300, 5: 400, 6: 100}
"""Puzzles of each size; every one is asked once in each style."""

SURROUNDED = {3: 1_000, 4: 1_000, 5: 300, 6: 300}
"""Puzzles of each size that are asked once, plainly, in each surrounding."""

CHAINED = {3: 200, 4: 200, 5: 200, 6: 200}
"""Puzzles of each size that a trained model is asked once."""

REFLECTED_SIZES = (2, 3, 4, 5)
TEMPERATURES = (0.7, 1.0)
"""The pipeline samples attempts at the first, GRPO's rollouts may take the second."""


@dataclass(frozen=True)
class Try:
    """One attempt of the model and its reflection, judged."""

    size: int
    variant: str
    attempt: str
    correct: bool
    reflection: str | None = None
    verdict: bool | None = None


def problems(size: int, count: int, seed: int) -> list[Problem]:
    """Different puzzles of the ``eval`` split."""
    source = rng("tiny", "questions", seed, size)
    found: dict[str, Problem] = {}
    while len(found) < count:
        drawn = draw(source, size)
        if split_of(drawn.key) == "eval":
            found.setdefault(drawn.key, drawn)
    return list(found.values())


def sample(sampler: Sampler, size: int, count: int, reflect: bool) -> Iterator[Try]:
    """Asks puzzles of one size in every style, and reflects on each attempt if wanted."""
    asked = [(p, v) for p in problems(size, count, sampler.seed) for v in VARIANTS]
    questions = [question_text(p.numbers, p.target) for p, _ in asked]
    texts = sampler.ask([solve_messages(q, v) for q, (_, v) in zip(questions, asked, strict=True)], f"solve {size}")
    tries = [Try(size, v, t, judge(p, t)) for (p, v), t in zip(asked, texts, strict=True)]
    if not reflect:
        yield from tries
        return
    chats = [reflect_messages(q, t) for q, t in zip(questions, texts, strict=True)]
    for one, text in zip(tries, sampler.ask(chats, f"reflect {size}"), strict=True):
        said = parse_verdict(text)
        yield replace(one, reflection=text, verdict=said == Verdict.CORRECT if isinstance(said, Verdict) else None)


def f1(tries: Sequence[Try], positive: bool) -> float:
    """F1 of the verdicts for one class; a reflection without a verdict says neither."""
    hits = sum(t.correct == positive and t.verdict == positive for t in tries)
    wrong = sum((t.correct == positive) != (t.verdict == positive) for t in tries)
    return 2 * hits / (2 * hits + wrong) if hits or wrong else 0.0


def precision(tries: Sequence[Try]) -> float:
    """The share of the verdicts "Correct" that are right; 0 of none."""
    return share([t.correct for t in tries if t.verdict])


def share(flags: Sequence[bool]) -> float:
    """The share of true flags; 0 where there are no flags."""
    return round(sum(flags) / max(1, len(flags)), 4)


def is_single(text: str | None, closing: str) -> bool:
    """Whether an answer holds exactly one closing tag of its kind, at its end, and no trace tag."""
    body = (text or "").strip()
    return body.count(closing) == 1 and body.endswith(closing) and not STRUCTURAL_TAG.search(body)


def summary(tries: Sequence[Try]) -> dict[str, Any]:
    """The figures the model card quotes."""
    sizes = sorted({t.size for t in tries})
    of = {size: [t for t in tries if t.size == size] for size in sizes}
    reflected = {size: own for size, own in of.items() if own[0].reflection is not None}
    return {
        "attempts": {str(size): len(own) for size, own in of.items()},
        "accuracy": {str(size): share([t.correct for t in own]) for size, own in of.items()},
        "accuracy_by_variant": {
            variant: {str(s): share([t.correct for t in own if t.variant == variant]) for s, own in of.items()}
            for variant in VARIANTS
            if any(t.variant == variant for t in tries)
        },
        "verdict_f1": {
            str(size): {"correct": round(f1(own, True), 4), "incorrect": round(f1(own, False), 4)}
            for size, own in reflected.items()
        },
        "precision": {str(size): precision(own) for size, own in reflected.items()},
        "verdict_missing": {str(s): share([t.verdict is None for t in own]) for s, own in reflected.items()},
        "single_answer": share([is_single(t.attempt, "</answer>") for t in tries]),
        "single_verdict": share([is_single(t.reflection, "</verdict>") for own in reflected.values() for t in own]),
    }


def around(sampler: Sampler, part: float) -> dict[str, Any]:
    """Figures of one attempt in every surrounding, over the same puzzles."""
    asked = {size: problems(size, max(1, int(part * count)), sampler.seed) for size, count in SURROUNDED.items()}
    every = [puzzle for own in asked.values() for puzzle in own]
    found: dict[str, Any] = {}
    for name in surroundings.NAMES:
        chats = [surroundings.chat(puzzle, name, sampler.seed) for puzzle in every]
        texts = dict(zip((p.key for p in every), sampler.ask(chats, name), strict=True))
        rows = {str(size): chain.by_index(own, [texts[p.key] for p in own])[0] for size, own in asked.items()}
        found[name] = {"by_size": rows}
    return found


def chains(sampler: Sampler, part: float) -> dict[str, Any]:
    """Figures of a trained model's responses: right, valid, and attempt by attempt."""
    found: dict[str, Any] = {}
    for size, count in CHAINED.items():
        asked = problems(size, max(1, int(part * count)), sampler.seed)
        chats = [solve_messages(question_text(p.numbers, p.target), "plain") for p in asked]
        texts = sampler.ask(chats, f"chain {size}")
        found[str(size)] = {**chain.grammar(asked, texts), "by_index": chain.by_index(asked, texts)}
    return found


def abilities(args: argparse.Namespace) -> dict[str, Any]:
    """Everything that is measured of a base."""
    figures: dict[str, Any] = {"seed": args.seed, "split": "eval", "sampling": "plain (no top-p, no top-k)"}
    figures["temperature"] = {}
    for temperature in args.temperatures:
        sampler = Sampler(args.model, temperature, args.seed)
        tries = [
            t
            for size, count in QUESTIONS.items()
            for t in sample(sampler, size, max(1, int(args.share * count)), size in REFLECTED_SIZES)
        ]
        figures["temperature"][str(temperature)] = summary(tries)
        if args.tries:
            with args.tries.open("a", encoding="utf-8") as file:
                file.writelines(json.dumps({"temperature": temperature, **asdict(t)}) + "\n" for t in tries)
    first = args.temperatures[0]
    figures["surroundings"] = around(Sampler(args.model, first, args.seed), args.share)
    found = gates(figures["surroundings"], figures["temperature"][str(first)])
    figures["gates"] = [{**asdict(gate), "passed": gate.passed} for gate in found]
    Console().print(table(found))
    return figures


def main(arguments: list[str] | None = None) -> None:
    """Measures a model folder; of a base it writes ``abilities.json`` into it."""
    parser = argparse.ArgumentParser(prog="python -m sfray.tiny.measure", description=__doc__.split("\n")[0])
    parser.add_argument("model", type=Path, nargs="?", default=MODEL_DIR, help="Hugging Face folder")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--share", type=float, default=1.0, help="part of the questions to ask")
    parser.add_argument("--temperatures", type=float, nargs="+", default=TEMPERATURES, help="the gates take the first")
    parser.add_argument("--threads", type=int, default=1, help="threads to compute with")
    parser.add_argument("--out", type=Path, help="file to write (default: abilities.json in the model folder)")
    parser.add_argument("--tries", type=Path, help="also write every attempt and reflection, one JSON per line")
    parser.add_argument("--chains", type=int, metavar="TOKENS", help="measure chains of at most so many tokens instead")
    args = parser.parse_args(arguments)
    torch.set_num_threads(args.threads)
    if args.chains:
        figures = chains(Sampler(args.model, args.temperatures[0], args.seed, args.chains), args.share)
    else:
        figures = abilities(args)
    if args.out or not args.chains:
        write_json(args.out or args.model / "abilities.json", figures)
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
