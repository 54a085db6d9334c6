"""Measures the tiny base model: ``python -m sfray.tiny.measure [MODEL]``.

Asks puzzles of the ``eval`` split, which pre-training never meets, in all four styles;
lets the model reflect on its own attempts; and judges both with the exact verifier.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from rich.progress import track
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerBase

from sfray.files import write_json
from sfray.grammar import STRUCTURAL_TAG, Verdict, parse_verdict
from sfray.seeds import derive, rng, split_of
from sfray.tasks.countdown import Problem, draw, question_text
from sfray.tasks.registry import verify
from sfray.tiny import MODEL_DIR
from sfray.tiny.attempts import VARIANTS
from sfray.tiny.corpus import reflect_messages, solve_messages

QUESTIONS = {2: 50, 3: 200, 4: 200, 5: 100, 6: 100}
"""Puzzles of each size; every one is asked once in each style."""

REFLECTED_SIZES = (2, 3, 4)
TEMPERATURES = (1.0, 0.7)
MAX_NEW_TOKENS = 200
BATCH = 128


@dataclass(frozen=True)
class Try:
    """One attempt of the model and its reflection, judged."""

    size: int
    variant: str
    attempt: str
    correct: bool
    reflection: str | None = None
    verdict: bool | None = None


class Sampler:
    """Plain sampling from a model, seeded per call."""

    def __init__(self, folder: Path, temperature: float, seed: int) -> None:
        self.words: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(folder, padding_side="left")
        self.model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
        self.temperature, self.seed = temperature, seed

    def ask(self, chats: Sequence[list[dict[str, str]]], name: str) -> list[str]:
        """Answers every chat once; special tokens are left out, an unfinished answer stays so."""
        prompts = [self.words.apply_chat_template(c, tokenize=False, add_generation_prompt=True) for c in chats]
        order = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))
        answers = [""] * len(prompts)
        torch.manual_seed(derive("tiny", "measure", self.seed, name))
        for start in track(range(0, len(order), BATCH), description=name):
            chosen = order[start : start + BATCH]
            inputs = self.words([prompts[i] for i in chosen], return_tensors="pt", padding=True)
            with torch.inference_mode():
                output = self.model.generate(
                    input_ids=inputs["input_ids"],
                    attention_mask=inputs["attention_mask"],
                    do_sample=True,
                    temperature=self.temperature,
                    top_k=0,
                    max_new_tokens=MAX_NEW_TOKENS,
                )
            texts = self.words.batch_decode(output[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
            for i, text in zip(chosen, texts, strict=True):
                answers[i] = text
        return answers


def problems(size: int, count: int, seed: int) -> list[Problem]:
    """Different puzzles of the ``eval`` split."""
    source = rng("tiny", "questions", seed, size)
    found: dict[str, Problem] = {}
    while len(found) < count:
        drawn = draw(source, size)
        if split_of(drawn.key) == "eval":
            found.setdefault(drawn.key, drawn)
    return list(found.values())


def judge(problem: Problem, text: str) -> bool:
    """Whether an attempt is right."""
    return verify("countdown", json.dumps({"numbers": problem.numbers, "target": problem.target}), text).correct


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


def share(flags: Sequence[bool]) -> float:
    """The share of true flags; 0 of none."""
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
        "verdict_missing": {str(s): share([t.verdict is None for t in own]) for s, own in reflected.items()},
        "single_answer": share([is_single(t.attempt, "</answer>") for t in tries]),
        "single_verdict": share([is_single(t.reflection, "</verdict>") for own in reflected.values() for t in own]),
    }


def main(arguments: list[str] | None = None) -> None:
    """Measures a model folder and writes ``abilities.json`` into it."""
    parser = argparse.ArgumentParser(prog="python -m sfray.tiny.measure", description=__doc__.split("\n")[0])
    parser.add_argument("model", type=Path, nargs="?", default=MODEL_DIR, help="Hugging Face folder")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--share", type=float, default=1.0, help="part of the questions to ask")
    parser.add_argument("--out", type=Path, help="file to write (default: abilities.json in the model folder)")
    parser.add_argument("--tries", type=Path, help="also write every attempt and reflection, one JSON per line")
    args = parser.parse_args(arguments)
    torch.set_num_threads(1)
    figures: dict[str, Any] = {
        "seed": args.seed,
        "split": "eval",
        "sampling": "plain (no top-p, no top-k)",
        "temperature": {},
    }
    for temperature in TEMPERATURES:
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
    write_json(args.out or args.model / "abilities.json", figures)
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
