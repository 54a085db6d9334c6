"""Rows for the tests of traces: judged attempts and reflections without any model."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pyarrow.parquet as pq

from sfray.artifacts import Attempts, Questions, Reflections
from sfray.grammar import Verdict
from sfray.io.arrow import to_table
from sfray.records import Attempt, Question, Reflection, SkillSegment
from sfray.skills.registry import skill
from sfray.store.artifact import Artifact
from sfray.tasks import countdown
from sfray.tasks.registry import verify
from sfray.traces.builder import Sources
from sfray.traces.pool import Candidate, Pools

VARIANTS = ("plain", "plan", "alternatives", "restate")


def attempt(number: int, correct: bool, variant: str = "plain", question: str = "q", **fields: object) -> Attempt:
    """An attempt whose text and answer name it: ``C0``, ``I3``."""
    name = f"{'C' if correct else 'I'}{number}"
    row = {
        "id": f"{question}/{variant}/{number}" if correct else f"{question}/{variant}/{100 + number}",
        "question_id": question,
        "variant": variant,
        "sample": number,
        "hinted": False,
        "text": f"try {name} <answer>{name}</answer>",
        "tokens": 5,
        "finish": "stop",
        "correct": correct,
        "reason": "correct" if correct else "wrong_value",
        "answer": name,
    }
    return Attempt(**(row | fields))  # type: ignore[arg-type]


def reflection(on: Attempt, number: int = 0, **fields: object) -> Reflection:
    """A valid reflection on an attempt."""
    verdict = Verdict.CORRECT if on.correct else Verdict.INCORRECT
    row = {
        "id": f"{on.id}/r{number}",
        "attempt_id": on.id,
        "question_id": on.question_id,
        "sample": number,
        "text": f"check {on.answer} <verdict>{verdict}</verdict>",
        "tokens": 5,
        "finish": "stop",
        "verdict": verdict.value,
        "valid": True,
    }
    return Reflection(**(row | fields))  # type: ignore[arg-type]


def segment(name: str, on: Attempt | None = None, number: int = 0, **fields: object) -> SkillSegment:
    """A segment of a skill on an attempt, or on the question ``q``."""
    row = {
        "id": f"{'q' if on is None else on.id}/{skill(name).tag}{number}",
        "skill": name,
        "question_id": "q" if on is None else on.question_id,
        "attempt_id": None if on is None else on.id,
        "variant": "default",
        "sample": number,
        "text": f"{name} of {'q' if on is None else on.answer}",
        "tokens": 5,
        "finish": "stop",
    }
    return SkillSegment(**(row | fields))  # type: ignore[arg-type]


def pools(correct: int, incorrect: int, reflections: int = 1, variants: int = 1) -> Pools:
    """Pools of so many candidates, their prompt variants in turn."""

    def candidates(count: int, right: bool) -> tuple[Candidate, ...]:
        attempts = [attempt(i, right, VARIANTS[i % variants]) for i in range(count)]
        return tuple(Candidate(a, tuple(reflection(a, k) for k in range(reflections))) for a in attempts)

    return Pools(candidates(correct, True), candidates(incorrect, False))


def countdown_rows(count: int, pairs: int = 8, seed: int = 0) -> tuple[list[Question], list[Attempt], list[Reflection]]:
    """Countdown questions, about half of their attempts right, one valid reflection on each."""
    rng = random.Random(seed)
    questions, attempts, reflections = [], [], []
    for number in range(count):
        problem = countdown.draw(rng, 3)
        gold = json.dumps({"numbers": list(problem.numbers), "target": problem.target})
        name = f"countdown-3:sft:{number:06d}"
        text = countdown.question_text(problem.numbers, problem.target)
        questions.append(
            Question(
                id=name,
                task="countdown",
                level="3",
                split="sft",
                text=text,
                gold=gold,
                answer=countdown.render(problem.tree),
            )
        )
        for k in range(pairs):
            tree = problem.tree if rng.random() < 0.4 else countdown.combine(rng, list(problem.numbers))[1]
            work, shown = ", ".join(countdown.steps(tree)), countdown.render(tree)
            solution = f"{work}. <answer>{shown}</answer>"
            outcome = verify("countdown", gold, solution)
            one = attempt(
                k,
                outcome.correct,
                VARIANTS[k % 4],
                name,
                id=f"{name}/{VARIANTS[k % 4]}/{k // 4}",
                text=solution,
                reason=outcome.reason.value,
                answer=outcome.answer,
            )
            verdict = Verdict.CORRECT if outcome.correct else Verdict.INCORRECT
            attempts.append(one)
            reflections.append(reflection(one, text=f"{shown}: {work}. <verdict>{verdict}</verdict>"))
    return questions, attempts, reflections


def write_run(folder: Path, count: int, shard: int = 4, pairs: int = 8) -> Sources:
    """Writes what traces are made of."""
    questions, attempts, reflections = countdown_rows(count, pairs)
    inputs = {name: folder / name for name in ("questions", "attempts", "reflections")}
    inputs["questions"].mkdir(parents=True)
    pq.write_table(to_table(Question, questions), inputs["questions"] / "sft.parquet", row_group_size=shard)
    for number in range(0, count, shard):
        ids = {q.id for q in questions[number : number + shard]}
        for name, record, rows in (("attempts", Attempt, attempts), ("reflections", Reflection, reflections)):
            stage = Artifact(inputs[name], name, {}, {})
            stage.write_shard(number // shard, to_table(record, [r for r in rows if r.question_id in ids]))
    return Sources(
        Questions(inputs["questions"], "sft"), Attempts(inputs["attempts"]), Reflections(inputs["reflections"])
    )


def write_tokenizer(folder: Path) -> Path:
    """A byte-level tokenizer with a chat template, as a model folder without weights."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    specials = ["<|im_start|>", "<|im_end|>", "<|endoftext|>"]
    vocabulary = {token: i for i, token in enumerate([*specials, *alphabet])}
    core = Tokenizer(models.BPE(vocabulary, []))
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=core, eos_token="<|im_end|>", pad_token="<|endoftext|>", bos_token="<|im_start|>"
    )
    tokenizer.chat_template = (
        "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
        "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    )
    tokenizer.save_pretrained(folder)
    (folder / "config.json").write_text('{"model_type": "llama"}')
    return folder
