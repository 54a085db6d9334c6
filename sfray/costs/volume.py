"""How much each step has to do: rows, requests and tokens, expected and at most, from the method alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sfray.config.settings import AttemptSettings, LazyReflectionSettings
from sfray.costs.asked import Pool, share
from sfray.costs.rates import Lengths
from sfray.graph import Ref, Step
from sfray.store.manifest import Manifest

ROUNDS = 4
"""In which a lazy shard asks, on average (``python -m benchmarks.reflections``)."""


@dataclass(frozen=True)
class Volume:
    """The work of a step.

    Attributes:
        rows: What it makes, expected; of training, sequences or rollouts in all.
        most: The same, at most.
        prompts: Distinct prompts that are read.
        prompt: Tokens of one of them.
        tokens: Tokens that are generated, or trained on.
        tokens_most: The same, at most.
        shards: Units of work that can go to different engines; 0 where there are none.
        steps: Of an optimizer.
        validation: Tokens that GRPO's validations generate.
        accuracy: Expected share of right ones among attempts.
        traced: Whether what comes of it (a model, or training data) writes traces.
        grpo: Whether a model has been through GRPO.
        trained: Whether a model has been trained at all.
        possible: Rows that there could be, where only those are made that others need; 0 where all are.
        rounds: In which the requests of a shard are put, one after the other.
        known: Whether the kind of work is one that can be planned.
    """

    rows: float = 0
    most: float = 0
    prompts: float = 0
    prompt: float = 0
    tokens: float = 0
    tokens_most: float = 0
    shards: int = 0
    steps: int = 0
    validation: float = 0
    accuracy: float = 0
    traced: bool = False
    grpo: bool = False
    trained: bool = False
    possible: float = 0
    rounds: int = 1
    known: bool = True


@dataclass(frozen=True)
class _Work:
    """A step and what is known of the steps before it."""

    step: Step
    lengths: Lengths
    steps: Mapping[str, Step]
    before: Mapping[str, Volume]
    splits: Mapping[str, Mapping[str, float]]

    def of(self, name: str) -> Volume:
        """The work of the step that an input names."""
        ref = self.step.inputs.get(name)
        return self.before.get(ref.step, Volume()) if isinstance(ref, Ref) else Volume()

    def questions(self, name: str = "questions") -> float:
        """Questions that an input names."""
        ref = self.step.inputs.get(name)
        return self.splits.get(ref.step, {}).get(ref.part, 0) if isinstance(ref, Ref) else 0

    def variants(self, name: str) -> Sequence[str]:
        """The prompt variants of the attempts that an input names; none where they were not sampled by a step."""
        ref = self.step.inputs.get(name)
        settings = self.steps[ref.step].settings if isinstance(ref, Ref) and ref.step in self.steps else None
        return settings.sample.variants if isinstance(settings, AttemptSettings) else ()

    def limit(self, tokens: int) -> int:
        """Most tokens that a response can have."""
        return min(tokens, self.step.settings.model.context)

    @property
    def shards(self) -> int:
        """Shards of the step's questions."""
        return -int(-self.questions() // self.step.settings.run.shard_questions)


def volumes(steps: Mapping[str, Step], lengths: Lengths, done: Mapping[str, Manifest]) -> dict[str, Volume]:
    """The work of every step, those that it reads before it.

    Args:
        steps: All steps of the method, each after those that it reads.
        lengths: What the model writes.
        done: Finished step -> manifest: its counts are used in place of what would be expected.
    """
    found: dict[str, Volume] = {}
    splits: dict[str, Mapping[str, float]] = {}
    for name, step in steps.items():
        if step.kind == "questions":
            task = step.settings.task
            counts = {split: getattr(task, split).count for split in ("sft", "rl", "eval")}
            splits[name] = done[name].counts if name in done else counts
        reckon = _KINDS.get(step.kind)
        work = _Work(step, lengths, steps, found, splits)
        reckoned = reckon(work) if reckon else Volume(known=step.kind in _READERS)
        found[name] = _counted(reckoned, done[name]) if name in done else reckoned
    return found


def _counted(volume: Volume, manifest: Manifest) -> Volume:
    """A volume with what was counted in place of what was expected."""
    counts = manifest.counts
    rows = counts.get("traces", counts.get("rows", volume.rows))
    tokens = counts.get("tokens", volume.tokens)
    right = counts["correct"] / rows if rows and "correct" in counts else volume.accuracy
    return replace(volume, rows=rows, most=rows, tokens=tokens, tokens_most=tokens, accuracy=right)


def _questions(work: _Work) -> Volume:
    count = sum(work.splits[work.step.name].get(split, 0) for split in ("sft", "rl", "eval"))
    return Volume(rows=count, most=count)


def _sample(work: _Work) -> Volume:
    sample, model = work.step.settings.sample, work.of("model")
    prompts = work.questions() * len(sample.variants) * (2 if sample.hinted else 1)
    rows, limit = prompts * sample.n, work.limit(sample.max_tokens)
    right = work.lengths.accuracy_trained if model.trained else work.lengths.accuracy
    return Volume(
        rows,
        rows,
        prompts,
        work.lengths.prompt,
        rows * _written(work, limit),
        rows * limit,
        work.shards,
        accuracy=right,
        traced=model.traced,
    )


def _teacher(work: _Work) -> Volume:
    teacher = work.step.settings.teacher
    rows = work.questions() * teacher.n
    tokens = rows * teacher.max_tokens
    expected = tokens * work.lengths.traced
    return Volume(rows, rows, rows, work.lengths.prompt, expected, tokens, accuracy=1.0, traced=True, known=False)


def _about(work: _Work, group: Any, subjects: Volume) -> Volume:
    """Segments about attempts, or about questions."""
    count = subjects.rows or work.questions()
    most = subjects.most or count
    limit = work.limit(group.max_tokens)
    each = len(group.variants) * group.n
    prompt = 2 * work.lengths.prompt + (work.lengths.attempt if subjects.rows else 0)
    tokens = count * each * min(work.lengths.reflection, limit)
    return Volume(
        count * each,
        most * each,
        count * len(group.variants),
        prompt,
        tokens,
        most * each * limit,
        work.shards,
    )


def _reflect(work: _Work) -> Volume:
    settings, attempts = work.step.settings, work.of("attempts")
    every = _about(work, settings.reflect, attempts)
    if not isinstance(settings, LazyReflectionSettings) or not settings.demands or not attempts.rows:
        return every
    each = len(settings.reflect.variants) * settings.reflect.n
    pool = Pool(attempts.rows / work.questions(), attempts.accuracy, each, work.variants("attempts"))
    asked = share(settings.demands, pool)
    return replace(
        every,
        rows=every.rows * asked,
        prompts=min(every.prompts, every.rows * asked),
        tokens=every.tokens * asked,
        possible=every.rows,
        rounds=ROUNDS,
    )


def _segments(work: _Work) -> Volume:
    return _about(work, work.step.settings.segments, work.of("attempts"))


def _select(work: _Work) -> Volume:
    select, attempts = work.step.settings.select, work.of("attempts")
    most = attempts.most
    if select.per_question is not None:
        most = min(most, work.questions() * select.per_question)
    rows = min(attempts.rows * attempts.accuracy, most)
    each = attempts.tokens / attempts.rows if attempts.rows else work.lengths.attempt
    tokens = rows * (work.lengths.prompt / 2 + each)
    return Volume(rows, most, tokens=tokens, tokens_most=most * select.max_tokens, traced=attempts.traced)


def _traces(work: _Work) -> Volume:
    trace, attempts = work.step.settings.trace, work.of("attempts")
    reflections = work.of("reflections")
    reflected = reflections.possible or reflections.rows
    each = reflected / attempts.rows if reflected and attempts.rows else 1
    if trace.reflections_per_attempt is not None:
        each = min(each, trace.reflections_per_attempt)
    most = attempts.most * max(each, 1)
    rows = attempts.rows * attempts.accuracy * each * work.lengths.traces
    for limit in (
        trace.subsample_size,
        trace.max_per_question and trace.max_per_question * work.questions(),
    ):
        if limit:
            rows, most = min(rows, limit), min(most, limit)
    tokens = rows * min(work.lengths.trace, trace.max_tokens)
    # Algorithm 1 uses each pair once; other recipes may show an attempt in traces of every length.
    uses = 1 if trace.recipe == "algorithm1" else trace.l_max * trace.repeats
    pairs = uses * (attempts.tokens_most * max(each, 1) + reflections.tokens_most)
    longest = min(most * trace.max_tokens, max(pairs + most * work.lengths.prompt, tokens))
    return Volume(rows, most, tokens=tokens, tokens_most=longest, shards=work.shards, traced=True)


def _sft(work: _Work) -> Volume:
    sft, data = work.step.settings.sft, work.of("traces")
    steps = -int(-data.rows // sft.batch) * sft.epochs
    share = min(1.0, sft.max_steps / steps) if sft.max_steps and steps else 1.0
    rows, tokens = data.rows * sft.epochs * share, data.tokens * sft.epochs * share
    most = data.most * sft.epochs
    most = min(most, sft.max_steps * sft.batch) if sft.max_steps else most
    return Volume(
        rows,
        most,
        tokens=tokens,
        tokens_most=min(data.tokens_most * sft.epochs, most * sft.max_length),
        steps=round(steps * share),
        traced=data.traced,
        trained=True,
    )


def _grpo(work: _Work) -> Volume:
    grpo, model = work.step.settings.grpo, work.of("model")
    rows = grpo.steps * grpo.batch * grpo.n
    length = work.lengths.rollout * grpo.max_response if model.traced else work.lengths.attempt
    length = min(length, grpo.max_response, work.lengths.longest)
    # verl measures at every test_every-th step and at the last.
    times = -(-grpo.steps // grpo.test_every) if grpo.test_every else 0
    times += int(grpo.validate_first)
    return Volume(
        rows,
        rows,
        grpo.steps * grpo.batch,
        min(work.lengths.prompt, grpo.max_prompt),
        rows * length,
        rows * grpo.max_response,
        steps=grpo.steps,
        validation=times * work.questions("validation") * length,
        traced=model.traced,
        grpo=True,
        trained=True,
    )


def _evaluate(work: _Work) -> Volume:
    settings = work.step.settings.evaluate
    each = max([settings.n, *settings.n_by_task.values()])  # at most; which task a question is of is not known here
    prompts = work.questions()
    limit = work.limit(settings.force_to or settings.max_tokens)
    rows = prompts * settings.n
    return Volume(
        rows,
        prompts * each,
        prompts,
        work.lengths.prompt,
        rows * _written(work, limit),
        prompts * each * limit,
        work.shards,
    )


def _written(work: _Work, limit: int) -> float:
    """Tokens of a response of the step's model."""
    model, lengths = work.of("model"), work.lengths
    if not model.traced:
        return min(lengths.attempt, limit)
    return min(limit * (lengths.after_grpo if model.grpo else lengths.traced), lengths.longest)


_KINDS = {
    "questions": _questions,
    "sample": _sample,
    "teacher": _teacher,
    "reflect": _reflect,
    "segments": _segments,
    "select": _select,
    "traces": _traces,
    "sft": _sft,
    "grpo": _grpo,
    "evaluate": _evaluate,
}
"""Kind of work -> how much of it there is."""

_READERS = ("pretrained", "quality", "results")
"""Kinds of work that make no rows."""
